package handlers

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/internal/sandbox"
	"github.com/patchbay/patchbay/models"
	"github.com/patchbay/patchbay/views"
)

// sandboxPath is the page that makes the built-in provider misbehave.
const sandboxPath = "/sandbox"

// ledgerLines is how many requests the page shows.
const ledgerLines = 25

// Fields of the page's form.
const (
	fieldVice    = "vice"
	fieldAt      = "at"
	fieldOften   = "often"
	fieldSeconds = "seconds"
)

// viceRequests are the requests at which a vice can show.
var viceRequests = []views.Option{
	{Value: string(sandbox.Refresh), Label: "Refreshing a token"},
	{Value: string(sandbox.Exchange), Label: "Connecting"},
	{Value: string(sandbox.Revocation), Label: "Disconnecting"},
}

// viceFrequencies are how often a vice can show.
var viceFrequencies = []struct {
	value, label string
	times        int
	chance       float64
}{
	{"always", "Always", 0, 0},
	{"1", "The next time", 1, 0},
	{"3", "The next 3 times", 3, 0},
	{"10", "The next 10 times", 10, 0},
	{"half", "Half of the time, at random", 0, 0.5},
}

func (s *server) sandboxPage(c echo.Context) error {
	return render(c, http.StatusOK, views.Sandbox(s.newSandboxPage(c)))
}

// newSandboxPage fills the form with what was posted, if anything was.
func (s *server) newSandboxPage(c echo.Context) views.SandboxPage {
	page := views.SandboxPage{
		Shell:       s.shell(c, "Sandbox behaviour", views.NavIntegrations),
		Integration: views.Link{Label: sandbox.Name, Href: integrationPath(sandbox.Name)}, ConnectionsHref: connectionsOfIntegration(sandbox.Name),
		Groups: viceGroups(), Chosen: c.FormValue(fieldVice), Seconds: c.FormValue(fieldSeconds), Beside: c.FormValue("beside") != "",
	}
	for _, rule := range s.Vices.Rules(sandbox.Name) {
		page.InForce = append(page.InForce, viceInForce(rule))
	}
	for _, o := range viceRequests {
		o.Selected = o.Value == c.FormValue(fieldAt)
		page.At = append(page.At, o)
	}
	for _, o := range viceFrequencies {
		page.Often = append(page.Often, views.Option{Value: o.value, Label: o.label, Selected: o.value == c.FormValue(fieldOften)})
	}
	for _, e := range s.Vices.Ledger(ledgerLines) {
		page.Ledger = append(page.Ledger, views.LedgerRow{
			Time: e.Time, Request: string(e.Request), Grant: shortGrant(e.Grant), Shown: e.Shown, Reused: e.Reused,
			Access: e.Access, Refresh: e.Refresh, Answer: e.Answer, Vices: strings.Join(e.Vices, ", "),
		})
	}
	return page
}

// shortGrant is enough of a grant's id to tell grants apart; tokens begin with the whole of it.
func shortGrant(id string) string { return id[:min(6, len(id))] }

func viceGroups() []views.ViceGroup {
	var groups []views.ViceGroup
	for _, v := range sandbox.Vices() {
		if len(groups) == 0 || groups[len(groups)-1].Name != v.Group {
			groups = append(groups, views.ViceGroup{Name: v.Group})
		}
		last := &groups[len(groups)-1]
		last.Vices = append(last.Vices, viceWords(v, v.Amount))
	}
	return groups
}

func viceWords(v sandbox.Vice, amount time.Duration) views.Vice {
	words := views.Vice{Name: v.Name, Does: v.Does, Expect: v.Expect}
	if v.Means != "" {
		words.Amount = fmt.Sprintf("%s: %s.", v.Means, countOf(int(amount.Seconds()), "second"))
	}
	return words
}

func countOf(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}

func viceInForce(rule sandbox.Rule) views.ViceInForce {
	when := ""
	for _, o := range viceRequests {
		if o.Value == string(rule.At) {
			when = o.Label + "."
		}
	}
	switch {
	case rule.Chance > 0:
		when += fmt.Sprintf(" In %.0f %% of the requests, at random.", 100*rule.Chance)
	case rule.Times > 0:
		when += " " + countOf(rule.Times, "request") + " to go."
	}
	for _, v := range sandbox.Vices() {
		if v.Name == rule.Vice {
			words := viceWords(v, rule.Amount)
			when = strings.TrimSpace(words.Amount + " " + when)
			return views.ViceInForce{Vice: words, When: when}
		}
	}
	return views.ViceInForce{Vice: views.Vice{Name: rule.Vice}, When: when}
}

// changeSandbox makes the sandbox misbehave as the form says, or behave again.
func (s *server) changeSandbox(c echo.Context) error {
	if err := parseForm(c); err != nil {
		return err
	}
	ctx := c.Request().Context()
	if c.FormValue("behave") != "" {
		if err := s.Vices.Misbehave(sandbox.Name); err != nil {
			return err
		}
		s.Sessions.Flash(ctx, true, "The sandbox behaves again.")
		return c.Redirect(http.StatusSeeOther, sandboxPath)
	}
	rule, err := ruleOf(c)
	if err == nil {
		rules := []sandbox.Rule{rule}
		if c.FormValue("beside") != "" {
			rules = append(rules, s.Vices.Rules(sandbox.Name)...)
		}
		err = s.Vices.Misbehave(sandbox.Name, rules...)
	}
	if models.HasCode(err, sandbox.CodeInvalidVice) {
		page := s.newSandboxPage(c)
		if page.Errors = faults(err); len(page.Errors) == 0 {
			page.Errors = []views.FieldError{{Field: fieldVice, Message: err.Error()}}
		}
		return render(c, http.StatusUnprocessableEntity, views.Sandbox(page))
	}
	if err != nil {
		return err
	}
	s.Sessions.Flash(ctx, true, "The sandbox misbehaves: "+rule.Vice+".")
	return c.Redirect(http.StatusSeeOther, sandboxPath)
}

// ruleOf reads the form. It fails with invalid_vice for what cannot be read.
func ruleOf(c echo.Context) (sandbox.Rule, error) {
	rule := sandbox.Rule{Vice: c.FormValue(fieldVice), At: sandbox.Request(c.FormValue(fieldAt)), Seed: rand.Uint64()}
	if rule.Vice == "" {
		return rule, invalidRule(fieldVice, "Choose a vice.")
	}
	for _, o := range viceFrequencies {
		if o.value == c.FormValue(fieldOften) {
			rule.Times, rule.Chance = o.times, o.chance
		}
	}
	seconds, err := strconv.ParseFloat(cmp.Or(strings.TrimSpace(c.FormValue(fieldSeconds)), "0"), 64)
	if err != nil || !(seconds >= 0 && seconds <= time.Hour.Seconds()) {
		return rule, invalidRule(fieldSeconds, "Enter seconds from 0 to 3600, or nothing.")
	}
	rule.Amount = time.Duration(seconds * float64(time.Second))
	return rule, nil
}

func invalidRule(field, message string) error {
	return &models.Error{Kind: models.KindInvalid, Code: sandbox.CodeInvalidVice, Message: message, Fields: []models.FieldError{{Field: field, Message: message}}}
}
