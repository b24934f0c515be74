package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/patchbay/patchbay/internal/transfer"
	"github.com/patchbay/patchbay/models"
)

type importCommand struct {
	storageSettings
	passphraseSettings
	File    string `arg:"" help:"File that patchbay export wrote; - is standard input."`
	Check   bool   `help:"Write nothing: check every line and tell what would be imported."`
	Replace bool   `help:"Put what is in the file in place of what has the same user and integration, the same name, or the same webhook endpoint."`
}

// Run imports.
func (i *importCommand) Run(ctx context.Context, streams Streams) error {
	in, err := i.input(streams)
	if err != nil {
		return err
	}
	defer in.Close()
	open := i.open
	if i.Check {
		open = i.openExisting
	}
	db, err := open(ctx)
	if err != nil {
		return err
	}
	report, err := transfer.Import(ctx, db, in, transfer.ImportOptions{
		Check: i.Check, Replace: i.Replace, Now: utcNow, Passphrase: func() (models.Secret, error) { return i.ask(streams) },
	})
	if errors.Is(err, transfer.ErrReplaceWithoutSecrets) {
		err = settingsError{err}
	}
	for _, fault := range report.Faults {
		fmt.Fprintln(streams.Err, "patchbay:", fault)
	}
	if err == nil && len(report.Faults) > 0 {
		err = errors.New("the file cannot be imported as it is")
	} else if err != nil {
		err = fmt.Errorf("%w (imported before this: %s)", err, countsText(report.Imported))
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	return printReport(streams.Out, report, i.Check)
}

// input opens the file. What can be read only once is copied first.
func (i *importCommand) input(streams Streams) (*os.File, error) {
	if i.File == "-" {
		return spooled(streams.In)
	}
	file, err := os.Open(i.File)
	if err != nil {
		return nil, settingsError{err}
	}
	if info, err := file.Stat(); err != nil || info.Mode().IsRegular() {
		return file, err
	}
	defer file.Close()
	return spooled(file)
}

// spooled copies what r gives to a file that nobody else can read, and that is gone once it is closed.
func spooled(r io.Reader) (*os.File, error) {
	file, err := os.CreateTemp("", "patchbay-import-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("copy the input, to read it twice: %w", err)
	}
	os.Remove(file.Name()) // it stays until it is closed, and no longer, even if we are killed
	if _, err = io.Copy(file, r); err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("copy the input, to read it twice: %w", err)
	}
	return file, nil
}

// ask gives the passphrase of the file. Standard input can be only one of the two.
func (i *importCommand) ask(streams Streams) (models.Secret, error) {
	if i.Passphrase == "" && i.File == "-" {
		return "", settingsError{errors.New("the file on standard input has secrets: set PATCHBAY_EXPORT_PASSPHRASE")}
	}
	return i.read(streams, "Passphrase of the file: ")
}

// printReport tells what became of the records, and what is to be done about it.
func printReport(w io.Writer, report *transfer.Report, check bool) error {
	var b strings.Builder
	verb := "Imported"
	if check {
		verb = "Nothing was written. To be imported"
	}
	fmt.Fprintf(&b, "%s: %s.\n", verb, countsText(report.Imported))
	for _, part := range []struct {
		label  string
		counts transfer.Counts
	}{{"Replaced", report.Replaced}, {"There already", report.Present}, {"Skipped, because another one is there", report.Skipped}} {
		if len(part.counts) > 0 {
			fmt.Fprintf(&b, "%s: %s.\n", part.label, countsText(part.counts))
		}
	}
	for _, reason := range report.Reasons {
		fmt.Fprintf(&b, "  %s\n", reason)
	}
	if len(report.Left) > 0 {
		fmt.Fprintf(&b, "Left, because their secrets are not in the file: %s. Create them anew.\n", countsText(report.Left))
	}
	if report.NoSecrets && report.Imported["connection"] > 0 {
		b.WriteString("The connections came without credentials: their users have to connect again.\n")
	}
	if report.NoSecrets && report.Imported["integration"] > 0 {
		b.WriteString("The integrations came without their secrets: set oauth_client_secret and what reads [redacted] again.\n")
	}
	if report.NoSecrets && report.Imported["webhookEndpoint"] > 0 {
		b.WriteString("The webhook endpoints came disabled, without their secrets: roll each secret, give it to the application, and enable the endpoint.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
