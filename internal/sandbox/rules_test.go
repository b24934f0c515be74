package sandbox

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay/patchbay/models"
)

func TestUsedRefreshTokensMeetTheTermsOfReuse(t *testing.T) {
	w := newWorld(t)
	w.misbehave(Rule{Vice: "reuse-refused"})
	tokens := w.grant()
	second, err := w.refresh(tokens.Refresh.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.refresh(tokens.Refresh.Reveal())
	wantCode(t, err, "invalid_grant")
	if _, err := w.refresh(second.RefreshToken); err != nil {
		t.Errorf("after a refused reuse: %v", err)
	}

	w.misbehave(Rule{Vice: "reuse-tolerated", Amount: time.Minute})
	tokens = w.grant()
	for range 3 {
		if _, err := w.refresh(tokens.Refresh.Reveal()); err != nil {
			t.Fatalf("within the grace period: %v", err)
		}
		w.advance(30 * time.Second)
	}
	_, err = w.refresh(tokens.Refresh.Reveal())
	wantCode(t, err, "invalid_grant")
	state, _ := w.provider.Grant(tokens.Grant)
	if state.Refreshes != 3 || state.Reused != 3 || state.Ended == "" {
		t.Errorf("after the grace period: %+v", state)
	}
}

func TestTokensLiveAsLongAsTheTermsSay(t *testing.T) {
	w := newWorld(t)
	w.misbehave(Rule{Vice: "access-life", Amount: 5 * time.Second}, Rule{Vice: "idle-life", Amount: 20 * time.Second}, Rule{Vice: "access-life"})
	tokens := w.grant()
	w.advance(4 * time.Second)
	if !w.provider.Live(tokens.Access.Reveal()) {
		t.Error("the access token ended early")
	}
	w.advance(time.Second)
	if w.provider.Live(tokens.Access.Reveal()) {
		t.Error("the access token lives on")
	}
	w.advance(14 * time.Second)
	token, err := w.refresh(tokens.Refresh.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	w.advance(20 * time.Second)
	_, err = w.refresh(token.RefreshToken)
	wantCode(t, err, "invalid_grant")
}

func TestVicesShowAsOftenAsTheirRuleSays(t *testing.T) {
	w := newWorld(t)
	tokens := w.grant()
	statuses := func(requests int, rules ...Rule) (got []int) {
		t.Helper()
		w.misbehave(rules...)
		for range requests {
			response, _, err := w.attempt(tokens.Refresh.Reveal())
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, response.StatusCode)
		}
		return got
	}
	if diff := cmp.Diff([]int{500, 500, 429, 400, 400}, statuses(5, Rule{Vice: "status-500", Times: 2}, Rule{Vice: "retry-in-30", Times: 3}, Rule{Vice: "dead-400"})); diff != "" {
		t.Errorf("one after the other (-want +got):\n%s", diff)
	}
	if got := w.provider.Rules("sandbox"); len(got) != 1 || got[0].Vice != "dead-400" {
		t.Errorf("rules left: %+v", got)
	}
	chance := []Rule{{Vice: "status-500", Chance: 0.5, Seed: 1}, {Vice: "status-503"}}
	first, again := statuses(40, chance...), statuses(40, chance...)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("the same seed fell another way (-first +again):\n%s", diff)
	}
	if !slices.Contains(first, 500) || !slices.Contains(first, 503) {
		t.Errorf("a chance of one half: %v", first)
	}
}

func TestAViceOfOneGrantLeavesOthersAlone(t *testing.T) {
	w := newWorld(t)
	bad, good := w.grant(), w.grant()
	if err := w.provider.MisbehaveGrant(bad.Grant, Rule{Vice: "status-500"}); err != nil {
		t.Fatal(err)
	}
	if response, _, err := w.attempt(bad.Refresh.Reveal()); err != nil || response.StatusCode != 500 {
		t.Errorf("the grant with a vice: %v %v", response, err)
	}
	if response, _, err := w.attempt(good.Refresh.Reveal()); err != nil || response.StatusCode != 200 {
		t.Errorf("another grant: %v %v", response, err)
	}
	if err := w.provider.MisbehaveGrant("none"); !models.HasCode(err, models.CodeNotFound) {
		t.Errorf("an unknown grant: %v", err)
	}
}

func TestRevocationsAndCodesFailWhereARuleSaysSo(t *testing.T) {
	w := newWorld(t)
	tokens := w.grant()
	w.misbehave(Rule{Vice: "status-503", At: Revocation})
	revoke := url.Values{"token": {tokens.Refresh.Reveal()}}
	if response, _ := w.post("/sandbox/revoke", revoke, w.asClient); response.StatusCode != 503 || !w.provider.Live(tokens.Refresh.Reveal()) {
		t.Errorf("revoke: %s", response.Status)
	}
	w.misbehave(Rule{Vice: "expires-missing", At: Exchange})
	if token := w.connect(); !token.Expiry.IsZero() {
		t.Errorf("a code gave tokens until %v", token.Expiry)
	}
	if response, _ := w.post("/sandbox/revoke", revoke, w.asClient); response.StatusCode != 200 || w.provider.Live(tokens.Refresh.Reveal()) {
		t.Errorf("revoke: %s", response.Status)
	}
}

func TestFollowedRedirectsAreCounted(t *testing.T) {
	w := newWorld(t)
	tokens := w.grant()
	w.misbehave(Rule{Vice: "redirect-307"})
	response, _, err := w.attempt(tokens.Refresh.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	location := response.Header.Get("Location")
	if strings.HasPrefix(location, w.url) {
		t.Errorf("leads to the same host: %s", location)
	}
	w.get(strings.Replace(location, "localhost", "127.0.0.1", 1))
	if total := w.provider.Total(); total.Followed != 1 {
		t.Errorf("%+v", total)
	}
}

func TestRulesThatCannotBeFollowedAreRefused(t *testing.T) {
	w := newWorld(t)
	for field, rule := range map[string]Rule{
		"vice": {Vice: "politeness"}, "at": {Vice: "expires-zero", At: Revocation}, "amount": {Vice: "slow", Amount: 2 * time.Hour},
		"times": {Vice: "slow", Times: -1}, "chance": {Vice: "slow", Chance: 1.5},
	} {
		err := w.provider.Misbehave("sandbox", Rule{Vice: "slow"}, rule)
		if e := models.AsError(err); e == nil || e.Code != CodeInvalidVice || len(e.Fields) != 1 || e.Fields[0].Field != field {
			t.Errorf("%+v: %v", rule, err)
		}
	}
	if err := w.provider.Misbehave("sandbox", make([]Rule, maxRules+1)...); !models.HasCode(err, CodeInvalidVice) {
		t.Errorf("too many: %v", err)
	}
	if err := w.provider.Misbehave("none"); !models.HasCode(err, models.CodeUnknownIntegration) {
		t.Errorf("an unknown integration: %v", err)
	}
	if got := w.provider.Rules("sandbox"); len(got) != 0 {
		t.Errorf("rules in force: %+v", got)
	}
}
