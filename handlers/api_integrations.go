package handlers

import (
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
)

// apiIntegration is an integration without its secrets.
type apiIntegration struct {
	Name        string            `json:"name" example:"slack"`
	Source      models.SourceKind `json:"source" enum:"file,database,sandbox" doc:"file: integrations.yaml; such a one is changed there."`
	CallbackURL string            `json:"callbackUrl" format:"uri" doc:"What is registered at the provider."`
	Problem     string            `json:"problem" doc:"Why users cannot connect it, in a sentence; empty otherwise."`
	Connections int64             `json:"connections"`
	models.Definition
}

// publicIntegration gives an integration as the caller may see it: who cannot change it is not shown what somebody may have
// written into it.
func (s *server) publicIntegration(c echo.Context, in *models.Integration, connections int64) apiIntegration {
	shown := in.Definition()
	if !callerKey(c).Allows(models.ScopeIntegrationsWrite) {
		shown = shown.Redacted("[redacted]")
	}
	problem := in.Problem()
	if in.Registered() { // which is none
		problem = ""
	}
	return apiIntegration{in.Name, in.Source.Kind, s.Connections.CallbackURL(in), problem, connections, shown}
}

type integrationList struct {
	Integrations []apiIntegration `json:"integrations" nullable:"false"`
}

func (s *server) listIntegrations(c echo.Context) error {
	counts, err := s.Connections.CountByIntegration(c.Request().Context())
	if err != nil {
		return err
	}
	list := integrationList{Integrations: []apiIntegration{}}
	for _, in := range s.Connections.Integrations() {
		if callerKey(c).Reaches(in.Name) {
			list.Integrations = append(list.Integrations, s.publicIntegration(c, in, counts[in.Name]))
		}
	}
	return writeJSON(c, http.StatusOK, list)
}

func (s *server) getIntegration(c echo.Context) error {
	name, err := pathParam(c, "integration")
	if err != nil {
		return err
	}
	in, err := s.Connections.Integration(name)
	if err != nil {
		return err
	}
	return s.writeIntegration(c, http.StatusOK, in)
}

func (s *server) writeIntegration(c echo.Context, status int, in *models.Integration) error {
	counts, err := s.Connections.Count(c.Request().Context(), models.ConnectionFilter{Integration: in.Name})
	if err != nil {
		return err
	}
	return writeJSON(c, status, s.publicIntegration(c, in, counts.Total()))
}

// integrationRequest documents the body that creates an integration: its name, and then the keys of integrations.yaml.
type integrationRequest struct {
	Name string `json:"name" doc:"1 to 64 lower-case letters, digits, '.', '-' and '_'."`
	definitionPatch
}

// definitionPatch documents the keys of an integration.
type definitionPatch struct {
	Provider          string                     `json:"provider,omitempty" doc:"A catalogue entry to extend, such as slack or slack:v0; also as extends_blueprint." example:"slack:v0"`
	LogLevel          string                     `json:"log_level,omitempty" enum:"error,warn,info,debug"`
	HTTPTimeout       int                        `json:"http_request_timeout_seconds,omitempty" doc:"0 is no timeout."`
	ActionTimeout     int                        `json:"action_timeout_seconds,omitempty"`
	AppAPIKey         string                     `json:"app_api_key,omitempty" writeOnly:"true"`
	OAuthClientID     string                     `json:"oauth_client_id,omitempty"`
	OAuthClientSecret string                     `json:"oauth_client_secret,omitempty" writeOnly:"true"`
	OAuthScopes       []string                   `json:"oauth_scopes,omitempty"`
	SharedCallback    bool                       `json:"shared_callback,omitempty"`
	Auth              *models.AuthDefinition     `json:"auth,omitempty"`
	Requests          *models.RequestsDefinition `json:"requests,omitempty"`
}

func (s *server) createIntegration(c echo.Context) error {
	var members map[string]jsontext.Value
	body, err := readBody(c)
	if err != nil {
		return err
	}
	if err := unmarshalStrict(body, &members); err != nil {
		return err
	}
	var name string
	if err := unmarshalStrict(members["name"], &name); err != nil {
		return invalidBody("name", "expected a string")
	}
	if err := reach(c, name); err != nil {
		return err
	}
	// The rest is the definition, with the very text of its values.
	definition, err := models.Config(body).Merge(`{"name":null}`)
	if err != nil {
		return invalidDefinition(err)
	}
	in, err := s.Connections.CreateIntegration(c.Request().Context(), apiActor(c), name, string(definition))
	if err != nil {
		return invalidDefinition(err)
	}
	c.Response().Header().Set(echo.HeaderLocation, apiPrefix+"/integrations/"+in.Name)
	return s.writeIntegration(c, http.StatusCreated, in)
}

// invalidDefinition tells of a definition in terms of the body that it was taken from: places in its own text say nothing to
// who sent that.
func invalidDefinition(err error) error {
	e := models.AsError(err)
	if e == nil {
		return err
	}
	if e.Code == models.CodeInvalidConfig { // the rules of configurations are those of any JSON object
		e.Code, e.Message = models.CodeInvalidIntegration, "The definition of the integration is not valid: it is too large, or nested too deep."
		e.Fields = []models.FieldError{{Field: "body", Message: fmt.Sprintf("expected at most %d bytes and %d levels", models.MaxConfigBytes, models.MaxConfigDepth)}}
	}
	for i := range e.Fields {
		e.Fields[i].Line, e.Fields[i].Column = 0, 0
	}
	return err
}

func (s *server) updateIntegration(c echo.Context) error {
	name, err := pathParam(c, "integration")
	if err != nil {
		return err
	}
	patch, err := readBody(c)
	if err != nil {
		return err
	}
	in, err := s.Connections.UpdateIntegration(c.Request().Context(), apiActor(c), name, string(patch))
	if err != nil {
		return err
	}
	return s.writeIntegration(c, http.StatusOK, in)
}

func (s *server) deleteIntegration(c echo.Context) error {
	name, err := pathParam(c, "integration")
	if err != nil {
		return err
	}
	if err := s.Connections.DeleteIntegration(c.Request().Context(), apiActor(c), name); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

type providerList struct {
	Providers []models.Provider `json:"providers" nullable:"false"`
}

func (s *server) listProviders(c echo.Context) error {
	return writeJSON(c, http.StatusOK, providerList{s.Providers})
}

// getProvider finds a provider by name, its newest version, or by name and version.
func (s *server) getProvider(c echo.Context) error {
	name, err := pathParam(c, "provider")
	if err != nil {
		return err
	}
	for i := range s.Providers { // the newest version of each comes first
		if p := &s.Providers[i]; p.Name == name || p.Ref() == name {
			return writeJSON(c, http.StatusOK, p)
		}
	}
	return &models.Error{Kind: models.KindNotFound, Code: models.CodeUnknownProvider, Message: fmt.Sprintf("There is no provider %q in the catalogue.", name)}
}
