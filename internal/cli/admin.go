package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/patchbay/patchbay/internal/auth"
	"github.com/patchbay/patchbay/models"
)

type adminCommands struct {
	Create adminCreateCommand `cmd:"" help:"Create an admin; the password is prompted for, or read from standard input."`
}

type adminCreateCommand struct {
	storageSettings
	Email string `required:"" help:"Email address, the name to sign in with."`
	Role  string `enum:"admin,operator,viewer" default:"admin" help:"What the admin may do: admin, operator or viewer."`
}

// Run creates the admin.
func (a *adminCreateCommand) Run(ctx context.Context, streams Streams) error {
	password, err := readPassword(streams, "Password: ", "Again: ")
	if err != nil {
		return settingsError{err}
	}
	db, err := a.open(ctx)
	if err != nil {
		return err
	}
	service, _ := auth.New(db, utcNow)
	admin, err := service.CreateAdmin(ctx, models.Actor{Name: models.SystemActor}, a.Email, password, models.Role(a.Role))
	if err = errors.Join(err, db.Close()); err != nil {
		if e := models.AsError(err); e != nil {
			return settingsError{errors.New(e.Sentences())}
		}
		return err
	}
	_, err = fmt.Fprintf(streams.Out, "Created %s with the role %s.\n", admin.Email, admin.Role)
	return err
}

// readPassword prompts on a terminal, without echo and by every prompt, and reads one line from anything else.
func readPassword(streams Streams, prompts ...string) (string, error) {
	file, ok := streams.In.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		line, err := bufio.NewReader(io.LimitReader(streams.In, models.MaxPasswordBytes+2)).ReadString('\n')
		if err != nil && err != io.EOF {
			return "", fmt.Errorf("read the password from standard input: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	var typed []string
	for _, prompt := range prompts {
		fmt.Fprint(streams.Err, prompt)
		text, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(streams.Err)
		if err != nil {
			return "", fmt.Errorf("read the password: %w", err)
		}
		typed = append(typed, string(text))
	}
	if len(slices.Compact(typed)) > 1 {
		return "", errors.New("the two texts differ")
	}
	return typed[0], nil
}
