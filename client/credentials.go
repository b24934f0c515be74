package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"
	"unicode/utf8"
)

// AuthMode says how an integration's API is authorized.
type AuthMode string

// The auth modes.
const (
	AuthOAuth2           AuthMode = "OAUTH2"
	AuthOAuth1           AuthMode = "OAUTH1"
	AuthAPIKey           AuthMode = "API_KEY"
	AuthUsernamePassword AuthMode = "USERNAME_PASSWORD"
	AuthOAuth2CC         AuthMode = "OAUTH2_CC"
)

// Credentials authorize requests to an integration's API for one connection. Which fields hold something depends on the
// auth mode. Printing and logging them shows the type alone, and encoding/json refuses them: secrets are read field by field.
// An unexported field should hold a pointer to them: fmt cannot call the methods of a value there.
type Credentials struct {
	Type AuthMode // may be left empty in credentials that are given to the server

	AccessToken  string    // OAUTH2, OAUTH2_CC
	RefreshToken string    // OAUTH2; empty where the provider gave none
	ExpiresAt    time.Time // of the access token; zero where the provider named no end

	OAuthToken       string // OAUTH1
	OAuthTokenSecret string // OAUTH1

	APIKey string // API_KEY

	Username string // USERNAME_PASSWORD
	Password string // USERNAME_PASSWORD

	// Raw is the provider's last token response, or the credentials as they were given, byte for byte. It is sent only where
	// every other field but Type is empty, and then in their place: that is how to give properties that have no field here.
	Raw json.RawMessage
}

// credentialsJSON is the shape in which credentials travel, but for raw.
type credentialsJSON struct {
	Type             AuthMode  `json:"type,omitzero"`
	AccessToken      string    `json:"access_token,omitzero"`
	RefreshToken     string    `json:"refresh_token,omitzero"`
	ExpiresAt        time.Time `json:"expires_at,omitzero"`
	OAuthToken       string    `json:"oauth_token,omitzero"`
	OAuthTokenSecret string    `json:"oauth_token_secret,omitzero"`
	APIKey           string    `json:"api_key,omitzero"`
	Username         *string   `json:"username,omitzero"` // both or none: one of the two may be empty
	Password         *string   `json:"password,omitzero"`
}

// UnmarshalJSON reads credentials as the API sends them.
func (c *Credentials) UnmarshalJSON(data []byte) error {
	var username, password string
	j := struct {
		credentialsJSON
		Raw json.RawMessage `json:"raw"`
	}{credentialsJSON: credentialsJSON{Username: &username, Password: &password}}
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*c = Credentials{
		Type: j.Type, AccessToken: j.AccessToken, RefreshToken: j.RefreshToken, ExpiresAt: j.ExpiresAt,
		OAuthToken: j.OAuthToken, OAuthTokenSecret: j.OAuthTokenSecret, APIKey: j.APIKey,
		Username: username, Password: password, Raw: j.Raw,
	}
	return nil
}

// given encodes credentials to give them to the server.
func (c Credentials) given() (json.RawMessage, error) {
	j := credentialsJSON{
		AccessToken: c.AccessToken, RefreshToken: c.RefreshToken, ExpiresAt: c.ExpiresAt,
		OAuthToken: c.OAuthToken, OAuthTokenSecret: c.OAuthTokenSecret, APIKey: c.APIKey,
	}
	if c.Username != "" || c.Password != "" {
		j.Username, j.Password = &c.Username, &c.Password
	}
	if c.Raw != nil && j == (credentialsJSON{}) {
		return c.Raw, nil
	}
	for _, text := range []string{c.AccessToken, c.RefreshToken, c.OAuthToken, c.OAuthTokenSecret, c.APIKey, c.Username, c.Password} {
		if !utf8.ValidString(text) { // which encoding/json would replace, without a word
			return nil, refused(CodeInvalidCredentials, "The credentials are not valid UTF-8.")
		}
	}
	j.Type = c.Type
	return json.Marshal(j)
}

// MarshalJSON refuses, so that credentials are never stored or logged by accident.
func (c Credentials) MarshalJSON() ([]byte, error) {
	return nil, errors.New("patchbay: credentials are not encoded implicitly; encode the fields that are needed")
}

// String tells the type alone.
func (c Credentials) String() string { return string(c.Type) + " credentials [redacted]" }

// Format tells the type alone, whatever the verb.
func (c Credentials) Format(f fmt.State, _ rune) { io.WriteString(f, c.String()) }

// LogValue tells the type alone in log/slog.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// A CredentialsOption changes what [Client.GetCredentials] gives.
type CredentialsOption func(url.Values)

// MinTTL asks for a token that is valid for at least d, which is rounded up to seconds.
func MinTTL(d time.Duration) CredentialsOption {
	return func(query url.Values) { query.Set("minTtl", strconv.Itoa(int(math.Ceil(d.Seconds())))) }
}

// Rejected asks for another token than one that the provider's API has just answered with 401. However many callers were
// refused with it, it is refreshed once.
func Rejected(accessToken string) CredentialsOption {
	return func(query url.Values) {
		sum := sha256.Sum256([]byte(accessToken))
		query.Set("rejected", hex.EncodeToString(sum[:]))
	}
}

// ForceRefresh asks for a new token although the current one is still valid.
func ForceRefresh() CredentialsOption {
	return func(query url.Values) { query.Set("forceRefresh", "true") }
}

// GetCredentials gives credentials that are valid now: an access token that ends soon is refreshed first. It fails with
// needs_reconnect where only the end user can help, with refresh_failed or refresh_timeout where the provider is at fault,
// and with connection_disabled. Ask before each use rather than keeping the answer.
func (c *Client) GetCredentials(ctx context.Context, integration, userID string, options ...CredentialsOption) (*Credentials, error) {
	r := ofConnection(http.MethodGet, integration, userID, "credentials")
	r.query = url.Values{}
	for _, option := range options {
		option(r.query)
	}
	answer, err := fetch[struct{ Credentials Credentials }](ctx, c, r)
	if err != nil {
		return nil, err
	}
	return &answer.Credentials, nil
}

// UpdateConnectionCredentials replaces the credentials of a connection and keeps its configuration. A connection that
// needed a reconnect is connected again. It fails with unknown_integration, unknown_connection, invalid_credentials, and
// with stale_version where [IfMatch] is given.
func (c *Client) UpdateConnectionCredentials(ctx context.Context, integration, userID string, credentials Credentials, options ...WriteOption) (*Connection, error) {
	given, err := credentials.given()
	if err != nil {
		return nil, err
	}
	r := ofConnection(http.MethodPut, integration, userID, "credentials")
	r.body = given
	return c.connection(ctx, r, options...)
}
