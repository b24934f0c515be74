package models

import (
	"encoding/json"
	"fmt"
	"time"
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

// AuthModes lists every auth mode in the order messages name them.
var AuthModes = []AuthMode{AuthOAuth2, AuthOAuth1, AuthAPIKey, AuthUsernamePassword, AuthOAuth2CC}

// Credentials are what authorizes requests for one connection. Raw is the provider's last token response verbatim, and
// as secret as the tokens it repeats.
type Credentials struct {
	Type         AuthMode
	AccessToken  Secret
	RefreshToken Secret     // empty where the provider gave none
	ExpiresAt    *time.Time // of the access token; nil where the provider named none
	Raw          json.RawMessage
}

// sealedCredentials is the shape that is sealed. Raw is base64 in it: encoding/json rewrites the text of a RawMessage.
type sealedCredentials struct {
	Type         AuthMode   `json:"type"`
	AccessToken  string     `json:"access_token"`
	ExpiresAt    *time.Time `json:"expires_at,omitempty"`
	RefreshToken string     `json:"refresh_token,omitempty"`
	Raw          []byte     `json:"raw,omitempty"`
}

// RevealJSON encodes the credentials with their secrets, to be sealed.
func (c Credentials) RevealJSON() ([]byte, error) {
	return json.Marshal(sealedCredentials{c.Type, c.AccessToken.Reveal(), c.ExpiresAt, c.RefreshToken.Reveal(), c.Raw})
}

// ParseCredentials reads what RevealJSON wrote.
func ParseCredentials(data []byte) (Credentials, error) {
	var j sealedCredentials
	if err := json.Unmarshal(data, &j); err != nil {
		return Credentials{}, fmt.Errorf("parse stored credentials: %w", err)
	}
	return Credentials{j.Type, Secret(j.AccessToken), Secret(j.RefreshToken), j.ExpiresAt, j.Raw}, nil
}

// MarshalJSON refuses, so that credentials are never encoded by accident; RevealJSON is the way.
func (c Credentials) MarshalJSON() ([]byte, error) {
	return nil, fmt.Errorf("credentials are not encoded implicitly")
}

// String redacts.
func (c Credentials) String() string { return redacted }

// GoString redacts under %#v.
func (c Credentials) GoString() string { return redacted }
