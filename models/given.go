package models

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxCredentialsBytes bounds credentials as a caller gives them.
const MaxCredentialsBytes = 64 << 10

// ParseGivenCredentials checks credentials that a caller registers for a connection of the given auth mode. Properties that
// the mode does not know are kept in Raw only. It fails with invalid_credentials, naming properties and the mode but never
// a value, and with unsupported_auth_mode.
func ParseGivenCredentials(mode AuthMode, given []byte, now time.Time) (Credentials, error) {
	g := givenCredentials{mode: mode}
	if len(given) > MaxCredentialsBytes {
		g.fault("credentials", fmt.Sprintf("expected at most %d bytes (64 KiB), found %d", MaxCredentialsBytes, len(given)))
		return Credentials{}, g.err()
	}
	// Checked first, because encoding/json takes the last of two properties of one name.
	if !jsontext.Value(given).IsValid() || json.Unmarshal(given, &g.properties) != nil || g.properties == nil {
		g.fault("credentials", "expected an object with each property once")
		return Credentials{}, g.err()
	}
	if kind, ok := g.text("type", true); ok && AuthMode(kind) != mode {
		g.fault("credentials.type", fmt.Sprintf("expected %q or nothing", mode))
	}
	c := Credentials{Type: mode, Raw: given}
	switch mode {
	case AuthOAuth2:
		c.AccessToken = g.secret("access_token")
		refresh, _ := g.text("refresh_token", true)
		c.RefreshToken, c.ExpiresAt = Secret(refresh), g.expiry(now)
	case AuthOAuth1:
		c.OAuthToken, c.OAuthTokenSecret = g.secret("oauth_token"), g.secret("oauth_token_secret")
	case AuthAPIKey:
		c.APIKey = g.secret("api_key")
	case AuthUsernamePassword:
		c.Username, c.Password = g.login()
	default:
		return Credentials{}, &Error{Kind: KindInvalid, Code: CodeUnsupportedAuthMode, Message: fmt.Sprintf("Connections of auth mode %s cannot be registered yet.", mode)}
	}
	return c, g.err()
}

// givenCredentials reads properties and collects what is wrong with them.
type givenCredentials struct {
	mode       AuthMode
	properties map[string]json.RawMessage
	faults     []FieldError
}

func (g *givenCredentials) fault(field, message string) {
	g.faults = append(g.faults, FieldError{Field: field, Message: message + " (auth mode " + string(g.mode) + ")"})
}

func (g *givenCredentials) err() error {
	if g.faults == nil {
		return nil
	}
	sentences := make([]string, len(g.faults))
	for i, f := range g.faults {
		sentences[i] = f.Field + ": " + f.Message
	}
	return &Error{Kind: KindInvalid, Code: CodeInvalidCredentials, Message: "The credentials are not valid: " + strings.Join(sentences, "; ") + ".", Fields: g.faults}
}

// given gives a property that is there and not null.
func (g *givenCredentials) given(name string) (json.RawMessage, bool) {
	value, ok := g.properties[name]
	return value, ok && string(value) != "null"
}

// text reads a string property; not ok where there is none.
func (g *givenCredentials) text(name string, optional bool) (text string, ok bool) {
	value, given := g.given(name)
	switch {
	case given && json.Unmarshal(value, &text) == nil:
		return text, true
	case given:
		g.fault("credentials."+name, "expected a string")
	case !optional:
		g.fault("credentials."+name, "expected this property, found none")
	}
	return "", false
}

// secret reads a string property that must be there and hold something.
func (g *givenCredentials) secret(name string) Secret {
	text, ok := g.text(name, false)
	if ok && text == "" {
		g.fault("credentials."+name, "expected a string that is not empty")
	}
	return Secret(text)
}

// login reads user name and password, or key and secret, as some APIs call them. Some have only one of the two.
func (g *givenCredentials) login() (username string, password Secret) {
	names := [2]string{"username", "password"}
	if _, given := g.given("key"); given {
		names = [2]string{"key", "secret"}
	}
	username, _ = g.text(names[0], false)
	secret, _ := g.text(names[1], false)
	if username == "" && secret == "" && g.faults == nil {
		g.fault("credentials."+names[0], "expected a string that is not empty")
	}
	return username, Secret(secret)
}

// expiry reads expires_at, an RFC 3339 time or unix seconds, or else expires_in, in seconds.
func (g *givenCredentials) expiry(now time.Time) *time.Time {
	if value, given := g.given("expires_at"); given {
		at, ok := instant(value)
		if !ok {
			g.fault("credentials.expires_at", "expected a time such as 2026-03-01T12:00:00Z, or unix seconds")
			return nil
		}
		return &at
	}
	value, given := g.given("expires_in")
	if !given {
		return nil
	}
	seconds, ok := finite(value)
	if !ok || seconds < 0 || seconds > maxLife.Seconds() {
		g.fault("credentials.expires_in", "expected a number of seconds, of at most ten years")
		return nil
	}
	at := now.Add(time.Duration(seconds) * time.Second).UTC()
	return &at
}

// maxLife bounds what a caller says a token lives.
const maxLife = 10 * 366 * 24 * time.Hour

// instant reads an RFC 3339 time, the same without T and zone, as it is often written, for UTC, or unix seconds. In UTC, it
// has to be in a year that RFC 3339 can tell.
func instant(value json.RawMessage) (at time.Time, ok bool) {
	var text string
	if seconds, isNumber := finite(value); isNumber {
		at = time.Unix(int64(seconds), 0)
	} else if json.Unmarshal(value, &at) != nil {
		if json.Unmarshal(value, &text) != nil {
			return at, false
		}
		var err error
		if at, err = time.Parse(time.DateTime, text); err != nil {
			return at, false
		}
	}
	at = at.UTC().Truncate(time.Microsecond)
	return at, at.Year() >= 0 && at.Year() <= 9999
}

// finite reads a number of seconds, of either sign, that is not beyond the year 9999.
func finite(value json.RawMessage) (seconds float64, ok bool) {
	const most = 253402300799
	ok = json.Unmarshal(value, &seconds) == nil && math.Abs(seconds) <= most
	return math.Trunc(seconds), ok
}
