package connections

import (
	"context"
	"fmt"
	"slices"

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
// unknown_integration, integration_managed and invalid_integration.
func (s *Service) UpdateIntegration(ctx context.Context, actor models.Actor, name, patch string) (*models.Integration, error) {
	if err := s.stored(name); err != nil {
		return nil, err
	}
	return s.changeIntegration(ctx, actor, models.AuditIntegrationUpdated, name, func(tx *store.Tx) error {
		definitions, err := tx.IntegrationDefinitions(ctx)
		if err != nil {
			return err
		}
		merged, err := models.Config(definitions[name]).Merge(patch)
		if e := models.AsError(err); e != nil { // the rules of configurations are those of any JSON object
			e.Code, e.Message = models.CodeInvalidIntegration, "The change is not valid."
			return e
		}
		if _, err := integrations.ParseDefinition(name, []byte(merged)); err != nil {
			return err
		}
		return tx.SaveIntegration(name, []byte(merged), s.now())
	})
}

// DeleteIntegration deletes a stored integration that has no connections. It fails with unknown_integration,
// integration_managed and integration_in_use.
func (s *Service) DeleteIntegration(ctx context.Context, actor models.Actor, name string) error {
	if err := s.stored(name); err != nil {
		return err
	}
	_, err := s.changeIntegration(ctx, actor, models.AuditIntegrationDeleted, name, func(tx *store.Tx) error {
		n, err := tx.CountUpTo(ctx, models.ConnectionFilter{Integration: name}, s.now(), 1)
		if err != nil {
			return err
		}
		if n > 0 {
			return &models.Error{Kind: models.KindConflict, Code: models.CodeIntegrationInUse, Message: fmt.Sprintf("Integration %q has connections; delete them first.", name)}
		}
		return tx.DeleteIntegration(name)
	})
	if models.HasCode(err, models.CodeUnknownIntegration) {
		return nil
	}
	return err
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
	err := s.store.Write(ctx, func(tx *store.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		return tx.Audit(s.entry(actor, action, &models.Connection{Integration: name}))
	})
	if err != nil {
		return nil, err
	}
	if err := s.Reload(ctx); err != nil {
		return nil, err
	}
	return s.Integration(name)
}
