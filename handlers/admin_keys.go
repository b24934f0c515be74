package handlers

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/internal/auth"
	"github.com/patchbay/patchbay/models"
	"github.com/patchbay/patchbay/views"
)

func (s *server) keys(c echo.Context) error {
	keys, err := s.APIKeys.List(c.Request().Context())
	if err != nil {
		return err
	}
	page := views.KeysPage{Shell: s.shell(c, "API keys", views.NavKeys)}
	for i := range keys {
		page.Rows = append(page.Rows, keyRow(&keys[i], s.Now()))
	}
	return render(c, http.StatusOK, views.Keys(page))
}

func keyRow(key *models.APIKey, now time.Time) views.KeyRow {
	row := views.KeyRow{
		Name: key.Name, Hint: keyHint(key), Scopes: key.Scopes, Integrations: key.Integrations,
		CreatedBy: actorLabel(key.CreatedBy), DateCreated: key.DateCreated, LastUsed: key.LastUsed, ExpiresAt: key.ExpiresAt,
	}
	if key.PreviousExpiresAt != nil && key.PreviousExpiresAt.After(now) {
		row.PreviousEnds = key.PreviousExpiresAt
	}
	if key.Name != auth.EnvironmentKeyName {
		row.RollHref, row.RevokeHref = keyPath(key.ID)+"/roll", keyPath(key.ID)+"/revoke"
	}
	return row
}

// keyHint is what people tell the texts of keys apart by.
func keyHint(key *models.APIKey) string { return key.Prefix + "…" + key.Last }

func keyPath(id int64) string { return "/keys/" + strconv.FormatInt(id, 10) }

// keyPresets are choices of scopes to start from.
var keyPresets = []struct {
	name, label string
	scopes      []models.Scope
}{
	{"backend", "Application backend", []models.Scope{
		models.ScopeConnectionsRead, models.ScopeConnectionsWrite, models.ScopeCredentialsRead, models.ScopeConnectWrite,
	}},
	{"reading", "Reading, no credentials", []models.Scope{models.ScopeConnectionsRead, models.ScopeAuditRead}},
	{"all", "Every scope", models.Scopes},
}

// Values of the field expires that are no number of days.
const (
	expiryNever  = "never"
	expiryOnDate = "date" // the one in the field expiresAt
)

// keyExpiries are the choices of when a key ends; a number is days from now.
var keyExpiries = []views.Option{
	{Value: expiryNever, Label: "Never"},
	{Value: "30", Label: "In 30 days"},
	{Value: "90", Label: "In 90 days"},
	{Value: "365", Label: "In 365 days"},
	{Value: expiryOnDate, Label: "On a date"},
}

func (s *server) keyForm(c echo.Context) error {
	page := s.keyFormPage(c, models.APIKeyRequest{}, expiryNever)
	for _, preset := range keyPresets {
		if preset.name == c.QueryParam("preset") {
			page.Scopes = preset.scopes
		}
	}
	return render(c, http.StatusOK, views.KeyForm(page))
}

func (s *server) keyFormPage(c echo.Context, request models.APIKeyRequest, expires string) views.KeyFormPage {
	page := views.KeyFormPage{
		Shell: s.shell(c, "Create API key", views.NavKeys), Name: request.Name, Scopes: request.Scopes,
		Expiries: slices.Clone(keyExpiries), ExpiresAt: c.FormValue("expiresAt"),
	}
	for i := range page.Expiries {
		page.Expiries[i].Selected = page.Expiries[i].Value == expires
	}
	for _, preset := range keyPresets {
		page.Presets = append(page.Presets, views.Link{Label: preset.label, Href: "/keys/new?preset=" + preset.name})
	}
	for _, in := range s.Connections.Integrations() {
		page.Integrations = append(page.Integrations, views.Option{Value: in.Name, Label: in.Name, Selected: slices.Contains(request.Integrations, in.Name)})
	}
	return page
}

func (s *server) createKey(c echo.Context) error {
	if err := parseForm(c); err != nil {
		return err
	}
	form := c.Request().PostForm
	request := models.APIKeyRequest{Name: strings.TrimSpace(form.Get("name")), Integrations: form["integrations"]}
	for _, scope := range form["scopes"] {
		request.Scopes = append(request.Scopes, models.Scope(scope))
	}
	expires := form.Get("expires")
	end, fault := keyEnd(expires, form.Get("expiresAt"), s.Now())
	request.ExpiresAt = end
	if fault != nil {
		return s.refuseKey(c, request, expires, append(faults(request.Validate(s.Now())), *fault))
	}
	key, text, err := s.APIKeys.Create(c.Request().Context(), actor(c), request)
	if models.HasCode(err, models.CodeInvalidAPIKey) || models.HasCode(err, models.CodeAPIKeyExists) {
		return s.refuseKey(c, request, expires, faults(err))
	}
	if err != nil {
		return err
	}
	return s.renderKeyText(c, views.KeyTextPage{Shell: s.shell(c, "API key created", views.NavKeys), Name: key.Name, Text: text.Reveal()})
}

// renderKeyText answers the request that made a text, because it is kept nowhere that another request could show it from.
// To send the form again does no harm: the name is taken by then, and a key that was rolled has another hint.
func (s *server) renderKeyText(c echo.Context, page views.KeyTextPage) error {
	page.RootURL = s.RootURL.String()
	return render(c, http.StatusOK, views.KeyText(page))
}

func (s *server) refuseKey(c echo.Context, request models.APIKeyRequest, expires string, faults []views.FieldError) error {
	page := s.keyFormPage(c, request, expires)
	page.Errors = faults
	return render(c, http.StatusUnprocessableEntity, views.KeyForm(page))
}

// faults gives the faults of the fields that err is about.
func faults(err error) []views.FieldError {
	if e := models.AsError(err); e != nil {
		return fieldErrors(e)
	}
	return nil
}

// keyEnd reads when a key ends: nil is never. A date is the last day on which it works.
func keyEnd(expires, date string, now time.Time) (*time.Time, *views.FieldError) {
	if !slices.ContainsFunc(keyExpiries, func(o views.Option) bool { return o.Value == expires }) {
		return nil, &views.FieldError{Field: "expires", Message: "Choose when the key expires."}
	}
	switch expires {
	case expiryNever:
		return nil, nil
	case expiryOnDate:
		day, err := time.Parse(time.DateOnly, date)
		if err != nil {
			return nil, &views.FieldError{Field: "expiresAt", Message: "Enter a date, such as " + now.AddDate(1, 0, 0).Format(time.DateOnly) + "."}
		}
		end := day.AddDate(0, 0, 1)
		return &end, nil
	}
	days, _ := strconv.Atoi(expires) // the others are numbers
	end := now.AddDate(0, 0, days)
	return &end, nil
}
