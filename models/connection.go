package models

import (
	"time"
	"unicode"
	"unicode/utf8"
)

// Connection is one (integration, user id) pair with its additionalConfig; unique per pair. Its [Credentials] are kept
// apart, so that a list of connections cannot hold them.
type Connection struct {
	ID          int64 `gorm:"primaryKey"`
	UUID        string
	Integration string
	UserID      string

	DateCreated  time.Time
	LastModified time.Time // moves with every change by the application, an operator or the server

	AuthMode    AuthMode
	ObtainedAt  time.Time  // when the credentials were
	ExpiresAt   *time.Time // of the access token; nil where the provider named none
	RefreshAt   *time.Time // from when it is refreshed before use, or tried again; nil where that is not known or not possible
	AheadAt     *time.Time // from when it is refreshed although nobody asks; nil for never
	UsedAt      time.Time  // when the credentials were last asked for, to the hour
	Refreshable bool       // a refresh token is held

	State       State
	StateReason string // one sentence for operators, free of secrets
	StateAnswer string // the provider's own words, free of secrets
	StateBefore State  // what ends being disabled
	Failures    int    // failed refreshes in a row
	Refusals    int    // those among them that may mean that the grant has ended

	Tags []string `gorm:"serializer:json"`

	AdditionalConfig Config
	ConfigVersion    int64 // the Version at which AdditionalConfig last changed
	Version          int64 // counts changes of the row, for optimistic locking
}

// State is what the row remembers of a connection's health; [Status] is what people are shown.
type State string

// The stored states.
const (
	StateConnected      State = "connected"
	StateNeedsReconnect State = "needs_reconnect"
	StateError          State = "error"
	StateDisabled       State = "disabled"
	StatePending        State = "pending"
)

// Status is a connection's health as shown in the dashboard and by the API.
type Status string

// The statuses, in the order they are offered as filters.
const (
	StatusConnected      Status = "connected"
	StatusExpiring       Status = "expiring" // cannot be refreshed and ends within 24 h
	StatusNeedsReconnect Status = "needs_reconnect"
	StatusError          Status = "error" // transient, retrying
	StatusDisabled       Status = "disabled"
	StatusPending        Status = "pending"
)

// Statuses lists every status in display order.
var Statuses = []Status{StatusConnected, StatusExpiring, StatusNeedsReconnect, StatusError, StatusDisabled, StatusPending}

// ExpiringWindow is how long before its end a token that cannot be refreshed counts as expiring.
const ExpiringWindow = 24 * time.Hour

// Status derives what people are shown from the stored state and the clock. A token that cannot be refreshed and has
// ended needs a reconnect, whatever the row says.
func (c *Connection) Status(now time.Time) Status {
	if c.State != StateConnected {
		return Status(c.State)
	}
	if c.Refreshable || c.ExpiresAt == nil {
		return StatusConnected
	}
	switch {
	case !c.ExpiresAt.After(now):
		return StatusNeedsReconnect
	case !c.ExpiresAt.After(now.Add(ExpiringWindow)):
		return StatusExpiring
	}
	return StatusConnected
}

// Valid reports whether s is one of [Statuses].
func (s Status) Valid() bool {
	for _, known := range Statuses {
		if s == known {
			return true
		}
	}
	return false
}

// Hold makes c the bearer of credentials obtained now, to be refreshed by the rules.
func (c *Connection) Hold(credentials Credentials, rules RefreshRules, now time.Time) {
	c.AuthMode, c.ObtainedAt, c.ExpiresAt = credentials.Type, now, credentials.ExpiresAt
	c.Refreshable = credentials.RefreshToken != ""
	c.State, c.StateReason, c.StateAnswer, c.StateBefore = StateConnected, "", "", ""
	c.Failures, c.Refusals = 0, 0
	c.Schedule(rules, now)
}

// Trouble tells why the connection is not well, in our words and the provider's; nothing where it is.
func (c *Connection) Trouble() string {
	if c.StateAnswer == "" {
		return c.StateReason
	}
	return c.StateReason + " It answered: " + c.StateAnswer + "."
}

// MaxRefusals is how often in a row a provider may refuse without saying that the grant has ended, before it counts as ended.
const MaxRefusals = 5

// Unclear reports whether the grant counts as ended only because the provider has refused so often: asking once more may help.
func (c *Connection) Unclear() bool { return c.Refusals >= MaxRefusals }

// Usable reports whether the access token, if there is one, still lives at the given time.
func (c *Connection) Usable(at time.Time) bool { return c.ExpiresAt == nil || c.ExpiresAt.After(at) }

// MaxUserIDBytes bounds a user id.
const MaxUserIDBytes = 512

// ValidateUserID checks that id is 1 to 512 bytes of valid UTF-8 without control characters.
// It fails with invalid_user_id.
func ValidateUserID(id string) error {
	message := ""
	switch {
	case id == "":
		message = "Enter a user id."
	case len(id) > MaxUserIDBytes:
		message = "The user id is longer than 512 bytes."
	case !utf8.ValidString(id):
		message = "The user id is not valid UTF-8."
	}
	for _, r := range id {
		if unicode.IsControl(r) {
			message = "The user id contains a control character, such as a line break or a tab."
			break
		}
	}
	if message == "" {
		return nil
	}
	return &Error{Kind: KindInvalid, Code: CodeInvalidUserID, Message: message, Fields: []FieldError{{Field: "userId", Message: message}}}
}
