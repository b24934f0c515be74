package transfer

import (
	"context"
	"regexp"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// apiKeyRecord is an API key in a file.
type apiKeyRecord struct {
	Kind              string         `json:"kind"`
	Name              string         `json:"name"`
	Prefix            string         `json:"prefix"`
	Last              string         `json:"last"`
	Scopes            []models.Scope `json:"scopes"`
	Integrations      []string       `json:"integrations"`
	CreatedBy         string         `json:"createdBy"`
	DateCreated       time.Time      `json:"dateCreated"`
	LastUsed          *time.Time     `json:"lastUsed,omitzero"`
	ExpiresAt         *time.Time     `json:"expiresAt,omitzero"`
	PreviousExpiresAt *time.Time     `json:"previousExpiresAt,omitzero"`
	Sealed            []byte         `json:"sealed,omitzero"` // hashes
}

// apiKeyHashes is what is sealed of an API key.
type apiKeyHashes struct {
	Hash         string `json:"hash"`
	PreviousHash string `json:"previousHash,omitzero"`
}

func apiKeySection() *section {
	return &section{
		kind: kindAPIKey,
		read: func(ctx context.Context, v *store.Snapshot, _ *ExportOptions, emit emit) error {
			return v.EachAPIKey(ctx, func(k *models.APIKey) error { return emit(k, len(k.Name)) })
		},
		encode: func(s *sealer, row any) (any, error) { return encodeAPIKey(s, row.(*models.APIKey)) },
		decode: func(d *decoder, line []byte) (any, error) { return decodeAPIKey(d, line) },
		save:   saveAPIKeys,
	}
}

func encodeAPIKey(s *sealer, k *models.APIKey) (any, error) {
	hashes, err := json.Marshal(apiKeyHashes{k.Hash, k.PreviousHash})
	if err != nil {
		return nil, err
	}
	return apiKeyRecord{
		Kind: kindAPIKey, Name: k.Name, Prefix: k.Prefix, Last: k.Last, Scopes: k.Scopes, Integrations: k.Integrations, CreatedBy: k.CreatedBy,
		DateCreated: k.DateCreated.UTC(), LastUsed: inUTC(k.LastUsed), ExpiresAt: inUTC(k.ExpiresAt), PreviousExpiresAt: inUTC(k.PreviousExpiresAt),
		Sealed: s.seal(models.Secret(hashes), kindAPIKey, k.Name),
	}, nil
}

// sha256Hex matches what [models.Secret.Hash] gives.
var sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)

func decodeAPIKey(d *decoder, line []byte) (any, error) {
	var r apiKeyRecord
	if err := unmarshal(line, &r); err != nil {
		return nil, err
	}
	request := models.APIKeyRequest{Name: r.Name, Scopes: r.Scopes, Integrations: r.Integrations} // one that has ended is moved, too
	if err := request.Validate(d.now); err != nil {
		e := models.AsError(err)
		return nil, fault(e.Fields[0].Field, e.Fields[0].Message)
	}
	for field, text := range map[string]string{"prefix": r.Prefix, "last": r.Last, "createdBy": r.CreatedBy} {
		if err := validNote(field, text); err != nil {
			return nil, err
		}
	}
	sealed, err := d.sealer.open(r.Sealed, kindAPIKey, r.Name)
	if err != nil {
		return nil, err
	}
	var hashes apiKeyHashes
	if d.sealer != nil {
		err := json.Unmarshal([]byte(sealed.Reveal()), &hashes)
		if err != nil || !sha256Hex.MatchString(hashes.Hash) || hashes.PreviousHash != "" && !sha256Hex.MatchString(hashes.PreviousHash) {
			return nil, fault("sealed", "expected the hashes of an API key")
		}
	}
	return &models.APIKey{
		Name: r.Name, Prefix: r.Prefix, Last: r.Last, Scopes: r.Scopes, Integrations: r.Integrations, CreatedBy: r.CreatedBy,
		DateCreated: instant(r.DateCreated), LastUsed: instantOrNil(r.LastUsed), ExpiresAt: instantOrNil(r.ExpiresAt),
		Hash: hashes.Hash, PreviousHash: hashes.PreviousHash, PreviousExpiresAt: instantOrNil(r.PreviousExpiresAt),
	}, nil
}

// saveAPIKeys stores API keys. Without their hashes nobody could use them, and they are left.
func saveAPIKeys(ctx context.Context, im *importer, rows []numbered) error {
	return im.write(ctx, kindAPIKey, func(tx *store.Tx, o *outcomes) error {
		find := im.db.APIKeyByName
		if tx != nil {
			find = tx.APIKeyByName
		}
		for _, row := range rows {
			key := *row.row.(*models.APIKey)
			stored, err := find(ctx, key.Name)
			if models.HasCode(err, models.CodeNotFound) {
				stored, err = nil, nil
			}
			if err != nil {
				return err
			}
			save := (*store.Tx).CreateAPIKey
			if stored != nil {
				key.ID, save = stored.ID, (*store.Tx).SaveAPIKey
			}
			same := stored != nil && stored.Hash == key.Hash && stored.PreviousHash == key.PreviousHash && models.JoinScopes(stored.Scopes) == models.JoinScopes(key.Scopes)
			if !o.decide(im, row.line, stored != nil, same, "there is another API key named "+key.Name+" already") || tx == nil {
				continue
			}
			if err := save(tx, &key); err != nil {
				return err
			}
		}
		return nil
	})
}
