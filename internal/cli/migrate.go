package cli

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/patchbay/patchbay/internal/store"
)

type migrateCommands struct {
	Up     migrateUpCommand     `cmd:"" default:"withargs" help:"Bring the schema up (the default)."`
	Status migrateStatusCommand `cmd:"" help:"List the versions of the schema, applied and pending; changes nothing."`
}

type migrateUpCommand struct{ storageSettings }

// Run brings the schema up, as the server does at its start.
func (m *migrateUpCommand) Run(ctx context.Context, streams Streams) error {
	db, err := m.open(ctx)
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	list, err := store.Migrations(ctx, m.DB)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(streams.Out, "The schema of %s is at version %d.\n", store.Place(m.DB), schemaVersion(list))
	return err
}

// schemaVersion gives the newest version that is applied.
func schemaVersion(list []store.Migration) (version int64) {
	for _, m := range list {
		if m.Applied {
			version = max(version, m.Version)
		}
	}
	return version
}

type migrateStatusCommand struct{ storageSettings }

// Run prints a table of the versions.
func (m *migrateStatusCommand) Run(ctx context.Context, streams Streams) error {
	list, err := store.Migrations(ctx, m.DB)
	if err != nil {
		return settingsError{err}
	}
	table := tabwriter.NewWriter(streams.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "VERSION\tSTATUS\tNAME")
	for _, step := range list {
		status := "pending"
		if step.Applied {
			status = "applied"
		}
		fmt.Fprintf(table, "%d\t%s\t%s\n", step.Version, status, step.Name)
	}
	return table.Flush()
}
