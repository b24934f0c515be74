package handlers

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
	"github.com/patchbay/patchbay/views"
)

func (s *server) integrations(c echo.Context) error {
	counts, err := s.Connections.CountByIntegration(c.Request().Context())
	if err != nil {
		return err
	}
	page := views.IntegrationsPage{Shell: s.shell(c, "Integrations", views.NavIntegrations), File: s.IntegrationsFile, RootURL: s.RootURL.String()}
	for _, in := range s.Connections.Integrations() {
		row := views.IntegrationRow{
			Name: in.Name, Href: integrationPath(in.Name), AuthMode: in.Auth.Mode, Source: sourceLabel(in.Source), Connections: counts[in.Name],
		}
		if !in.Registered() {
			row.Problem = in.Problem()
		}
		page.Rows = append(page.Rows, row)
	}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if _, err := s.Connections.Integration(name); err != nil {
			page.Rows = append(page.Rows, views.IntegrationRow{
				Name: name, Href: s.integrationHref(name), Source: "Nowhere", Connections: counts[name],
				Problem: "This integration is no longer configured. Its connections are kept.",
			})
		}
	}
	return render(c, http.StatusOK, views.Integrations(page))
}

func (s *server) integration(c echo.Context) error {
	in, err := s.Connections.Integration(c.Param("name"))
	if err != nil {
		return err
	}
	return s.renderIntegration(c, http.StatusOK, in, s.connectForm(c, "Connect", in.Name, "", integrationPath(in.Name)))
}

// recentOfIntegration is how many of its connections an integration's page shows.
const recentOfIntegration = 10

func (s *server) renderIntegration(c echo.Context, status int, in *models.Integration, form views.ConnectForm) error {
	ctx := c.Request().Context()
	filter := models.ConnectionFilter{Integration: in.Name}
	counts, err := s.Connections.Count(ctx, filter)
	if err != nil {
		return err
	}
	list, err := s.Connections.List(ctx, filter, models.SortNewest, models.PageRequest{Limit: recentOfIntegration})
	if err != nil {
		return err
	}
	form.AskUser = true
	return render(c, status, views.Integration(views.IntegrationPage{
		Shell: s.shell(c, in.Name, views.NavIntegrations), Name: in.Name, AuthMode: in.Auth.Mode, Source: managedBy(in.Source),
		Sandbox: in.Source.Kind == models.SourceSandbox, Database: in.Source.Kind == models.SourceDatabase, RootURL: s.RootURL.String(), Problem: in.Problem(), CallbackURL: s.Connections.CallbackURL(in),
		Scopes: in.OAuth.Scopes, OAuth: oauthFacts(in), Requests: requestFacts(in), Counts: counts,
		Rows: s.connectionRows(list.Rows), AllHref: connectionsOfIntegration(in.Name), Connect: form,
	}))
}

func sourceLabel(source models.Source) string {
	switch source.Kind {
	case models.SourceSandbox:
		return "Built in"
	case models.SourceDatabase:
		return "Database"
	}
	return fmt.Sprintf("%s, line %d", source.File, source.Line)
}

// managedBy says the same as a sentence of its own.
func managedBy(source models.Source) string {
	switch source.Kind {
	case models.SourceFile:
		return "Managed by " + sourceLabel(source)
	case models.SourceDatabase:
		return "Kept in the database"
	}
	return sourceLabel(source)
}

func oauthFacts(in *models.Integration) []views.Fact {
	var facts []views.Fact
	add := func(name, value string, copyable bool) {
		if value != "" {
			facts = append(facts, views.Fact{Name: name, Value: value, Copy: copyable, Mono: true})
		}
	}
	add("Client id", in.OAuth.ID, true)
	if in.OAuth.Secret != "" {
		add("Client secret", masked, false)
	}
	add("Authorization URL", maskQuery(in.Auth.AuthorizationURL), false)
	add("Token URL", maskQuery(in.Auth.TokenURL), false)
	add("Refresh URL", maskQuery(in.Auth.RefreshURL), false)
	add("Revocation URL", maskQuery(in.Auth.RevocationURL), false)
	if in.Auth.Mode == models.AuthOAuth2 {
		pkce := "S256"
		if in.Auth.DisablePKCE {
			pkce = "off"
		}
		add("PKCE", pkce, false)
	}
	return facts
}

// maskQuery hides the values of an address's query, which may hold keys that came from the environment.
func maskQuery(address string) string {
	path, query, found := strings.Cut(address, "?")
	if !found {
		return address
	}
	parameters := strings.Split(query, "&")
	for i, parameter := range parameters {
		if name, _, hasValue := strings.Cut(parameter, "="); hasValue {
			parameters[i] = name + "=" + masked
		}
	}
	return path + "?" + strings.Join(parameters, "&")
}

// shownAsConfigured is a value made of placeholders, perhaps behind a scheme. Any other may hold a secret that was written
// into the file or came from the environment.
var shownAsConfigured = regexp.MustCompile(`^([A-Za-z]+ )?(\$\{[^}]+\})+$`)

// requestFacts shows the request defaults, without what may be a secret.
func requestFacts(in *models.Integration) []views.Fact {
	var facts []views.Fact
	if in.Request.BaseURL != "" {
		facts = append(facts, views.Fact{Name: "Base URL", Value: maskQuery(in.Request.BaseURL), Mono: true})
	}
	for _, group := range []struct {
		kind   string
		values map[string]string
	}{{"Header", in.Request.Headers}, {"Parameter", in.Request.Params}} {
		for _, name := range slices.Sorted(maps.Keys(group.values)) {
			value := group.values[name]
			if !shownAsConfigured.MatchString(value) {
				value = masked
			}
			facts = append(facts, views.Fact{Name: group.kind + " " + name, Value: value, Mono: true})
		}
	}
	return facts
}
