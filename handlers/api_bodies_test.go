package handlers

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/models"
)

const mebibyte = 1 << 20

// nested gives an object of the given depth.
func nested(depth int) string {
	return strings.Repeat(`{"a":`, depth-1) + "{}" + strings.Repeat("}", depth-1)
}

// sized gives an object of the given size.
func sized(bytes int) string { return `{"a":"` + strings.Repeat("x", bytes-8) + `"}` }

// keyed gives an object with the given number of keys.
func keyed(keys int) string {
	var b strings.Builder
	for i := range keys {
		fmt.Fprintf(&b, `,"%x":1`, i)
	}
	return "{" + b.String()[1:] + "}"
}

func TestAPIBoundsConfigurations(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	key := a.key()
	a.integrate("crm", definitions[models.AuthAPIKey])
	registration := func(userID, config string) string {
		return `{"integration":"crm","userId":"` + userID + `","credentials":{"api_key":"` + canary + `"},"additionalConfig":` + config + `}`
	}
	a.want("register", a.call(key, http.MethodPost, "/connections", registration("42", "{}")), http.StatusCreated, "")
	for i, test := range []struct {
		name, config      string
		put, post         int
		putCode, postCode string
	}{
		{"the largest", sized(256 << 10), 200, 201, "", ""},
		{"one byte more", sized(256<<10 + 1), 422, 422, models.CodeInvalidConfig, models.CodeInvalidConfig},
		{"the largest body", sized(mebibyte), 422, 413, models.CodeInvalidConfig, codePayloadTooLarge},
		{"a body of one byte more", sized(mebibyte + 1), 413, 413, codePayloadTooLarge, codePayloadTooLarge},
		{"the deepest", nested(64), 200, 201, "", ""},
		{"one level more", nested(65), 422, 422, models.CodeInvalidConfig, models.CodeInvalidConfig},
		{"100 000 levels", nested(100_000), 422, 400, models.CodeInvalidConfig, models.CodeMalformedBody},
		{"100 000 arrays, open", strings.Repeat("[", 100_000), 422, 400, models.CodeInvalidConfig, models.CodeMalformedBody},
		{"as many keys as fit", keyed(24_000), 200, 201, "", ""},
		{"a million keys", keyed(1_000_000), 413, 413, codePayloadTooLarge, codePayloadTooLarge},
	} {
		if got := a.call(key, http.MethodPut, "/connections/crm/42/config", test.config); got.status != test.put || got.failed().Code != test.putCode {
			t.Errorf("%s: put: %d %.300s", test.name, got.status, got.body)
		} else if test.putCode == models.CodeInvalidConfig && got.failed().Fields[0].Column == 0 {
			t.Errorf("%s: no place in %s", test.name, got.body)
		}
		got := a.call(key, http.MethodPost, "/connections", registration(fmt.Sprint(i), test.config))
		if got.status != test.post || got.failed().Code != test.postCode {
			t.Errorf("%s: post: %d %.300s", test.name, got.status, got.body)
		}
	}
	deep := a.call(key, http.MethodPut, "/connections/crm/42/config", nested(65))
	if f := deep.failed().Fields; len(f) != 1 || f[0].Field != fieldConfig || f[0].Line != 1 || f[0].Column != 5*64+1 {
		t.Errorf("one level more is at %+v", f)
	}
}

func TestAPIBoundsBodies(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	key := a.key()
	body := func(size int) string {
		const text = `{"userId":"42"}`
		return text + strings.Repeat(" ", size-len(text))
	}
	a.want("the largest", a.call(key, http.MethodPost, "/connect-sessions", body(mebibyte)), http.StatusCreated, "")
	a.want("one byte more", a.call(key, http.MethodPost, "/connect-sessions", body(mebibyte+1)), http.StatusRequestEntityTooLarge, codePayloadTooLarge)
	// Directly, because a server that does not read to the end may close the connection before its answer is read.
	unread := strings.NewReader(body(10 << 20))
	request := httptest.NewRequest(http.MethodPost, apiPrefix+"/connect-sessions", unread)
	request.Header.Set("Authorization", "Bearer "+key)
	recorder := httptest.NewRecorder()
	a.handler.ServeHTTP(recorder, request)
	got := page{status: recorder.Code, header: recorder.Header(), body: recorder.Body.String()}
	a.want("10 MiB", got, http.StatusRequestEntityTooLarge, codePayloadTooLarge)
	if unread.Len() < 8<<20 {
		t.Errorf("it was read but for %d bytes", unread.Len())
	}
}

