package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

// integrationRow is an integration that was made by API; its definition holds secrets.
type integrationRow struct {
	Name             string `gorm:"primaryKey"`
	SealedDefinition []byte
	DateCreated      time.Time
	LastModified     time.Time
}

func (integrationRow) TableName() string { return "integrations" }

func definitionPlace(name string) vault.Place {
	return vault.Place{Table: "integrations", Column: "sealed_definition", Row: name}
}

// IntegrationsRevision is a text that changes with every change of the stored integrations.
func (q *queries) IntegrationsRevision(ctx context.Context) (string, error) {
	var row setting
	err := q.db.WithContext(ctx).Where("name = ?", integrationsRevision).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the integrations' revision: %w", err)
	}
	return string(row.Value), nil
}

const integrationsRevision = "integrations_revision"

// IntegrationDefinitions gives the definition of every stored integration by name. One that does not open is left out, and
// logged: the others are of use without it.
func (q *queries) IntegrationDefinitions(ctx context.Context) (map[string][]byte, error) {
	var rows []integrationRow
	if err := q.db.WithContext(ctx).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read integrations: %w", err)
	}
	definitions := make(map[string][]byte, len(rows))
	for _, row := range rows {
		definition, err := q.vault.Open(row.SealedDefinition, definitionPlace(row.Name))
		if err != nil {
			slog.ErrorContext(ctx, "integration left out: its definition does not open", "integration", row.Name, "error", err)
			continue
		}
		definitions[row.Name] = definition
	}
	return definitions, nil
}

// IntegrationDefinition gives the definition of a stored integration. It fails with unknown_integration.
func (q *queries) IntegrationDefinition(ctx context.Context, name string) ([]byte, error) {
	var row integrationRow
	if err := q.row(ctx).Where("name = ?", name).Take(&row).Error; err != nil {
		if errors.Is(err, gorm.ErrRecordNotFound) {
			err = noStoredIntegration(name)
		}
		return nil, err
	}
	definition, err := q.vault.Open(row.SealedDefinition, definitionPlace(name))
	if err != nil {
		return nil, fmt.Errorf("open the definition of integration %s: %w", name, err)
	}
	return definition, nil
}

func noStoredIntegration(name string) error {
	return &models.Error{Kind: models.KindNotFound, Code: models.CodeUnknownIntegration, Message: fmt.Sprintf("There is no stored integration named %q.", name)}
}

// CreateIntegration stores the definition of a new integration. It fails with integration_exists.
func (tx *Tx) CreateIntegration(name string, definition []byte, now time.Time) error {
	row := integrationRow{name, tx.vault.Seal(definition, definitionPlace(name)), now, now}
	created, err := tx.insert(&row)
	if err == nil && !created {
		return &models.Error{Kind: models.KindConflict, Code: models.CodeIntegrationExists, Message: fmt.Sprintf("There is an integration named %q already.", name)}
	}
	if err != nil {
		return fmt.Errorf("create integration: %w", err)
	}
	return tx.integrationsChanged()
}

// SaveIntegration replaces the definition of a stored integration.
func (tx *Tx) SaveIntegration(name string, definition []byte, now time.Time) error {
	err := tx.db.Model(&integrationRow{}).Where("name = ?", name).Updates(map[string]any{
		"sealed_definition": tx.vault.Seal(definition, definitionPlace(name)), "last_modified": now,
	}).Error
	if err != nil {
		return fmt.Errorf("save integration: %w", err)
	}
	return tx.integrationsChanged()
}

// DeleteIntegration forgets a stored integration, also one that does not open. It fails with unknown_integration.
func (tx *Tx) DeleteIntegration(name string) error {
	deleted := tx.db.Where("name = ?", name).Delete(&integrationRow{})
	if deleted.Error != nil {
		return fmt.Errorf("delete integration: %w", deleted.Error)
	}
	if deleted.RowsAffected == 0 {
		return noStoredIntegration(name)
	}
	return tx.integrationsChanged()
}

func (tx *Tx) integrationsChanged() error {
	err := tx.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&setting{integrationsRevision, []byte(rand.Text())}).Error
	if err != nil {
		return fmt.Errorf("move the integrations' revision: %w", err)
	}
	return nil
}
