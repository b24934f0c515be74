// Package cli is the command line: it reads flags and environment, wires everything together and runs it. It is the only
// package that knows all others.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/patchbay/patchbay/models"
)

// Streams are where a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Exit codes.
const (
	exitOK       = 0
	exitFailed   = 1
	exitSettings = 2 // a flag, a variable or a file of the operator is not right
)

// settingsError marks an error as the operator's to mend.
type settingsError struct{ error }

func (e settingsError) Unwrap() error { return e.error }

// commands is the whole command line.
type commands struct {
	Serve       serveCommand       `cmd:"" default:"withargs" help:"Start the server (the default)."`
	Admin       adminCommands      `cmd:"" help:"Manage the people who sign in to the dashboard."`
	APIKey      apiKeyCommands     `cmd:"" name:"apikey" help:"Manage the keys of the API."`
	Keys        keysCommands       `cmd:"" help:"Look at the encryption keys and replace them."`
	Backup      backupCommand      `cmd:"" help:"Copy the database to a file, while the server runs."`
	Restore     restoreCommand     `cmd:"" help:"Put a backup in the database's place, after checking it."`
	Export      exportCommand      `cmd:"" help:"Write what the database holds to a file; without secrets, unless they are asked for."`
	Import      importCommand      `cmd:"" help:"Read what patchbay export wrote into the database."`
	Migrate     migrateCommands    `cmd:"" help:"Bring the database's schema up, or tell its version."`
	Seed        seedCommand        `cmd:"" help:"Fill a database with connections, for trials and benchmarks."`
	Doctor      doctorCommand      `cmd:"" help:"Check settings, keys, database and integrations before the server starts, and say what to do."`
	Healthcheck healthcheckCommand `cmd:"" help:"Ask a running server whether it is healthy; for containers."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

// Run carries out one command and gives the exit code.
func Run(ctx context.Context, args []string, streams Streams) int {
	var cli commands
	exited := -1
	parser, err := kong.New(&cli,
		kong.Name("patchbay"),
		kong.Description("Connects your users' accounts: OAuth flows, tokens, per-user configuration, and a dashboard."),
		kong.Writers(streams.Out, streams.Err),
		kong.Exit(func(code int) { exited = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(streams),
		kong.Vars{"scopes": models.JoinScopes(models.Scopes)},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		fmt.Fprintln(streams.Err, "patchbay:", err)
		return exitFailed
	}
	if len(args) > 0 && args[0] == "doctor" {
		cli.Doctor.faults = faultyVariables(parser.Model.Node)
	}
	command, err := parser.Parse(args)
	if exited >= 0 { // --help
		return exited
	}
	if err != nil {
		fmt.Fprintln(streams.Err, "patchbay:", strings.ReplaceAll(err.Error(), "\n", " "))
		return exitSettings
	}
	if err := command.Run(); err != nil {
		fmt.Fprintln(streams.Err, "patchbay:", err)
		var settings settingsError
		if errors.As(err, &settings) {
			return exitSettings
		}
		return exitFailed
	}
	return exitOK
}

type versionCommand struct{}

// Run prints the version that the module system recorded.
func (versionCommand) Run(streams Streams) error {
	_, err := fmt.Fprintln(streams.Out, "patchbay", programVersion())
	return err
}

func programVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}