// Bodies that are refused, with the place that the error has to name.
func TestAPIReadsBodiesStrictly(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	key := a.key()
	a.integrate("crm", definitions[models.AuthAPIKey])
	registration := `{"integration":"crm","userId":"42","credentials":{"api_key":"canary-1"},"additionalConfig":{"a":{"b":1}},"tags":["x"]}`
	const malformed, body, config, credentials = models.CodeMalformedBody, models.CodeInvalidBody, models.CodeInvalidConfig, models.CodeInvalidCredentials
	for _, test := range []struct {
		name, old, new string // what is replaced
		code, field    string
		line, column   int
	}{
		{"nothing", registration, "", malformed, "body", 1, 1},
		{"cut", registration[40:], "", malformed, "body", 1, 41},
		{"cut in a secret", registration[60:], "", malformed, "body", 1, 61},
		{"cut in front of the end", "]}", "]", malformed, "body", 1, len(registration)},
		{"more", "]}", "]} {}", malformed, "body", 1, len(registration) + 2},
		{"a byte order mark", `{"int`, "\ufeff{\"int", malformed, "body", 1, 1},
		{"not UTF-8, in a secret", "canary-1", "canary-\xff", malformed, "body", 1, 69},
		{"a NUL", `{"int`, "{\x00\"int", malformed, "body", 1, 2},
		{"a control character, in a secret", "canary-1", "canary-\n", malformed, "body", 1, 69},
		{"an array", registration, "[]", body, "body", 0, 0},
		{"null", registration, `null`, models.CodeInvalidUserID, "userId", 0, 0},
		{"a number", `"42"`, "42", body, "userId", 0, 0},
		{"an object", `"crm"`, `{"canary-1":"canary-2"}`, body, "integration", 0, 0},
		{"no list", `["x"]`, `"canary-1"`, body, "tags", 0, 0},
		{"no texts", `["x"]`, `["x",["canary-1"]]`, body, "tags[1]", 0, 0},
		{"an unknown key", `"tags"`, `"Tags"`, body, "Tags", 0, 0},
		{"half a surrogate pair", `"42"`, `"\ud800"`, body, "userId", 0, 0},
		{"half a surrogate pair in a tag", `"x"`, `"\udfff\ud800"`, body, "tags[0]", 0, 0},
		{"a key twice", `"userId":"42"`, `"userId":"canary-1",` + "\n" + `"userId":"42"`, malformed, "body", 2, 1},
		{"a key twice, escaped", `"userId":"42"`, `"userId":"42","\u0075serId":"canary-1"`, malformed, "body", 1, 36},
		{"additionalConfig twice", `"tags":["x"]`, `"additionalConfig":{}`, malformed, "body", 1, 106},
		{"a key twice in additionalConfig", `{"a":{"b":1}}`, "\n{\"a\":{\"b\":1,\n \"b\":2}}", config, fieldConfig, 2, 2},
		{"a key twice in credentials", `{"api_key":"canary-1"}`, `{"api_key":"canary-1","api_key":"canary-2"}`, malformed, "body", 1, 72},
		{"additionalConfig is text", `{"a":{"b":1}}`, `"canary-1"`, config, fieldConfig, 1, 1},
		{"additionalConfig is a list", `{"a":{"b":1}}`, `["canary-1"]`, config, fieldConfig, 1, 1},
		{"additionalConfig is too deep", `{"a":{"b":1}}`, "\n" + nested(65), config, fieldConfig, 1, 321},
		{"credentials are text", `{"api_key":"canary-1"}`, `"canary-1"`, credentials, "credentials", 0, 0},
		{"credentials are null", `{"api_key":"canary-1"}`, `null`, credentials, "credentials", 0, 0},
		{"credentials are not there", `"credentials":{"api_key":"canary-1"},`, ``, credentials, "credentials", 0, 0},
		{"a property is a number", `"canary-1"`, `7`, credentials, "credentials.api_key", 0, 0},
		{"a property is empty", `"canary-1"`, `""`, credentials, "credentials.api_key", 0, 0},
		{"a property is missing", `"api_key"`, `"canary-2"`, credentials, "credentials.api_key", 0, 0},
		{"half a surrogate pair in a secret", `canary-1`, `canary-\ud800`, credentials, "credentials", 0, 0},
		{"credentials are too long", `canary-1`, canary + strings.Repeat("x", models.MaxCredentialsBytes), credentials, "credentials", 0, 0},
	} {
		if !strings.Contains(registration, test.old) {
			t.Fatalf("%s: nothing to replace", test.name)
		}
		got := a.call(key, http.MethodPost, "/connections", strings.Replace(registration, test.old, test.new, 1))
		e := got.failed()
		want := errorField{Field: test.field, Line: test.line, Column: test.column}
		if len(e.Fields) == 1 {
			want.Message = e.Fields[0].Message
		}
		if e.Code != test.code || len(e.Fields) != 1 || e.Fields[0] != want || want.Message == "" {
			t.Errorf("%s: %d %.500s\nwant %s at %+v", test.name, got.status, got.body, test.code, want)
		}
	}
	if got := a.call(key, http.MethodGet, "/connections?integration=crm", ""); got.body != `{"connections":[],"nextCursor":""}` {
		t.Errorf("something was registered: %s", got.body)
	}
	a.want("what all of these are made of", a.call(key, http.MethodPost, "/connections", registration), http.StatusCreated, "")
}
