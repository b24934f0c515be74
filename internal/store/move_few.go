package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/patchbay/patchbay/models"
)

// MovedIntegration is a stored integration, as it is moved from one database to another.
type MovedIntegration struct {
	Name         string
	Definition   models.Secret // a JSON object, which holds secrets
	DateCreated  time.Time
	LastModified time.Time
}

// EachIntegration calls each with every stored integration.
func (v *Snapshot) EachIntegration(ctx context.Context, each func(*MovedIntegration) error) error {
	var rows []integrationRow
	if err := v.db.WithContext(ctx).Order("name").Find(&rows).Error; err != nil {
		return fmt.Errorf("read integrations: %w", err)
	}
	for _, row := range rows {
		definition, err := v.vault.Open(row.SealedDefinition, definitionPlace(row.Name))
		if err != nil {
			return fmt.Errorf("open the definition of integration %s: %w", row.Name, err)
		}
		if err := each(&MovedIntegration{row.Name, models.Secret(definition), row.DateCreated, row.LastModified}); err != nil {
			return err
		}
	}
	return nil
}

// SaveMovedIntegration stores an integration as it is, in place of one of the same name.
func (tx *Tx) SaveMovedIntegration(in MovedIntegration) error {
	sealed := tx.vault.Seal([]byte(in.Definition.Reveal()), definitionPlace(in.Name))
	err := tx.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&integrationRow{in.Name, sealed, in.DateCreated, in.LastModified}).Error
	if err != nil {
		return fmt.Errorf("save integration: %w", err)
	}
	return tx.integrationsChanged()
}

// EachWebhookEndpoint calls each with every webhook endpoint, oldest first, and with its secrets.
func (v *Snapshot) EachWebhookEndpoint(ctx context.Context, each func(*models.WebhookEndpoint) error) error {
	endpoints, err := v.FullWebhookEndpoints(ctx)
	if err != nil {
		return err
	}
	for _, e := range endpoints {
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}

// FullWebhookEndpoints gives all webhook endpoints, the oldest first, with their secrets.
func (q *queries) FullWebhookEndpoints(ctx context.Context) ([]*models.WebhookEndpoint, error) {
	var rows []endpointRow
	if err := q.db.WithContext(ctx).Order("id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read webhook endpoints: %w", err)
	}
	endpoints := make([]*models.WebhookEndpoint, len(rows))
	for i := range rows {
		var err error
		if endpoints[i], err = q.openEndpoint(&rows[i]); err != nil {
			return nil, err
		}
	}
	return endpoints, nil
}

// SaveAdmin stores all of an admin anew.
func (tx *Tx) SaveAdmin(admin *models.Admin) error {
	if err := tx.db.Save(admin).Error; err != nil {
		return fmt.Errorf("save admin: %w", err)
	}
	return nil
}

// databaseName is the setting that tells databases apart.
const databaseName = "database"

// Name gives a name that no other database has.
func (s *Store) Name(ctx context.Context) (name string, err error) {
	err = s.Write(ctx, func(tx *Tx) error {
		fresh := setting{databaseName, []byte(rand.Text())}
		if err := tx.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&fresh).Error; err != nil {
			return fmt.Errorf("name the database: %w", err)
		}
		value, err := tx.setting(ctx, databaseName)
		name = string(value)
		return err
	})
	return name, err
}

// MovedUpTo gives what [Tx.SaveMovedUpTo] stored for another database and one of its tables, or 0.
func (q *queries) MovedUpTo(ctx context.Context, database, table string) (id int64, err error) {
	value, err := q.setting(ctx, movedSetting(database, table))
	if err != nil || value == nil {
		return 0, err
	}
	if _, err := fmt.Sscan(string(value), &id); err != nil {
		return 0, fmt.Errorf("read how far %s of %s was moved: %w", table, database, err)
	}
	return id, nil
}

// SaveMovedUpTo notes up to which id the rows of a table of another database were moved into this one.
func (tx *Tx) SaveMovedUpTo(database, table string, id int64) error {
	row := setting{movedSetting(database, table), fmt.Append(nil, id)}
	if err := tx.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&row).Error; err != nil {
		return fmt.Errorf("note how far %s was moved: %w", table, err)
	}
	return nil
}

func movedSetting(database, table string) string { return "moved:" + database + ":" + table }

// setting gives the value of a setting, or nil where there is none.
func (q *queries) setting(ctx context.Context, name string) ([]byte, error) {
	var row setting
	err := q.db.WithContext(ctx).Where("name = ?", name).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read setting %s: %w", name, err)
	}
	return row.Value, nil
}
