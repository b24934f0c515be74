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

// Credentials are what authorizes requests for one connection; Type says which of the fields are set. Raw is the
// provider's last token response verbatim, or the credentials as the caller gave them, and as secret as what it repeats.
type Credentials struct {
	Type AuthMode

	AccessToken  Secret     // OAUTH2
	RefreshToken Secret     // OAUTH2; empty where the provider gave none
	ExpiresAt    *time.Time // OAUTH2; of the access token, nil where the provider named none

	OAuthToken       Secret // OAUTH1 (RFC 5849)
	OAuthTokenSecret Secret // OAUTH1

	APIKey Secret // API_KEY

	Username string // USERNAME_PASSWORD
	Password Secret // USERNAME_PASSWORD

	Raw json.RawMessage
}

// revealedCredentials are credentials in the names and shapes of the API.
type revealedCredentials struct {
	Type             AuthMode   `json:"type"`
	AccessToken      string     `json:"access_token,omitempty"`
	ExpiresAt        *time.Time `json:"expires_at,omitempty"`
	RefreshToken     string     `json:"refresh_token,omitempty"`
	OAuthToken       string     `json:"oauth_token,omitempty"`
	OAuthTokenSecret string     `json:"oauth_token_secret,omitempty"`
	APIKey           string     `json:"api_key,omitempty"`
	Username         *string    `json:"username,omitempty"`
	Password         *string    `json:"password,omitempty"`
}

// sealedCredentials is what is sealed. Raw is base64 in it: encoding/json rewrites the text of a RawMessage.
type sealedCredentials struct {
	revealedCredentials
	Raw []byte `json:"raw,omitempty"`
}

func (c Credentials) revealed() revealedCredentials {
	r := revealedCredentials{
		Type: c.Type, AccessToken: c.AccessToken.Reveal(), ExpiresAt: c.ExpiresAt, RefreshToken: c.RefreshToken.Reveal(),
		OAuthToken: c.OAuthToken.Reveal(), OAuthTokenSecret: c.OAuthTokenSecret.Reveal(), APIKey: c.APIKey.Reveal(),
	}
	if c.Type == AuthUsernamePassword {
		password := c.Password.Reveal()
		r.Username, r.Password = &c.Username, &password
	}
	return r
}

// SealedJSON encodes the credentials with their secrets, to be sealed.
func (c Credentials) SealedJSON() ([]byte, error) {
	return json.Marshal(sealedCredentials{c.revealed(), c.Raw})
}

// ParseSealedCredentials reads what SealedJSON wrote.
func ParseSealedCredentials(data []byte) (Credentials, error) {
	var j sealedCredentials
	if err := json.Unmarshal(data, &j); err != nil {
		return Credentials{}, fmt.Errorf("parse stored credentials: %w", err)
	}
	c := Credentials{
		Type: j.Type, AccessToken: Secret(j.AccessToken), RefreshToken: Secret(j.RefreshToken), ExpiresAt: j.ExpiresAt,
		OAuthToken: Secret(j.OAuthToken), OAuthTokenSecret: Secret(j.OAuthTokenSecret), APIKey: Secret(j.APIKey), Raw: j.Raw,
	}
	if j.Username != nil && j.Password != nil {
		c.Username, c.Password = *j.Username, Secret(*j.Password)
	}
	return c, nil
}

// RevealJSON encodes the credentials with their secrets, to be given to who may have them: type, the fields of the auth
// mode, and raw with the very bytes it came in.
func (c Credentials) RevealJSON() ([]byte, error) {
	text, err := json.Marshal(c.revealed())
	if err != nil || c.Raw == nil {
		return text, err
	}
	return SpliceJSON(text, "raw", c.Raw), nil
}

// SpliceJSON adds a member to the text of a JSON object that has others. The value is copied byte for byte: encoders
// change its white space.
func SpliceJSON(object []byte, name string, value []byte) []byte {
	spliced := append(object[:len(object)-1:len(object)-1], `,"`+name+`":`...)
	return append(append(spliced, value...), '}')
}

// MarshalJSON refuses, so that credentials are never encoded by accident; RevealJSON is the way.
func (c Credentials) MarshalJSON() ([]byte, error) {
	return nil, fmt.Errorf("credentials are not encoded implicitly")
}

// String redacts.
func (c Credentials) String() string { return redacted }

// GoString redacts under %#v.
func (c Credentials) GoString() string { return redacted }
