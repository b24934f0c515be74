package transfer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// connectionRecord is a connection in a file. AdditionalConfig is the very text, as a string.
type connectionRecord struct {
	Kind             string          `json:"kind"`
	UUID             string          `json:"uuid"`
	Integration      string          `json:"integration"`
	UserID           string          `json:"userId"`
	DateCreated      time.Time       `json:"dateCreated"`
	LastModified     time.Time       `json:"lastModified"`
	AuthMode         models.AuthMode `json:"authMode"`
	ObtainedAt       time.Time       `json:"obtainedAt"`
	ExpiresAt        *time.Time      `json:"expiresAt,omitzero"`
	RefreshAt        *time.Time      `json:"refreshAt,omitzero"`
	AheadAt          *time.Time      `json:"aheadAt,omitzero"`
	UsedAt           time.Time       `json:"usedAt,omitzero"`
	Refreshable      bool            `json:"refreshable"`
	State            models.State    `json:"state"`
	StateReason      string          `json:"stateReason,omitzero"`
	StateAnswer      string          `json:"stateAnswer,omitzero"`
	StateBefore      models.State    `json:"stateBefore,omitzero"`
	Failures         int             `json:"failures,omitzero"`
	Refusals         int             `json:"refusals,omitzero"`
	Tags             []string        `json:"tags"`
	AdditionalConfig string          `json:"additionalConfig"`
	ConfigVersion    int64           `json:"configVersion"`
	Version          int64           `json:"version"`
	Sealed           []byte          `json:"sealed,omitzero"` // the credentials
}

// id is what the credentials are bound to: nobody's can be put under another user.
func (r *connectionRecord) id() string { return r.UUID + "|" + r.Integration + "|" + r.UserID }

func connectionSection() *section {
	return &section{
		kind: kindConnection,
		read: func(ctx context.Context, v *store.Snapshot, o *ExportOptions, emit emit) error {
			return v.EachConnection(ctx, o.Passphrase != "", func(c *store.MovedConnection) error {
				return emit(c, len(c.AdditionalConfig)+len(c.Credentials))
			})
		},
		encode: func(s *sealer, row any) (any, error) { return encodeConnection(s, row.(*store.MovedConnection)), nil },
		decode: func(d *decoder, line []byte) (any, error) { return decodeConnection(d, line) },
		save:   saveConnections,
	}
}

func encodeConnection(s *sealer, c *store.MovedConnection) *connectionRecord {
	r := &connectionRecord{
		Kind: kindConnection, UUID: c.UUID, Integration: c.Integration, UserID: c.UserID,
		DateCreated: c.DateCreated.UTC(), LastModified: c.LastModified.UTC(), AuthMode: c.AuthMode, ObtainedAt: c.ObtainedAt.UTC(),
		ExpiresAt: inUTC(c.ExpiresAt), RefreshAt: inUTC(c.RefreshAt), AheadAt: inUTC(c.AheadAt), UsedAt: c.UsedAt.UTC(), Refreshable: c.Refreshable,
		State: c.State, StateReason: note(c.StateReason), StateAnswer: note(c.StateAnswer), StateBefore: c.StateBefore, Failures: c.Failures, Refusals: c.Refusals,
		Tags: c.Tags, AdditionalConfig: string(c.AdditionalConfig), ConfigVersion: c.ConfigVersion, Version: c.Version,
	}
	r.Sealed = s.seal(c.Credentials, kindConnection, r.id())
	return r
}

func inUTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	utc := t.UTC()
	return &utc
}

