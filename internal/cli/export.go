package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/patchbay/patchbay/internal/transfer"
	"github.com/patchbay/patchbay/models"
)

// passphraseSettings say what the secrets of an export are sealed with.
type passphraseSettings struct {
	Passphrase string `env:"PATCHBAY_EXPORT_PASSPHRASE" help:"Passphrase that secrets are sealed with; prompted for, or read from standard input, where not given. Set the variable: command lines can be seen by others."`
}

type exportCommand struct {
	storageSettings
	passphraseSettings
	Out         string `required:"" placeholder:"FILE" help:"File to write; - is standard output."`
	Format      string `enum:"jsonl,csv" default:"jsonl" help:"jsonl, which can be imported, or csv: connections without secrets."`
	WithSecrets bool   `help:"Include credentials, password and key hashes and the secrets of integrations and webhooks, sealed with a passphrase."`
	History     bool   `help:"Include audit entries and events."`
	Force       bool   `help:"Replace the file where it exists."`
}

// Run exports.
func (e *exportCommand) Run(ctx context.Context, streams Streams) error {
	if e.Format == "csv" && (e.WithSecrets || e.History) {
		return settingsError{errors.New("--format csv: it holds connections only, and no secrets; leave out --with-secrets and --history")}
	}
	if e.Out != "-" {
		if err := e.checkTarget(e.Out, e.Force); err != nil {
			return err
		}
	}
	options := transfer.ExportOptions{History: e.History, Now: utcNow()}
	if e.WithSecrets {
		passphrase, err := e.read(streams, "Passphrase: ", "Again: ")
		if err == nil {
			err = transfer.ValidatePassphrase(passphrase)
		}
		if err != nil {
			return settingsError{fmt.Errorf("--with-secrets: %w; PATCHBAY_EXPORT_PASSPHRASE sets it", err)}
		}
		options.Passphrase = passphrase
	}
	db, err := e.openExisting(ctx)
	if err != nil {
		return err
	}
	var counts transfer.Counts
	write := func(w io.Writer) (err error) {
		if e.Format == "csv" {
			counts, err = transfer.ExportCSV(ctx, db, w, options.Now)
		} else {
			counts, err = transfer.Export(ctx, db, w, options)
		}
		return err
	}
	if e.Out == "-" {
		err = write(streams.Out)
	} else {
		err = writeFile(e.Out, write)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if e.Out == "-" {
		return nil
	}
	_, err = fmt.Fprintf(streams.Out, "Exported to %s: %s.\n", e.Out, countsText(counts))
	return err
}

// read gives the passphrase that was set, or asks for it.
func (p *passphraseSettings) read(streams Streams, prompts ...string) (models.Secret, error) {
	if p.Passphrase != "" {
		return models.Secret(p.Passphrase), nil
	}
	text, err := readPassword(streams, prompts...)
	return models.Secret(text), err
}

// writeFile writes a file that nobody else can read, whole or not at all: until it is, an earlier one stays.
func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".export-*") // mode 0600
	if err != nil {
		return settingsError{fmt.Errorf("--out: %w", err)}
	}
	defer os.Remove(file.Name())
	err = write(file)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// kindNames are what people call the kinds of records.
var kindNames = map[string]string{
	"integration": "integrations", "admin": "admins", "apiKey": "API keys", "webhookEndpoint": "webhook endpoints", "connection": "connections", "auditEntry": "audit entries", "event": "events",
}

// countsText lists counts for people.
func countsText(counts transfer.Counts) string {
	var texts []string
	for kind, n := range counts {
		if n > 0 {
			texts = append(texts, fmt.Sprintf("%d %s", n, kindNames[kind]))
		}
	}
	if texts == nil {
		return "nothing"
	}
	slices.SortFunc(texts, func(a, b string) int {
		return strings.Compare(strings.TrimLeft(a, "0123456789"), strings.TrimLeft(b, "0123456789"))
	})
	return strings.Join(texts, ", ")
}
