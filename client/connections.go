package client

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
	"unicode/utf8"
)

// Connection is one user's access to one integration, without its [Credentials].
type Connection struct {
	UUID             string          `json:"uuid"`
	Integration      string          `json:"integration"`
	UserID           string          `json:"userId"`
	DateCreated      time.Time       `json:"dateCreated"`
	LastModified     time.Time       `json:"lastModified"` // by the application, an operator or the server
	AuthMode         AuthMode        `json:"authMode"`
	Status           Status          `json:"status"`
	StatusReason     string          `json:"statusReason"`       // one sentence; empty when connected
	ExpiresAt        time.Time       `json:"expiresAt,omitzero"` // of the access token; zero where the provider named no end
	Refreshable      bool            `json:"refreshable"`        // a refresh token is held
	Tags             []string        `json:"tags"`
	Version          int64           `json:"version"`          // counts every change
	AdditionalConfig json.RawMessage `json:"additionalConfig"` // as stored, but for white space around it

	// ETag holds the versions of the connection and of its configuration, for [IfMatch]. In a list it is empty.
	ETag string `json:"-"`
}

// Status is a connection's health.
type Status string

// The statuses.
const (
	StatusConnected      Status = "connected"
	StatusExpiring       Status = "expiring"        // cannot be refreshed and ends within 24 hours
	StatusNeedsReconnect Status = "needs_reconnect" // only the end user can help
	StatusError          Status = "error"           // transient, the server tries again
	StatusDisabled       Status = "disabled"
	StatusPending        Status = "pending" // to be redeemed by [Client.RedeemClaim]
)

// A WriteOption changes how a connection is written.
type WriteOption func(*request)

// IfMatch lets a write fail with stale_version where somebody was faster since etag, a [Connection.ETag], was read. Writes of
// the configuration look at changes of the configuration alone, so that refreshed tokens are no conflict.
func IfMatch(etag string) WriteOption {
	return func(r *request) { r.ifMatch = &etag }
}

// RegisterConnection makes the connection of a user whose credentials the application has. additionalConfig is a JSON
// object, or nil. It fails with connection_exists, unknown_integration, invalid_config, invalid_credentials, in this order.
// Credentials that a user has to grant in the browser come by [Client.CreateConnectSession].
func (c *Client) RegisterConnection(ctx context.Context, integration, userID string, credentials Credentials, additionalConfig json.RawMessage, tags ...string) (*Connection, error) {
	if err := encodable(userID); err != nil {
		return nil, err
	}
	body, err := json.Marshal(struct {
		Integration string   `json:"integration"`
		UserID      string   `json:"userId"`
		Tags        []string `json:"tags,omitempty"`
	}{integration, userID, tags})
	if err != nil {
		return nil, err
	}
	given, err := credentials.given()
	if err != nil {
		return nil, err
	}
	if body, err = splice(body, "credentials", given, CodeInvalidCredentials); err != nil {
		return nil, err
	}
	if additionalConfig != nil {
		if body, err = splice(body, "additionalConfig", additionalConfig, CodeInvalidConfig); err != nil {
			return nil, err
		}
	}
	return c.connection(ctx, request{method: http.MethodPost, path: []string{"connections"}, body: body})
}

// GetConnection gives one connection. It fails with unknown_connection.
func (c *Client) GetConnection(ctx context.Context, integration, userID string) (*Connection, error) {
	return c.connection(ctx, ofConnection(http.MethodGet, integration, userID))
}

// GetConnectionConfig gives the additionalConfig of one connection, exactly as it is stored, and the connection's ETag for
// [IfMatch]. It fails with unknown_connection.
func (c *Client) GetConnectionConfig(ctx context.Context, integration, userID string) (config json.RawMessage, etag string, err error) {
	r := ofConnection(http.MethodGet, integration, userID, "config")
	answer, err := c.do(ctx, r)
	if err != nil {
		return nil, "", err
	}
	if _, err := parse[json.RawMessage](c, r, answer); err != nil {
		return nil, "", err
	}
	return answer.body, answer.header.Get("ETag"), nil
}

// UpdateConnectionConfig replaces the additionalConfig of a connection, a JSON object, and keeps its credentials. It fails
// with unknown_connection, invalid_config, and with stale_version where [IfMatch] is given.
func (c *Client) UpdateConnectionConfig(ctx context.Context, integration, userID string, additionalConfig json.RawMessage, options ...WriteOption) (*Connection, error) {
	r := ofConnection(http.MethodPut, integration, userID, "config")
	r.body = additionalConfig
	return c.connection(ctx, r, options...)
}

