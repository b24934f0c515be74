package handlers

import (
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/internal/connections"
	"github.com/patchbay/patchbay/models"
)

// operationGetCredentials names the operation whose calls are counted per connection.
const operationGetCredentials = "getCredentials"

// connectionCredentials are fresh credentials with whose they are.
type connectionCredentials struct {
	UUID        string          `json:"uuid" format:"uuid"`
	Integration string          `json:"integration"`
	UserID      string          `json:"userId"`
	Credentials json.RawMessage `json:"credentials,omitempty" doc:"type, the properties of that auth mode, and raw: the provider's last token response, or the credentials as they were registered."`
}

func (a connectionCredentials) encode() ([]byte, error) {
	credentials := a.Credentials
	a.Credentials = nil
	text, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	return models.SpliceJSON(text, "credentials", credentials), nil
}

func (s *server) getCredentials(c echo.Context) error {
	integration, userID, err := pairOf(c)
	if err != nil {
		return err
	}
	want := connections.Freshness{}
	if want.MinTTL, err = querySeconds(c, "minTtl"); err != nil {
		return err
	}
	if want.Force, err = queryBool(c, "forceRefresh"); err != nil {
		return err
	}
	if want.Rejected, err = queryHash(c, "rejected"); err != nil {
		return err
	}
	conn, credentials, err := s.Connections.FreshCredentials(c.Request().Context(), integration, userID, want)
	if err != nil {
		return err
	}
	if err := s.Meter.Count(callerKey(c).Name, operationGetCredentials, conn.UUID); err != nil {
		return err
	}
	revealed, err := credentials.RevealJSON()
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, connectionCredentials{conn.UUID, conn.Integration, conn.UserID, revealed})
}

func (s *server) updateCredentials(c echo.Context) error {
	conn, err := s.pair(c)
	if err != nil {
		return err
	}
	version, _, err := ifMatch(c)
	if err != nil {
		return err
	}
	given, err := readBody(c)
	if err != nil {
		return err
	}
	if conn, err = s.Connections.UpdateCredentials(c.Request().Context(), apiActor(c), conn.UUID, version, given); err != nil {
		return err
	}
	return s.writeConnection(c, http.StatusOK, conn)
}

func readBody(c echo.Context) ([]byte, error) { return io.ReadAll(c.Request().Body) }

// givenCredentials documents the shapes of credentials that are registered; [models.ParseGivenCredentials] reads them.
type givenCredentials struct {
	AccessToken      string    `json:"access_token,omitempty" doc:"OAUTH2: required."`
	RefreshToken     string    `json:"refresh_token,omitempty" doc:"OAUTH2."`
	ExpiresAt        time.Time `json:"expires_at,omitzero" doc:"OAUTH2: when the access token ends; unix seconds are taken, too."`
	ExpiresIn        int64     `json:"expires_in,omitempty" doc:"OAUTH2: or in how many seconds."`
	OAuthToken       string    `json:"oauth_token,omitempty" doc:"OAUTH1: required."`
	OAuthTokenSecret string    `json:"oauth_token_secret,omitempty" doc:"OAUTH1: required."`
	APIKey           string    `json:"api_key,omitempty" doc:"API_KEY: required."`
	Username         string    `json:"username,omitempty" doc:"USERNAME_PASSWORD: required; or key."`
	Password         string    `json:"password,omitempty" doc:"USERNAME_PASSWORD: required; or secret."`
}
