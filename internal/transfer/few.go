package transfer

import (
	"context"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/patchbay/patchbay/internal/integrations"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// integrationRecord is a stored integration in a file: its sealed definition, or one without what may be secret.
type integrationRecord struct {
	Kind         string    `json:"kind"`
	Name         string    `json:"name"`
	DateCreated  time.Time `json:"dateCreated"`
	LastModified time.Time `json:"lastModified"`
	Definition   string    `json:"definition,omitzero"`
	Sealed       []byte    `json:"sealed,omitzero"`
}

// mask stands where something that may be secret was left out.
const mask = "[redacted]"

func integrationSection() *section {
	return &section{
		kind: kindIntegration,
		read: func(ctx context.Context, v *store.Snapshot, _ *ExportOptions, emit emit) error {
			return v.EachIntegration(ctx, func(in *store.MovedIntegration) error { return emit(in, len(in.Definition)) })
		},
		encode: func(s *sealer, row any) (any, error) { return encodeIntegration(s, row.(*store.MovedIntegration)) },
		decode: func(d *decoder, line []byte) (any, error) { return decodeIntegration(d, line) },
		save: func(ctx context.Context, im *importer, rows []numbered) error {
			return im.write(ctx, kindIntegration, func(tx *store.Tx, o *outcomes) error {
				return im.saveIntegrations(ctx, tx, rows, o)
			})
		},
	}
}

func encodeIntegration(s *sealer, in *store.MovedIntegration) (any, error) {
	r := integrationRecord{Kind: kindIntegration, Name: in.Name, DateCreated: in.DateCreated.UTC(), LastModified: in.LastModified.UTC()}
	if s != nil {
		r.Sealed = s.seal(in.Definition, kindIntegration, in.Name)
		return r, nil
	}
	parsed, err := integrations.ParseDefinition(in.Name, []byte(in.Definition.Reveal()))
	if err != nil {
		return nil, fmt.Errorf("integration %s: %w", in.Name, err)
	}
	definition, err := json.Marshal(parsed.Definition().Redacted(mask))
	r.Definition = string(definition)
	return r, err
}

func decodeIntegration(d *decoder, line []byte) (any, error) {
	var r integrationRecord
	if err := unmarshal(line, &r); err != nil {
		return nil, err
	}
	if !models.ValidIntegrationName(r.Name) {
		return nil, fault("name", "expected 1 to 64 lower-case letters, digits, '.', '-' and '_'")
	}
	definition, err := d.sealer.open(r.Sealed, kindIntegration, r.Name)
	if err != nil {
		return nil, err
	}
	field := "sealed"
	if d.sealer == nil {
		definition, field = models.Secret(r.Definition), "definition"
	}
	if _, err := integrations.ParseDefinition(r.Name, []byte(definition.Reveal())); err != nil {
		return nil, faultOf(field, err)
	}
	return &store.MovedIntegration{Name: r.Name, Definition: definition, DateCreated: instant(r.DateCreated), LastModified: instant(r.LastModified)}, nil
}

func (im *importer) saveIntegrations(ctx context.Context, tx *store.Tx, rows []numbered, o *outcomes) error {
	find := im.db.IntegrationDefinitions
	if tx != nil {
		find = tx.IntegrationDefinitions
	}
	stored, err := find(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		in := row.row.(*store.MovedIntegration)
		there, taken := stored[in.Name]
		switch {
		case taken && string(there) == in.Definition.Reveal():
			o.counts[present]++
			continue
		case taken && !im.options.Replace:
			o.skip(row.line, "there is another integration named %s already", in.Name)
			continue
		case taken:
			o.counts[replaced]++
		default:
			o.counts[imported]++
		}
		stored[in.Name] = []byte(in.Definition.Reveal())
		if tx == nil {
			continue
		}
		if err := tx.SaveMovedIntegration(*in); err != nil {
			return err
		}
	}
	return nil
}

// adminRecord is an admin in a file.
type adminRecord struct {
	Kind        string      `json:"kind"`
	Email       string      `json:"email"`
	Role        models.Role `json:"role"`
	DateCreated time.Time   `json:"dateCreated"`
	Sealed      []byte      `json:"sealed,omitzero"` // the hash of the password
}

func adminSection() *section {
	return &section{
		kind: kindAdmin,
		read: func(ctx context.Context, v *store.Snapshot, _ *ExportOptions, emit emit) error {
			return v.EachAdmin(ctx, func(a *models.Admin) error { return emit(a, len(a.Email)) })
		},
		encode: func(s *sealer, row any) (any, error) {
			a := row.(*models.Admin)
			return adminRecord{kindAdmin, a.Email, a.Role, a.DateCreated.UTC(), s.seal(models.Secret(a.PasswordHash), kindAdmin, a.Email)}, nil
		},
		decode: func(d *decoder, line []byte) (any, error) { return decodeAdmin(d, line) },
		save:   saveAdmins,
	}
}

func decodeAdmin(d *decoder, line []byte) (any, error) {
	var r adminRecord
	if err := unmarshal(line, &r); err != nil {
		return nil, err
	}
	address, err := mail.ParseAddress(r.Email)
	switch {
	case err != nil || address.Address != r.Email || len(r.Email) > models.MaxEmailBytes || r.Email != models.NormalizeEmail(r.Email):
		return nil, fault("email", "expected an email address in lower case, such as name@example.com")
	case !r.Role.Valid():
		return nil, fault("role", "expected admin, operator or viewer")
	}
	hash, err := d.sealer.open(r.Sealed, kindAdmin, r.Email)
	if err != nil {
		return nil, err
	}
	if d.sealer != nil && !strings.HasPrefix(hash.Reveal(), "$argon2id$") {
		return nil, fault("sealed", "expected the hash of a password")
	}
	return &models.Admin{Email: r.Email, Role: r.Role, DateCreated: instant(r.DateCreated), PasswordHash: hash.Reveal()}, nil
}

// saveAdmins stores admins. Without their password hashes they could not sign in, and are left.
func saveAdmins(ctx context.Context, im *importer, rows []numbered) error {
	return im.write(ctx, kindAdmin, func(tx *store.Tx, o *outcomes) error {
		find := im.db.AdminByEmail
		if tx != nil {
			find = tx.AdminByEmail
		}
		for _, row := range rows {
			admin := *row.row.(*models.Admin)
			stored, err := find(ctx, admin.Email)
			if models.HasCode(err, models.CodeNotFound) {
				stored, err = nil, nil
			}
			if err != nil {
				return err
			}
			save := (*store.Tx).CreateAdmin
			if stored != nil {
				admin.ID, save = stored.ID, (*store.Tx).SaveAdmin
			}
			same := stored != nil && stored.Role == admin.Role && stored.PasswordHash == admin.PasswordHash
			if !o.decide(im, row.line, stored != nil, same, "there is another admin with the address "+admin.Email+" already") || tx == nil {
				continue
			}
			if err := save(tx, &admin); err != nil {
				return err
			}
		}
		return nil
	})
}

// decide counts what becomes of a row that cannot be without its secret, and reports whether it is stored.
func (o *outcomes) decide(im *importer, line int, taken, same bool, reason string) bool {
	if im.report.NoSecrets {
		o.counts[left]++
		return false
	}
	return o.settle(im, line, taken, same, reason)
}

// settle counts what becomes of a row, and reports whether it is stored.
func (o *outcomes) settle(im *importer, line int, taken, same bool, reason string) bool {
	switch {
	case same:
		o.counts[present]++
		return false
	case taken && !im.options.Replace:
		o.skip(line, "%s", reason)
		return false
	case taken:
		o.counts[replaced]++
	default:
		o.counts[imported]++
	}
	return true
}
