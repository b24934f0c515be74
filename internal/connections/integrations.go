package connections

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/patchbay/patchbay/internal/integrations"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// Integration finds an integration by name. It fails with unknown_integration.
func (s *Service) Integration(name string) (*models.Integration, error) {
	if in, ok := s.registry.Load().Find(name); ok {
		return in, nil
	}
	return nil, &models.Error{Kind: models.KindNotFound, Code: models.CodeUnknownIntegration, Message: fmt.Sprintf("There is no integration named %q.", name)}
}

// Integrations lists all integrations by name.
func (s *Service) Integrations() []*models.Integration { return s.registry.Load().List() }

// CallbackURL is the address the provider sends the end user back to, as registered there.
func (s *Service) CallbackURL(in *models.Integration) string {
	if in.SharedCallback {
		return s.rootURL + "/oauth/callback"
	}
	return s.rootURL + "/oauth/callback/" + in.Name
}

// Reload takes over the integrations of the database where they have changed, also by another process.
func (s *Service) Reload(ctx context.Context) error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	revision, err := s.store.IntegrationsRevision(ctx)
	if err != nil {
		return err
	}
	if known := s.revision.Load(); known != nil && *known == revision {
		return nil
	}
	definitions, err := s.store.IntegrationDefinitions(ctx)
	if err != nil {
		return err
	}
	all := slices.Clone(s.fixed)
	for name, definition := range definitions {
		if slices.ContainsFunc(s.fixed, func(in models.Integration) bool { return in.Name == name }) {
			s.log.Error("integration of the database left out: its name is that of another", "integration", name)
			continue
		}
		in, err := integrations.ParseDefinition(name, definition)
		if err != nil { // one that an older version accepted
			s.log.Error("integration left out", "integration", name, "error", err)
			continue
		}
		all = append(all, in)
	}
	registry, err := integrations.NewRegistry(all...)
	if err != nil {
		return err
	}
	s.registry.Store(registry)
	s.revision.Store(&revision)
	return nil
}

// CreateIntegration stores a new integration; the definition is a JSON object with the keys of integrations.yaml. It fails
// with integration_exists and invalid_integration.
func (s *Service) CreateIntegration(ctx context.Context, actor models.Actor, name, definition string) (*models.Integration, error) {
	if _, err := s.Integration(name); err == nil {
		return nil, &models.Error{Kind: models.KindConflict, Code: models.CodeIntegrationExists, Message: fmt.Sprintf("There is an integration named %q already.", name)}
	}
	if !models.ValidIntegrationName(name) {
		return nil, &models.Error{
			Kind: models.KindInvalid, Code: models.CodeInvalidIntegration, Message: "The integration is not valid.",
			Fields: []models.FieldError{{Field: "name", Message: "expected 1 to 64 lower-case letters, digits, '.', '-' and '_', beginning with a letter or digit"}},
		}
	}
	return s.changeIntegration(ctx, actor, models.AuditIntegrationCreated, name, func(tx *store.Tx) error {
		if _, err := integrations.ParseDefinition(name, []byte(definition)); err != nil {
			return err
		}
		return tx.CreateIntegration(name, []byte(definition), s.now())
	})
}

// UpdateIntegration applies an RFC 7396 merge patch to the definition of a stored integration. It fails with
// unknown_integration, integration_managed, invalid_integration, and integration_in_use for a change that would send users'
// tokens to another host.
func (s *Service) UpdateIntegration(ctx context.Context, actor models.Actor, name, patch string) (*models.Integration, error) {
	if err := s.stored(name); err != nil {
		return nil, err
	}
	return s.changeIntegration(ctx, actor, models.AuditIntegrationUpdated, name, func(tx *store.Tx) error {
		definition, err := tx.IntegrationDefinition(ctx, name)
		if err != nil {
			return err
		}
		merged, err := models.Config(definition).Merge(patch)
		if err != nil {
			return invalidPatch(err)
		}
		changed, err := integrations.ParseDefinition(name, []byte(merged))
		if err != nil {
			return invalidPatch(err)
		}
		before, err := integrations.ParseDefinition(name, definition)
		if err != nil {
			return err
		}
		if err := s.checkHosts(ctx, tx, &before, &changed); err != nil {
			return err
		}
		return tx.SaveIntegration(name, []byte(merged), s.now())
	})
}

