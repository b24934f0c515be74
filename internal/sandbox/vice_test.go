package sandbox

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay/patchbay/models"
)

// misbehave gives the application of the world these vices.
func (w *world) misbehave(rules ...Rule) {
	w.t.Helper()
	if err := w.provider.Misbehave("sandbox", rules...); err != nil {
		w.t.Fatal(err)
	}
}

// grant makes a grant without a browser.
func (w *world) grant() Tokens {
	w.t.Helper()
	tokens, err := w.provider.Issue("sandbox")
	if err != nil {
		w.t.Fatal(err)
	}
	return tokens
}

func refreshing(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
}

// attempt refreshes once, and gives what came, read to its end or its first megabyte.
func (w *world) attempt(token string) (*http.Response, []byte, error) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url+"/sandbox/token", strings.NewReader(refreshing(token).Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept-Encoding", "identity") // what comes packed stays packed
	w.asClient(request)
	response, err := w.http.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, mebibyte))
	return response, body, err
}

func TestEveryViceHasWords(t *testing.T) {
	names, groups := map[string]bool{}, []string{}
	for _, v := range Vices() {
		if names[v.Name] || !regexp.MustCompile(`^[a-z0-9-]+$`).MatchString(v.Name) {
			t.Errorf("the name %q is used twice, or is none", v.Name)
		}
		names[v.Name] = true
		if len(groups) == 0 || groups[len(groups)-1] != v.Group {
			groups = append(groups, v.Group)
		}
		for _, sentence := range []string{v.Does, v.Expect} {
			if !strings.HasSuffix(sentence, ".") {
				t.Errorf("%s: %q is not a sentence", v.Name, sentence)
			}
		}
		if (v.Amount == 0) != (v.Means == "") {
			t.Errorf("%s: an amount of %v that means %q", v.Name, v.Amount, v.Means)
		}
	}
	if slices.Sort(groups); len(slices.Compact(groups)) != 5 {
		t.Errorf("groups are not kept together: %q", groups)
	}
}

// answers say of each vice that answers at once what comes: a status, a part of the body, and whether tokens are issued.
var answers = map[string]struct {
	status int
	body   string
	issued bool
}{
	"same-refresh-token": {200, `"refresh_token":"`, true},
	"no-refresh-token":   {200, `"access_token":"`, true},
	"reuse-tolerated":    {200, `"refresh_token":"`, true},
	"reuse-refused":      {200, `"refresh_token":"`, true},
	"access-life":        {200, `"expires_in":30,`, true},
	"idle-life":          {200, `"expires_in":3600,`, true},

	"no-access-token":  {200, `{"expires_in":3600,"refresh_token":"`, true},
	"expires-missing":  {200, `"access_token":"`, true},
	"expires-zero":     {200, `"expires_in":0,`, true},
	"expires-negative": {200, `"expires_in":-5,`, true},
	"expires-text":     {200, `"expires_in":"3600",`, true},
	"expires-fraction": {200, `"expires_in":3599.5,`, true},
	"expires-huge":     {200, `"expires_in":1e12,`, true},
	"expires-null":     {200, `"expires_in":null,`, true},
	"form-encoded":     {200, `&token_type=Bearer`, true},
	"html-label":       {200, `{"access_token":"`, true},
	"byte-order-mark":  {200, "\xef\xbb\xbf{", true},
	"utf-16":           {200, "\xff\xfe{\x00\"\x00", true},
	"gzip-bomb":        {200, "\x1f\x8b", true},
	"huge-body":        {200, `"padding":"000`, true},
	"truncated":        {200, `{"access_token":"`, true},
	"html-page":        {200, `<h1>`, false},
	"ok-false":         {200, `{"error":"internal_error","ok":false}`, false},
	"error-200":        {200, `{"error":"temporarily_unavailable",`, false},
	"error-object":     {400, `{"error":{"code":"OAuthException","message":`, false},

	"dead-400":                 {400, `{"error":"invalid_grant",`, false},
	"dead-401":                 {401, `{"error":"invalid_grant",`, false},
	"dead-bad-refresh-token":   {400, `{"error":"bad_refresh_token",`, false},
	"dead-unauthorized-client": {400, `{"error":"unauthorized_client"}`, false},
	"dead-invalid-request":     {400, `{"error":"invalid_request",`, false},
	"dead-empty":               {400, ``, false},
	"dead-ok-false":            {200, `{"error":"invalid_refresh_token","ok":false}`, false},

	"status-500":    {500, `<h1>`, false},
	"status-502":    {502, `<h1>`, false},
	"status-503":    {503, `<h1>`, false},
	"retry-in-30":   {429, `rate_limited`, false},
	"retry-at-date": {429, `rate_limited`, false},
	"retry-in-1e9":  {429, `rate_limited`, false},
	"retry-in-past": {429, `rate_limited`, false},
	"retry-garbage": {429, `rate_limited`, false},
	"redirect-302":  {302, ``, false},
	"redirect-307":  {307, ``, false},
}

// unansweredVices are those that no whole answer comes of in time; they have tests of their own.
var unansweredVices = []string{"drip", "lost-before", "lost-within", "silent", "slow", "slow-answer"}

