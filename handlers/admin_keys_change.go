package handlers

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/internal/auth"
	"github.com/patchbay/patchbay/models"
	"github.com/patchbay/patchbay/views"
)

// changeableKey finds the key of the address, unless it comes from the settings, where alone it can be changed.
func (s *server) changeableKey(c echo.Context) (*models.APIKey, error) {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return nil, &models.Error{Kind: models.KindNotFound, Code: models.CodeNotFound, Message: "There is no such API key."}
	}
	key, err := s.APIKeys.Find(c.Request().Context(), id)
	if err != nil {
		return nil, err
	}
	if key.Name == auth.EnvironmentKeyName {
		message := "This API key comes from the server's settings. Change " + auth.EnvironmentKeyName + " there and restart the server."
		return nil, &models.Error{Kind: models.KindForbidden, Code: models.CodeForbidden, Message: message}
	}
	return key, nil
}

// overlaps are how long the text of a key may go on working once it is rolled.
var overlaps = []struct {
	value, label string
	overlap      time.Duration
}{
	{"now", "Not at all: it ends now", 0},
	{"1h", "For 1 hour", time.Hour},
	{"24h", "For 24 hours", 24 * time.Hour},
	{"7d", "For 7 days", 7 * 24 * time.Hour},
}

// defaultOverlap is the value of the overlap that is chosen before anyone chooses.
const defaultOverlap = "24h"

func (s *server) rollKeyForm(c echo.Context) error {
	key, err := s.changeableKey(c)
	if err != nil {
		return err
	}
	page := views.KeyRollPage{Shell: s.shell(c, "Roll API key", views.NavKeys), Key: keyRow(key, s.Now())}
	for _, o := range overlaps {
		page.Overlaps = append(page.Overlaps, views.Option{Value: o.value, Label: o.label, Selected: o.value == defaultOverlap})
	}
	return render(c, http.StatusOK, views.KeyRoll(page))
}

func (s *server) rollKey(c echo.Context) error {
	if err := parseForm(c); err != nil {
		return err
	}
	key, err := s.changeableKey(c)
	if err != nil {
		return err
	}
	if c.FormValue("hint") != keyHint(key) {
		s.Sessions.Flash(c.Request().Context(), false, "The key "+key.Name+" was rolled meanwhile, and not again now.")
		return c.Redirect(http.StatusSeeOther, "/keys")
	}
	for _, o := range overlaps {
		if o.value == c.FormValue("overlap") {
			return s.roll(c, key, o.overlap)
		}
	}
	return &models.Error{Kind: models.KindMalformed, Code: "malformed_form", Message: "The form does not say how long the present text goes on working. Open the page again."}
}

func (s *server) roll(c echo.Context, read *models.APIKey, overlap time.Duration) error {
	key, text, err := s.APIKeys.Roll(c.Request().Context(), actor(c), read, overlap)
	if models.HasCode(err, models.CodeStaleVersion) {
		s.Sessions.Flash(c.Request().Context(), false, err.Error())
		return c.Redirect(http.StatusSeeOther, "/keys")
	}
	if err != nil {
		return err
	}
	return s.renderKeyText(c, views.KeyTextPage{
		Shell: s.shell(c, "API key rolled", views.NavKeys), Name: key.Name, Text: text.Reveal(),
		Rolled: true, PreviousEnds: keyRow(key, s.Now()).PreviousEnds,
	})
}

func (s *server) revokeKeyForm(c echo.Context) error {
	key, err := s.changeableKey(c)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, views.KeyRevoke(views.KeyRevokePage{Shell: s.shell(c, "Revoke API key", views.NavKeys), Key: keyRow(key, s.Now())}))
}

func (s *server) revokeKey(c echo.Context) error {
	key, err := s.changeableKey(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if _, err := s.APIKeys.Revoke(ctx, actor(c), key.ID); err != nil {
		return err
	}
	s.Sessions.Flash(ctx, true, fmt.Sprintf("The key %s (%s) was revoked.", key.Name, keyHint(key)))
	return c.Redirect(http.StatusSeeOther, "/keys")
}
