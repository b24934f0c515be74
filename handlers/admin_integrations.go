package handlers

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/internal/sandbox"
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
	shown := in.Definition().Redacted(masked)
	vices := ""
	if in.Name == sandbox.Name && in.Source.Kind == models.SourceSandbox && s.Vices != nil && signedIn(c).Role.CanEdit() {
		vices = sandboxPath
	}
	return render(c, status, views.Integration(views.IntegrationPage{
		Shell: s.shell(c, in.Name, views.NavIntegrations), Name: in.Name, AuthMode: in.Auth.Mode, Source: managedBy(in.Source),
		Sandbox: in.Source.Kind == models.SourceSandbox, Database: in.Source.Kind == models.SourceDatabase, RootURL: s.RootURL.String(), Problem: in.Problem(), CallbackURL: s.Connections.CallbackURL(in),
		Scopes: in.OAuth.Scopes, OAuth: oauthFacts(in, shown), Requests: requestFacts(shown), Counts: counts,
		Rows: s.connectionRows(list.Rows), AllHref: connectionsOfIntegration(in.Name), Connect: form, VicesHref: vices,
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

func oauthFacts(in *models.Integration, shown models.Definition) []views.Fact {
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
	add("Authorization URL", shown.Auth.AuthorizationURL, false)
	add("Token URL", shown.Auth.TokenURL, false)
	add("Refresh URL", shown.Auth.RefreshURL, false)
	add("Revocation URL", shown.Auth.RevocationURL, false)
	if in.Auth.Mode == models.AuthOAuth2 {
		pkce := "S256"
		if in.Auth.DisablePKCE {
			pkce = "off"
		}
		add("PKCE", pkce, false)
	}
	return facts
}

// requestFacts shows the request defaults, without what may be a secret.
func requestFacts(shown models.Definition) []views.Fact {
	var facts []views.Fact
	if shown.Requests.BaseURL != "" {
		facts = append(facts, views.Fact{Name: "Base URL", Value: shown.Requests.BaseURL, Mono: true})
	}
	for _, group := range []struct {
		kind   string
		values map[string]string
	}{{"Header", shown.Requests.Headers}, {"Parameter", shown.Requests.Params}} {
		for _, name := range slices.Sorted(maps.Keys(group.values)) {
			facts = append(facts, views.Fact{Name: group.kind + " " + name, Value: group.values[name], Mono: true})
		}
	}
	return facts
}