func decodeConnection(d *decoder, line []byte) (*store.MovedConnection, error) {
	var r connectionRecord
	if err := unmarshal(line, &r); err != nil {
		return nil, err
	}
	if err := r.validate(); err != nil {
		return nil, err
	}
	config, err := models.ParseConfig(r.AdditionalConfig)
	if err != nil {
		return nil, faultOf("additionalConfig", err)
	}
	tags, err := models.ParseTags(r.Tags)
	if err != nil {
		return nil, faultOf("tags", err)
	}
	c := &store.MovedConnection{Connection: models.Connection{
		UUID: r.UUID, Integration: r.Integration, UserID: r.UserID, DateCreated: instant(r.DateCreated), LastModified: instant(r.LastModified),
		AuthMode: r.AuthMode, ObtainedAt: instant(r.ObtainedAt), ExpiresAt: instantOrNil(r.ExpiresAt), RefreshAt: instantOrNil(r.RefreshAt),
		AheadAt: instantOrNil(r.AheadAt), UsedAt: instant(r.UsedAt), Refreshable: r.Refreshable,
		State: r.State, StateReason: r.StateReason, StateAnswer: r.StateAnswer, StateBefore: r.StateBefore, Failures: r.Failures, Refusals: r.Refusals,
		Tags: tags, AdditionalConfig: config, ConfigVersion: r.ConfigVersion, Version: r.Version,
	}}
	if c.Credentials, err = d.sealer.open(r.Sealed, kindConnection, r.id()); err != nil {
		return nil, err
	}
	if d.sealer == nil {
		return c, leaveCredentials(c, d.now)
	}
	credentials, err := models.ParseSealedCredentials([]byte(c.Credentials.Reveal()))
	if err != nil || credentials.Type != r.AuthMode {
		return nil, fault("sealed", fmt.Sprintf("expected credentials of auth mode %s", r.AuthMode))
	}
	return c, nil
}

var states = []models.State{models.StateConnected, models.StateNeedsReconnect, models.StateError, models.StateDisabled, models.StatePending}

// Bounds of what is counted: no server comes near them, and what it adds does not overflow.
const (
	maxFailures = 1_000_000
	maxVersion  = 1 << 53 // the most that every reader of JSON keeps exactly
)

func (r *connectionRecord) validate() error {
	switch {
	case !isUUID(r.UUID):
		return fault("uuid", "expected a UUID in lower case, such as 2f1c7f0e-6a53-4c7d-8b5e-0a9d3c1b2e4f")
	case !models.ValidIntegrationName(r.Integration):
		return fault("integration", "expected 1 to 64 lower-case letters, digits, '.', '-' and '_'")
	case !slices.Contains(models.AuthModes, r.AuthMode):
		return fault("authMode", "expected one of the auth modes, such as OAUTH2")
	case !slices.Contains(states, r.State):
		return fault("state", "expected one of the states, such as connected")
	case r.StateBefore != "" && !slices.Contains(states, r.StateBefore):
		return fault("stateBefore", "expected one of the states, such as connected, or nothing")
	case r.DateCreated.IsZero():
		return fault("dateCreated", "expected a time, found none")
	case r.LastModified.IsZero():
		return fault("lastModified", "expected a time, found none")
	case r.ObtainedAt.IsZero():
		return fault("obtainedAt", "expected a time, found none")
	case r.Failures > maxFailures:
		return fault("failures", fmt.Sprintf("expected a number of at most %d", maxFailures))
	case r.Failures < 0 || r.Refusals < 0 || r.Refusals > r.Failures:
		return fault("failures", "expected a number of at least 0, and no more refusals than that")
	case r.Version < 1 || r.Version > maxVersion:
		return fault("version", fmt.Sprintf("expected a number between 1 and %d", maxVersion))
	case r.ConfigVersion < 1 || r.ConfigVersion > r.Version:
		return fault("configVersion", "expected a number between 1 and version")
	}
	if err := models.ValidateUserID(r.UserID); err != nil {
		return faultOf("userId", err)
	}
	return cmp.Or(validNote("stateReason", r.StateReason), validNote("stateAnswer", r.StateAnswer))
}

// leftReason is why a connection that came without its credentials has to be made again.
const leftReason = "It was imported without its credentials."

// leaveCredentials makes a connection wait for its user, because its credentials were left behind.
func leaveCredentials(c *store.MovedConnection, now time.Time) error {
	empty, err := models.Credentials{Type: c.AuthMode}.SealedJSON()
	if err != nil {
		return err
	}
	ended := instant(now)
	c.Credentials, c.Refreshable, c.RefreshAt, c.AheadAt, c.ExpiresAt = models.Secret(empty), false, nil, nil, &ended
	c.StateReason, c.StateAnswer = leftReason, ""
	if c.State == models.StateDisabled {
		c.StateBefore = models.StateNeedsReconnect
	} else {
		c.State, c.StateBefore = models.StateNeedsReconnect, ""
	}
	return nil
}

// sameConnection reports whether the stored connection is the one that is moved: its version moves with every change.
func sameConnection(stored *models.Connection, c *store.MovedConnection) bool {
	return stored.UUID == c.UUID && stored.Integration == c.Integration && stored.UserID == c.UserID && stored.Version == c.Version &&
		stored.LastModified.Equal(c.LastModified) && stored.State == c.State && stored.StateReason == c.StateReason
}