// invalidPatch tells of a change that makes no valid integration. Places in the merged text would say nothing to who sent a part
// of it.
func invalidPatch(err error) error {
	e := models.AsError(err)
	if e == nil {
		return err
	}
	e.Code, e.Message = models.CodeInvalidIntegration, "The change is not valid."
	for i, field := range e.Fields {
		e.Fields[i] = models.FieldError{Field: strings.Replace(field.Field, "additionalConfig", "body", 1), Message: field.Message}
	}
	return e
}

// checkHosts fails when secrets would be sent to another host than before by who need not know them: with integration_in_use
// when those are users' tokens, and with invalid_integration when it is the client's secret, unless that is sent again.
func (s *Service) checkHosts(ctx context.Context, tx *store.Tx, before, after *models.Integration) error {
	moved := func(from, to string) bool {
		old, oldErr := url.Parse(from)
		new, newErr := url.Parse(to)
		return from != "" && (oldErr != nil || newErr != nil || old.Scheme != new.Scheme || old.Host != new.Host)
	}
	// Without an address of their own, the other two are compared as the token endpoint; taking that one away is a move, too,
	// or another could be put in its place by a second change.
	from, to := before.Auth, after.Auth
	if !moved(from.TokenURL, to.TokenURL) &&
		!moved(cmp.Or(from.RefreshURL, from.TokenURL), cmp.Or(to.RefreshURL, from.RefreshURL, from.TokenURL)) &&
		!moved(cmp.Or(from.RevocationURL, from.TokenURL), cmp.Or(to.RevocationURL, from.RevocationURL, from.TokenURL)) {
		return nil
	}
	if err := s.checkUnused(ctx, tx, after.Name, "its tokens would be sent to another host"); err != nil {
		return err
	}
	if before.OAuth.Secret == "" || before.OAuth.Secret != after.OAuth.Secret {
		return nil
	}
	return &models.Error{
		Kind: models.KindInvalid, Code: models.CodeInvalidIntegration, Message: "The change is not valid.",
		Fields: []models.FieldError{{Field: "oauth_client_secret", Message: "expected another one, because the one that is kept would be sent to another host"}},
	}
}

// checkUnused fails with integration_in_use for an integration that has connections.
func (s *Service) checkUnused(ctx context.Context, tx *store.Tx, name, why string) error {
	n, err := tx.CountUpTo(ctx, models.ConnectionFilter{Integration: name}, s.now(), 1)
	if err == nil && n > 0 {
		err = &models.Error{Kind: models.KindConflict, Code: models.CodeIntegrationInUse, Message: fmt.Sprintf("Integration %q has connections: %s. Delete them first.", name, why)}
	}
	return err
}

// DeleteIntegration deletes a stored integration that has no connections. It fails with unknown_integration,
// integration_managed and integration_in_use.
func (s *Service) DeleteIntegration(ctx context.Context, actor models.Actor, name string) error {
	// One that was left out when it was read is known to the database alone.
	if err := s.stored(name); err != nil && !models.HasCode(err, models.CodeUnknownIntegration) {
		return err
	}
	return s.changeStored(ctx, actor, models.AuditIntegrationDeleted, name, func(tx *store.Tx) error {
		if err := s.checkUnused(ctx, tx, name, "they would be without it"); err != nil {
			return err
		}
		return tx.DeleteIntegration(name)
	})
}

// stored fails unless an integration is kept in the database.
func (s *Service) stored(name string) error {
	in, err := s.Integration(name)
	if err == nil && in.Source.Kind != models.SourceDatabase {
		where := "is built in"
		if in.Source.File != "" {
			where = fmt.Sprintf("is managed by %s, line %d", in.Source.File, in.Source.Line)
		}
		err = &models.Error{Kind: models.KindConflict, Code: models.CodeIntegrationManaged, Message: fmt.Sprintf("Integration %q %s.", name, where)}
	}
	return err
}

func (s *Service) changeIntegration(ctx context.Context, actor models.Actor, action, name string, change func(*store.Tx) error) (*models.Integration, error) {
	if err := s.changeStored(ctx, actor, action, name, change); err != nil {
		return nil, err
	}
	return s.Integration(name)
}

// changeStored changes the stored integrations, with an audit entry, and takes the change over.
func (s *Service) changeStored(ctx context.Context, actor models.Actor, action, name string, change func(*store.Tx) error) error {
	err := s.store.Write(ctx, func(tx *store.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		return tx.Audit(s.entry(actor, action, &models.Connection{Integration: name}))
	})
	if err != nil {
		return err
	}
	return s.Reload(ctx)
}
