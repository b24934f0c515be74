package transfer

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// webhookRecord is a webhook endpoint in a file. Its deliveries are not moved.
type webhookRecord struct {
	Kind              string             `json:"kind"`
	UUID              string             `json:"uuid"`
	URL               string             `json:"url,omitzero"` // without what may be secret; sealed with the secrets where there are some
	Description       string             `json:"description"`
	Types             []models.EventType `json:"types"`
	Integrations      []string           `json:"integrations"`
	Enabled           bool               `json:"enabled"`
	DisabledReason    string             `json:"disabledReason,omitzero"`
	FailingSince      *time.Time         `json:"failingSince,omitzero"`
	CreatedBy         string             `json:"createdBy"`
	DateCreated       time.Time          `json:"dateCreated"`
	LastModified      time.Time          `json:"lastModified"`
	PreviousExpiresAt *time.Time         `json:"previousExpiresAt,omitzero"`
	Sealed            []byte             `json:"sealed,omitzero"` // the address and the secrets
}

// webhookSecrets is what is sealed of a webhook endpoint. The address is, because its query may hold a token, and so that
// nobody can lead the messages elsewhere.
type webhookSecrets struct {
	URL            string `json:"url"`
	Secret         string `json:"secret"`
	PreviousSecret string `json:"previousSecret,omitzero"`
}

func webhookSection() *section {
	return &section{
		kind: kindWebhook,
		read: func(ctx context.Context, v *store.Snapshot, _ *ExportOptions, emit emit) error {
			return v.EachWebhookEndpoint(ctx, func(e *models.WebhookEndpoint) error { return emit(e, len(e.URL)) })
		},
		encode: func(s *sealer, row any) (any, error) { return encodeWebhook(s, row.(*models.WebhookEndpoint)) },
		decode: func(d *decoder, line []byte) (any, error) { return decodeWebhook(d, line) },
		save:   saveWebhooks,
	}
}

func encodeWebhook(s *sealer, e *models.WebhookEndpoint) (any, error) {
	r := webhookRecord{
		Kind: kindWebhook, UUID: e.UUID, Description: e.Description, Types: e.Types, Integrations: e.Integrations,
		Enabled: e.Enabled, DisabledReason: note(e.DisabledReason), FailingSince: inUTC(e.FailingSince), CreatedBy: note(e.CreatedBy),
		DateCreated: e.DateCreated.UTC(), LastModified: e.LastModified.UTC(), PreviousExpiresAt: inUTC(e.PreviousExpiresAt),
	}
	if s == nil {
		address, _, query := strings.Cut(e.URL, "?")
		if r.URL = address; query {
			r.URL += maskedQuery
		}
		return r, nil
	}
	secrets, err := json.Marshal(webhookSecrets{e.URL, e.Secret.Reveal(), e.PreviousSecret.Reveal()})
	r.Sealed = s.seal(models.Secret(secrets), kindWebhook, e.UUID)
	return r, err
}

// maskedQuery stands where the query of an address was left out.
const maskedQuery = "?" + mask

func decodeWebhook(d *decoder, line []byte) (*models.WebhookEndpoint, error) {
	var r webhookRecord
	if err := unmarshal(line, &r); err != nil {
		return nil, err
	}
	if err := r.validate(); err != nil {
		return nil, err
	}
	e := &models.WebhookEndpoint{
		UUID: r.UUID, URL: r.URL, Description: r.Description, Types: r.Types, Integrations: r.Integrations,
		Enabled: r.Enabled, DisabledReason: r.DisabledReason, FailingSince: instantOrNil(r.FailingSince), CreatedBy: r.CreatedBy,
		DateCreated: instant(r.DateCreated), LastModified: instant(r.LastModified), PreviousExpiresAt: instantOrNil(r.PreviousExpiresAt),
	}
	sealed, err := d.sealer.open(r.Sealed, kindWebhook, r.UUID)
	if err != nil {
		return nil, err
	}
	field := "sealed"
	if d.sealer == nil {
		field = "url"
		leaveSecret(e)
	} else if err := openWebhook(e, sealed); err != nil {
		return nil, err
	}
	// The mask may make an address longer than one may be.
	request := models.WebhookRequest{URL: strings.TrimSuffix(e.URL, maskedQuery), Description: e.Description, Types: e.Types, Integrations: e.Integrations}
	if err := request.Validate(); err != nil {
		wrong := models.AsError(err).Fields[0]
		if wrong.Field == "url" {
			wrong.Field = field
		}
		return nil, fault(wrong.Field, wrong.Message)
	}
	return e, nil
}

