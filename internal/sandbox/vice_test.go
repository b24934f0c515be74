package sandbox

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
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