func TestEveryViceAnswersAsItSays(t *testing.T) {
	for _, v := range Vices() {
		want, ok := answers[v.Name]
		if !ok {
			if !slices.Contains(unansweredVices, v.Name) {
				t.Errorf("nothing says what comes of %s", v.Name)
			}
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			w := newWorld(t)
			tokens := w.grant()
			w.misbehave(Rule{Vice: v.Name})
			response, body, err := w.attempt(tokens.Refresh.Reveal())
			if err != nil || response.StatusCode != want.status || !bytes.Contains(body, []byte(want.body)) {
				t.Fatalf("%v, %v: %.300s", response, err, body)
			}
			state, _ := w.provider.Grant(tokens.Grant)
			if issued := state.Refreshes == 1; issued != want.issued || state.Refused == 1 == want.issued {
				t.Errorf("issued: %+v", state)
			}
			entry := w.provider.Ledger(1)[0]
			if !slices.Contains(entry.Vices, v.Name) || !strings.HasPrefix(entry.Answer, fmt.Sprint(want.status)) {
				t.Errorf("the ledger says %+v", entry)
			}
		})
	}
}

func TestFieldsAreLeftOutWhereAViceSaysSo(t *testing.T) {
	for name, field := range map[string]string{"no-refresh-token": "refresh_token", "no-access-token": "access_token", "expires-missing": "expires_in"} {
		w := newWorld(t)
		tokens := w.grant()
		w.misbehave(Rule{Vice: name})
		_, body, err := w.attempt(tokens.Refresh.Reveal())
		if err != nil || bytes.Contains(body, []byte(field)) {
			t.Errorf("%s: %v %s", name, err, body)
		}
		if moved := !w.provider.IsNewest(tokens.Refresh.Reveal()); moved == (name == "no-refresh-token") {
			t.Errorf("%s: rotated: %v", name, moved)
		}
	}
}

func TestTheBombUnpacksToOneJSONAnswer(t *testing.T) {
	out := (&grant{access: "a"}).answer()
	out.encode()
	out.asBomb()
	var packed bytes.Buffer
	for _, p := range out.body {
		packed.Write(bytes.Repeat(p.text, p.times))
	}
	if packed.Len() > 2*mebibyte {
		t.Errorf("%d bytes on the way", packed.Len())
	}
	unpacked, err := gzip.NewReader(&packed)
	if err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 300)
	if _, err := io.ReadFull(unpacked, head); err != nil || !bytes.Contains(head, []byte(`"access_token":"a"`)) {
		t.Errorf("%v %s", err, head)
	}
	if n, err := io.Copy(io.Discard, unpacked); err != nil || n < 1000*mebibyte {
		t.Errorf("unpacks to %d bytes, %v", n, err)
	}
}

func TestLostAnswersAreIssuedAllTheSame(t *testing.T) {
	for _, name := range []string{"lost-before", "lost-within", "truncated"} {
		w := newWorld(t)
		tokens := w.grant()
		w.misbehave(Rule{Vice: name, Times: 1})
		_, body, err := w.attempt(tokens.Refresh.Reveal())
		if name != "truncated" && err == nil || json.Valid(body) && len(body) > 0 {
			t.Errorf("%s: %v %s", name, err, body)
		}
		if w.provider.IsNewest(tokens.Refresh.Reveal()) {
			t.Errorf("%s: nothing was issued", name)
		}
		if _, err := w.refresh(tokens.Refresh.Reveal()); err == nil {
			t.Errorf("%s: the token that was used is good again", name)
		}
		if state, _ := w.provider.Grant(tokens.Grant); state.Reused != 1 || state.Ended == "" {
			t.Errorf("%s: %+v", name, state)
		}
	}
}

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

// slowly serves one refresh in a time of its own, and gives how long that took and what came.
func slowly(t *testing.T, vice string, patience time.Duration) (took time.Duration, got *httptest.ResponseRecorder, state GrantState) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{BrowserURL: "http://localhost:1", ServerURL: "http://127.0.0.1:1"})
		in := p.Integration("sandbox")
		tokens, err := p.Issue("sandbox")
		if err := errors.Join(err, p.Misbehave("sandbox", Rule{Vice: vice})); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/sandbox/token", strings.NewReader(refreshing(tokens.Refresh.Reveal()).Encode()))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.SetBasicAuth(in.OAuth.ID, in.OAuth.Secret.Reveal())
		got = httptest.NewRecorder()
		start := time.Now()
		func() {
			defer func() { _ = recover() }() // of a connection that is cut
			p.Handler().ServeHTTP(got, request)
		}()
		took = time.Since(start)
		state, _ = p.Grant(tokens.Grant)
	})
	return took, got, state
}

func TestSlowProvidersTakeTheirTime(t *testing.T) {
	for _, test := range []struct {
		vice           string
		patience, took time.Duration
		bytes          int // that came; -1 for a whole answer
		issued         int
	}{
		{"slow", time.Minute, 5 * time.Second, -1, 1},
		{"slow", 3 * time.Second, 3 * time.Second, 0, 0},
		{"slow-answer", time.Minute, 5 * time.Second, -1, 1},
		{"slow-answer", 3 * time.Second, 3 * time.Second, 0, 1},
		{"drip", 9500 * time.Millisecond, 9500 * time.Millisecond, 10, 1},
		{"silent", time.Hour, time.Hour, 0, 0},
	} {
		took, got, state := slowly(t, test.vice, test.patience)
		whole := json.Valid(got.Body.Bytes())
		if took != test.took || whole != (test.bytes < 0) || !whole && got.Body.Len() != test.bytes || state.Refreshes != test.issued {
			t.Errorf("%+v: took %v, came %d bytes, %+v", test, took, got.Body.Len(), state)
		}
	}
}