func (r *webhookRecord) validate() error {
	switch {
	case uuid.Validate(r.UUID) != nil:
		return fault("uuid", "expected a UUID, such as 2f1c7f0e-6a53-4c7d-8b5e-0a9d3c1b2e4f")
	case r.DateCreated.IsZero():
		return fault("dateCreated", "expected a time, found none")
	case r.LastModified.IsZero():
		return fault("lastModified", "expected a time, found none")
	}
	return cmp.Or(validNote("disabledReason", r.DisabledReason), validNote("createdBy", r.CreatedBy))
}

// openWebhook gives an endpoint what was sealed of it.
func openWebhook(e *models.WebhookEndpoint, sealed models.Secret) error {
	if e.URL != "" {
		return fault("url", "expected nothing, because the address is sealed with the secrets")
	}
	var secrets webhookSecrets
	err := json.Unmarshal([]byte(sealed.Reveal()), &secrets)
	e.URL, e.Secret, e.PreviousSecret = secrets.URL, models.Secret(secrets.Secret), models.Secret(secrets.PreviousSecret)
	if err != nil || !models.ValidWebhookSecret(e.Secret) || e.PreviousSecret != "" && !models.ValidWebhookSecret(e.PreviousSecret) {
		return fault("sealed", "expected the address and the secrets of a webhook endpoint")
	}
	if (e.PreviousSecret != "") != (e.PreviousExpiresAt != nil) {
		return fault("previousExpiresAt", "expected a time where there is a former secret, and only there")
	}
	return nil
}

// leftSecretReason is why an endpoint that came without its secret is told of nothing.
const leftSecretReason = "It was imported without its secret. Roll the secret, give the new one to the application, and enable it."

// leaveSecret disables an endpoint whose secret was left behind: no receiver would believe its messages. It gets a secret that
// nobody knows.
func leaveSecret(e *models.WebhookEndpoint) {
	e.Secret, e.PreviousExpiresAt = models.NewWebhookSecret(), nil
	e.Enabled, e.DisabledReason, e.FailingSince = false, leftSecretReason, nil
}

// saveWebhooks stores webhook endpoints, no more than there can be.
func saveWebhooks(ctx context.Context, im *importer, rows []numbered) error {
	return im.write(ctx, kindWebhook, func(tx *store.Tx, o *outcomes) error {
		find := im.db.FullWebhookEndpoints
		if tx != nil {
			find = tx.FullWebhookEndpoints
		}
		endpoints, err := find(ctx)
		if err != nil {
			return err
		}
		stored := map[string]*models.WebhookEndpoint{}
		for _, e := range endpoints {
			stored[e.UUID] = e
		}
		for _, row := range rows {
			e := *row.row.(*models.WebhookEndpoint)
			there := stored[e.UUID]
			if there == nil && len(stored) >= models.MaxWebhookEndpoints {
				o.skip(row.line, "there are %d webhook endpoints already, which is as many as there can be", len(stored))
				continue
			}
			if !o.settle(im, row.line, there != nil, there != nil && im.sameWebhook(there, &e), "there is another version of webhook endpoint "+e.UUID+" already") {
				continue
			}
			stored[e.UUID] = &e
			if tx == nil {
				continue
			}
			if err := saveWebhook(tx, there, &e); err != nil {
				return err
			}
		}
		return nil
	})
}

// saveWebhook stores an endpoint, in place of another version of it where that is there. One that is disabled is sent nothing
// more.
func saveWebhook(tx *store.Tx, there, e *models.WebhookEndpoint) error {
	if there == nil {
		return tx.CreateWebhookEndpoint(e)
	}
	e.ID = there.ID
	if err := tx.SaveWebhookEndpoint(e); err != nil || e.Enabled {
		return err
	}
	return tx.CancelDeliveries(e.ID)
}

// sameWebhook reports whether the stored endpoint is the one that is moved. Secrets that were left behind cannot be compared.
func (im *importer) sameWebhook(stored, e *models.WebhookEndpoint) bool {
	return stored.URL == e.URL && stored.Description == e.Description && slices.Equal(stored.Types, e.Types) && slices.Equal(stored.Integrations, e.Integrations) &&
		stored.Enabled == e.Enabled && stored.DisabledReason == e.DisabledReason && stored.LastModified.Equal(e.LastModified) &&
		(im.report.NoSecrets || stored.Secret == e.Secret && stored.PreviousSecret == e.PreviousSecret)
}
