package sandbox

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/patchbay/patchbay/models"
)

// Request is a kind of request that a vice can show at.
type Request string

// The kinds of request; vices show at the first three.
const (
	Exchange   Request = "exchange" // of an authorization code
	Refresh    Request = "refresh"
	Revocation Request = "revocation"
	Issue      Request = "issue"     // by [Provider.Issue], without a request
	Elsewhere  Request = "elsewhere" // followed a redirect of the token endpoint
)

// Vice is a way to misbehave. The words are for a person who tries it out; the rest is what it does, in the order in which
// it acts: each part is nil where the vice leaves it alone.
type Vice struct {
	Name   string        // in forms and in the ledger
	Group  string        // what kind of vice it is, as a heading
	Does   string        // what the provider does, as a sentence
	Expect string        // what becomes of a connection, as a sentence
	Amount time.Duration // where a rule names none; 0 for a vice that takes none
	Means  string        // what the amount is

	early  bool                                           // the amount passes before anything is done
	terms  func(t *terms, amount time.Duration)           // on which tokens are issued, at every request
	answer func(p *Provider) *reply                       // in place of the right one; then nothing is issued
	fields func(fields map[string]any)                    // that a success names
	encode func(*reply)                                   // how a success is written
	send   func(next sender, amount time.Duration) sender // how an answer travels
}

// Rule says when a provider shows a vice.
type Rule struct {
	Vice   string
	At     Request       // Refresh where empty
	Amount time.Duration // of a vice that takes one; its own where 0
	Times  int           // shows at the next so many requests; without end where 0
	Chance float64       // of showing at a request; certain where 0
	Seed   uint64        // of the chance, which then falls the same way each time
}

// Bounds of a rule.
const (
	maxRules  = 20
	maxAmount = time.Hour
	maxTimes  = 1_000_000
)

// habit is a rule in force.
type habit struct {
	Rule
	vice   *Vice
	shown  int
	random *rand.Rand
}

// Misbehave replaces the vices that the provider shows to an integration's application; with none it behaves. It fails
// with unknown_integration, and with invalid_vice for a rule that cannot be followed.
func (p *Provider) Misbehave(integration string, rules ...Rule) error {
	habits, err := habitsOf(rules)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c, err := p.clientOf(integration)
	if err == nil {
		c.habits = habits
	}
	return err
}

// MisbehaveGrant replaces the vices that are shown to one grant, before those of its application. It fails as
// [Provider.Misbehave] does, and with not_found for a grant that is not known.
func (p *Provider) MisbehaveGrant(grant string, rules ...Rule) error {
	habits, err := habitsOf(rules)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	g, ok := p.grants.get(p.now(), grant)
	if !ok {
		return &models.Error{Kind: models.KindNotFound, Code: models.CodeNotFound, Message: "The sandbox knows no such grant."}
	}
	g.habits = habits
	return nil
}

// Rules gives the vices an integration's application is shown, with the requests that are left to each.
func (p *Provider) Rules(integration string) []Rule {
	p.mu.Lock()
	defer p.mu.Unlock()
	var rules []Rule
	c, err := p.clientOf(integration)
	if err != nil {
		return nil
	}
	for _, h := range c.habits {
		if rule := h.Rule; !h.spent() {
			rule.Times = max(0, h.Times-h.shown)
			rules = append(rules, rule)
		}
	}
	return rules
}

func habitsOf(rules []Rule) ([]*habit, error) {
	if len(rules) > maxRules {
		return nil, invalidVice("", fmt.Sprintf("At most %d vices can be shown at once.", maxRules))
	}
	habits := make([]*habit, len(rules))
	for i, rule := range rules {
		if rule.At == "" {
			rule.At = Refresh
		}
		h := &habit{Rule: rule, vice: viceNamed(rule.Vice), random: rand.New(rand.NewPCG(rule.Seed, 0))}
		if err := h.check(); err != nil {
			return nil, err
		}
		if h.Amount == 0 {
			h.Amount = h.vice.Amount
		}
		habits[i] = h
	}
	return habits, nil
}

// check finds the first fault of a rule.
func (h *habit) check() error {
	switch {
	case h.vice == nil:
		return invalidVice("vice", fmt.Sprintf("The sandbox has no vice %q.", h.Rule.Vice))
	case h.At != Exchange && h.At != Refresh && h.At != Revocation:
		return invalidVice("at", fmt.Sprintf("A vice shows at %s, %s or %s, not at %q.", Exchange, Refresh, Revocation, h.At))
	case h.At == Revocation && !h.vice.early && h.vice.answer == nil && h.vice.send == nil:
		return invalidVice("at", fmt.Sprintf("A revocation gives out nothing, so %s cannot show there.", h.vice.Name))
	case h.Amount < 0 || h.Amount > maxAmount:
		return invalidVice("amount", fmt.Sprintf("The amount has to be from 0 to %.0f seconds.", maxAmount.Seconds()))
	case h.Times < 0 || h.Times > maxTimes:
		return invalidVice("times", fmt.Sprintf("The number of requests has to be from 0 to %d.", maxTimes))
	case !(h.Chance >= 0 && h.Chance <= 1): // not a number is neither
		return invalidVice("chance", "The chance has to be from 0 to 1.")
	}
	return nil
}

// CodeInvalidVice is the code of a rule that cannot be followed.
const CodeInvalidVice = "invalid_vice"

func invalidVice(field, message string) error {
	e := &models.Error{Kind: models.KindInvalid, Code: CodeInvalidVice, Message: message}
	if field != "" {
		e.Fields = []models.FieldError{{Field: field, Message: message}}
	}
	return e
}

// spent reports whether the habit has shown as often as it was meant to.
func (h *habit) spent() bool { return h.Times > 0 && h.shown >= h.Times }

// shows decides whether the habit shows at a request. Terms hold at every request that may issue tokens, and what is not
// the request of the rule does not use it up.
func (h *habit) shows(at Request) bool {
	switch {
	case h.spent() || h.At != at && (h.vice.terms == nil || at == Revocation):
		return false
	case h.Chance > 0 && h.random.Float64() >= h.Chance:
		return false
	case h.At == at:
		h.shown++
	}
	return true
}
