package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/patchbay/patchbay/internal/auth"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

type apiKeyCommands struct {
	Create apiKeyCreateCommand `cmd:"" help:"Create an API key and print it, this once."`
	List   apiKeyListCommand   `cmd:"" help:"List the API keys."`
	Revoke apiKeyRevokeCommand `cmd:"" help:"End an API key at once."`
}

type apiKeyCreateCommand struct {
	storageSettings
	Name        string        `required:"" help:"Name of the key, such as the service that will use it."`
	Scope       []string      `help:"A right of the key, repeatable; every one where none is named: ${scopes}."`
	Integration []string      `help:"The only integrations it may touch, repeatable; all where none is named."`
	Expires     time.Duration `help:"How long it works, such as 2160h; for ever where not given."`
}

// Run creates the key.
func (a *apiKeyCreateCommand) Run(ctx context.Context, streams Streams) error {
	request := models.APIKeyRequest{Name: a.Name, Integrations: a.Integration, Scopes: models.Scopes}
	if len(a.Scope) > 0 {
		request.Scopes = nil
	}
	for _, scope := range a.Scope {
		request.Scopes = append(request.Scopes, models.Scope(scope))
	}
	if a.Expires != 0 {
		ends := utcNow().Add(a.Expires)
		request.ExpiresAt = &ends
	}
	return withAPIKeys(ctx, a.open, func(keys *auth.APIKeys) error {
		_, text, err := keys.Create(ctx, models.Actor{Name: models.SystemActor}, request)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(streams.Out, text.Reveal())
		return err
	})
}

type apiKeyListCommand struct{ storageSettings }

// Run prints a table of the keys.
func (a *apiKeyListCommand) Run(ctx context.Context, streams Streams) error {
	return withAPIKeys(ctx, a.openExisting, func(keys *auth.APIKeys) error {
		list, err := keys.List(ctx)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(streams.Out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "NAME\tKEY\tSCOPES\tINTEGRATIONS\tLAST USED\tEXPIRES")
		for _, key := range list {
			fmt.Fprintf(table, "%s\t%s…%s\t%s\t%s\t%s\t%s\n", key.Name, key.Prefix, key.Last, models.JoinScopes(key.Scopes),
				cmp.Or(strings.Join(key.Integrations, ", "), "all"), timeOr(key.LastUsed, "never"), timeOr(key.ExpiresAt, "never"))
		}
		return table.Flush()
	})
}

func timeOr(t *time.Time, otherwise string) string {
	if t == nil {
		return otherwise
	}
	return t.Format(time.RFC3339)
}

type apiKeyRevokeCommand struct {
	storageSettings
	Name string `arg:"" help:"Name of the key."`
}

// Run revokes the key.
func (a *apiKeyRevokeCommand) Run(ctx context.Context, streams Streams) error {
	return withAPIKeys(ctx, a.openExisting, func(keys *auth.APIKeys) error {
		key, err := keys.FindByName(ctx, a.Name)
		if err != nil {
			return err
		}
		if _, err := keys.Revoke(ctx, models.Actor{Name: models.SystemActor}, key.ID); err != nil {
			return err
		}
		_, err = fmt.Fprintf(streams.Out, "Revoked %s.\n", key.Name)
		return err
	})
}

// withAPIKeys opens the store for one piece of work on API keys.
func withAPIKeys(ctx context.Context, open func(context.Context) (*store.Store, error), work func(*auth.APIKeys) error) error {
	db, err := open(ctx)
	if err != nil {
		return err
	}
	err = errors.Join(work(auth.NewAPIKeys(db, utcNow)), db.Close())
	if e := models.AsError(err); e != nil {
		return settingsError{errors.New(e.Sentences())}
	}
	return err
}