// PatchConnectionConfig changes part of the additionalConfig of a connection by a JSON merge patch (RFC 7396): keys replace
// those of the same name, null removes them. It fails as [Client.UpdateConnectionConfig] does.
func (c *Client) PatchConnectionConfig(ctx context.Context, integration, userID string, patch json.RawMessage, options ...WriteOption) (*Connection, error) {
	r := ofConnection(http.MethodPatch, integration, userID, "config")
	r.body = patch
	return c.connection(ctx, r, options...)
}

// SetConnectionTags replaces the tags of a connection; without tags it removes all. It fails with unknown_connection and
// invalid_tags.
func (c *Client) SetConnectionTags(ctx context.Context, integration, userID string, tags ...string) (*Connection, error) {
	if tags == nil {
		tags = []string{}
	}
	body, err := json.Marshal(tags)
	if err != nil {
		return nil, err
	}
	r := ofConnection(http.MethodPut, integration, userID, "tags")
	r.body = body
	return c.connection(ctx, r)
}

// RefreshConnection makes the server obtain a new access token now. It fails with not_refreshable, and as
// [Client.GetCredentials] does.
func (c *Client) RefreshConnection(ctx context.Context, integration, userID string) (*Connection, error) {
	return c.connection(ctx, ofConnection(http.MethodPost, integration, userID, "refresh"))
}

// DisableConnection keeps a connection from being used until [Client.EnableConnection]. It fails with unknown_connection.
func (c *Client) DisableConnection(ctx context.Context, integration, userID string) (*Connection, error) {
	return c.connection(ctx, ofConnection(http.MethodPost, integration, userID, "disable"))
}

// EnableConnection ends [Client.DisableConnection]. It fails with unknown_connection.
func (c *Client) EnableConnection(ctx context.Context, integration, userID string) (*Connection, error) {
	return c.connection(ctx, ofConnection(http.MethodPost, integration, userID, "enable"))
}

// DeletedConnection tells what became of a connection.
type DeletedConnection struct {
	UUID        string     `json:"uuid"`
	Integration string     `json:"integration"`
	UserID      string     `json:"userId"`
	Revocation  Revocation `json:"revocation"`
	Message     string     `json:"message"`
}

// Revocation says whether the provider has revoked the tokens of a deleted connection (RFC 7009).
type Revocation string

// The outcomes of a revocation. While the provider is in trouble it is asked again for 24 hours; [Client.Audit] tells how that
// ends. After a failed one the tokens still work at the provider until they end.
const (
	Revoked               Revocation = "revoked"
	RevocationUnsupported Revocation = "unsupported"
	RevocationRetrying    Revocation = "retrying"
	RevocationFailed      Revocation = "failed"
)

// DeleteConnection deletes a connection, whether or not its tokens can be revoked. It fails with unknown_connection.
func (c *Client) DeleteConnection(ctx context.Context, integration, userID string) (*DeletedConnection, error) {
	return fetch[DeletedConnection](ctx, c, ofConnection(http.MethodDelete, integration, userID))
}

// ActionResult is what an action gave.
type ActionResult struct {
	Result json.RawMessage `json:"result"`
	RunID  string          `json:"runId"`
}

// TriggerAction runs an action for a connection. input is anything that encoding/json can encode. It fails with
// unknown_integration, unknown_connection and unknown_action.
func (c *Client) TriggerAction(ctx context.Context, integration, action, userID string, input any) (*ActionResult, error) {
	body, err := json.Marshal(input)
	if err != nil {
		return nil, err
	}
	r := ofConnection(http.MethodPost, integration, userID, "actions", action)
	r.body = body
	return fetch[ActionResult](ctx, c, r)
}

// ofConnection is a request about one connection, or about the part of it at rest.
func ofConnection(method, integration, userID string, rest ...string) request {
	return request{method: method, path: append([]string{"connections", integration, userID}, rest...)}
}

// connection sends a request that is answered with a connection.
func (c *Client) connection(ctx context.Context, r request, options ...WriteOption) (*Connection, error) {
	for _, option := range options {
		option(&r)
	}
	answer, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	connection, err := parse[Connection](c, r, answer)
	if err != nil {
		return nil, err
	}
	connection.ETag = answer.header.Get("ETag")
	return connection, nil
}

// encodable refuses a user id in which encoding/json would replace something, and so make it another user's.
func encodable(userID string) error {
	if !utf8.ValidString(userID) {
		return refused(CodeInvalidUserID, "The user id is not valid UTF-8.")
	}
	return nil
}

// splice adds a member to the text of a JSON object that has others, byte for byte, as no encoder would. It fails with code
// where the value is no JSON.
func splice(object []byte, name string, value json.RawMessage, code string) ([]byte, error) {
	if err := json.Unmarshal(value, new(json.RawMessage)); err != nil {
		return nil, refused(code, name+" is not valid JSON: "+err.Error()+".")
	}
	object = append(object[:len(object)-1], `,"`+name+`":`...)
	return append(append(object, value...), '}'), nil
}
