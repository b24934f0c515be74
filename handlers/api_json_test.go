package handlers

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/models"
)

// suite gives the files of JSONTestSuite whose names begin with prefix: y_ are JSON, n_ are not.
func suite(t *testing.T, prefix string, atLeast int) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../models/testdata/jsontestsuite/" + prefix + "*.json")
	if err != nil || len(files) < atLeast {
		t.Fatalf("%d files of the suite, %v", len(files), err)
	}
	texts := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		texts[filepath.Base(file)] = string(text)
	}
	return texts
}

func TestAPIKeepsEveryByteOfJSON(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	key := a.key()
	a.integrate("crm", definitions[models.AuthAPIKey])
	register := func(userID, config string) page {
		body := fmt.Sprintf(`{"integration":"crm","userId":%q,"credentials":{"api_key":%q},"additionalConfig":%s}`, userID, canary, config)
		return a.call(key, http.MethodPost, "/connections", body)
	}
	a.want("register", register("42", "{}"), http.StatusCreated, "")
	kept := 0
	for name, text := range suite(t, "y_", 90) {
		for form, text := range map[string]string{"alone": text, "as a value": "{ \"value\" :\t" + text + "\r\n}"} {
			value := strings.Trim(text, " \t\r\n")
			duplicate := strings.Contains(name, "duplicated_key")
			put := a.call(key, http.MethodPut, "/connections/crm/42/config", text)
			post := register(name+" "+form, text)
			switch {
			case value == "null":
				a.want(name, put, http.StatusOK, "")
				value, text = "{}", "{}"
			case value[0] != '{' || duplicate:
				a.want(name, put, http.StatusUnprocessableEntity, models.CodeInvalidConfig)
				a.want(name, post, http.StatusUnprocessableEntity, models.CodeInvalidConfig)
				continue
			}
			kept++
			a.want(name, post, http.StatusCreated, "")
			config := a.call(key, http.MethodGet, "/connections/crm/42/config", "")
			connection := a.call(key, http.MethodGet, "/connections/crm/42", "")
			if config.body != text || put.body != connection.body || !strings.HasSuffix(put.body, `"additionalConfig":`+text+"}") {
				t.Errorf("%s %s: %q became %q, in the connection %q", name, form, text, config.body, connection.body)
			}
			registered := a.call(key, http.MethodGet, connectionURL("crm", name+" "+form)[len(apiPrefix):], "")
			if post.body != registered.body || !strings.HasSuffix(post.body, `"additionalConfig":`+value+"}") {
				t.Errorf("%s %s: %q was registered as %q", name, form, value, registered.body)
			}
		}
	}
	if kept < 100 {
		t.Errorf("%d configurations were kept", kept)
	}
}

func TestAPIRefusesWhatIsNoJSON(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	key := a.key()
	a.integrate("crm", definitions[models.AuthAPIKey])
	a.want("register", a.call(key, http.MethodPost, "/connections", `{"integration":"crm","userId":"42","credentials":{"api_key":"canary-1"}}`), http.StatusCreated, "")
	for name, text := range suite(t, "n_", 180) {
		put := a.call(key, http.MethodPut, "/connections/crm/42/config", text)
		patch := a.call(key, http.MethodPatch, "/connections/crm/42/config", text)
		tags := a.call(key, http.MethodPut, "/connections/crm/42/tags", text)
		post := a.call(key, http.MethodPost, "/connections", "{\n\"integration\":\"crm\",\"userId\":\"new\",\"credentials\":{\"api_key\":\"canary-1\"},\n\"additionalConfig\":"+text+"}")
		a.want(name, put, http.StatusUnprocessableEntity, models.CodeInvalidConfig)
		a.want(name, patch, http.StatusUnprocessableEntity, models.CodeInvalidConfig)
		a.want(name, post, http.StatusBadRequest, models.CodeMalformedBody)
		if tags.status < 400 {
			t.Errorf("%s as tags: %d", name, tags.status)
		}
		for _, got := range []page{put, patch, post} {
			if f := got.failed().Fields; len(f) != 1 || f[0].Line < 1 || f[0].Column < 1 || !strings.Contains(f[0].Message, fmt.Sprintf("line %d, column %d: expected ", f[0].Line, f[0].Column)) {
				t.Errorf("%s: no place in %s", name, got.body)
			}
		}
		if f := post.failed().Fields; len(f) == 1 && f[0].Line < 2 {
			t.Errorf("%s: the fault is in front of the additionalConfig: %+v", name, f)
		}
	}
	if got := a.call(key, http.MethodGet, "/connections", ""); strings.Count(got.body, `"uuid"`) != 1 || !strings.Contains(got.body, `"version":1,"additionalConfig":{}`) {
		t.Errorf("something was changed: %s", got.body)
	}
}

func TestAPIMergesConfigurationsWithoutTouchingTheRest(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	key := a.key()
	a.integrate("crm", definitions[models.AuthAPIKey])
	a.want("register", a.call(key, http.MethodPost, "/connections", `{"integration":"crm","userId":"42","credentials":{"api_key":"canary-1"}}`), http.StatusCreated, "")
	for _, test := range []struct{ from, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`}, // RFC 7396, appendix A
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{`{"n":12345678901234567890.10, "e":1E400, "\u00e9":"\ud800"}`, `{"z":-0.0}`, `{"n":12345678901234567890.10,"e":1E400,"\u00e9":"\ud800","z":-0.0}`},
		{`{"\u0061":1}`, `{"a":2}`, `{"\u0061":2}`},
	} {
		a.want(test.from, a.call(key, http.MethodPut, "/connections/crm/42/config", test.from), http.StatusOK, "")
		a.want(test.patch, a.call(key, http.MethodPatch, "/connections/crm/42/config", test.patch, "Content-Type", mergePatchType), http.StatusOK, "")
		if got := a.call(key, http.MethodGet, "/connections/crm/42/config", ""); got.body != test.want {
			t.Errorf("%s and %s: %s, want %s", test.from, test.patch, got.body, test.want)
		}
	}
	for _, patch := range []string{`[]`, `"a"`, `{"a":1,"a":2}`, `{"a":` + sized(models.MaxConfigBytes-6) + `}`, `{"a":` + nested(64) + `}`} {
		a.want(fmt.Sprintf("%.50s", patch), a.call(key, http.MethodPatch, "/connections/crm/42/config", patch), http.StatusUnprocessableEntity, models.CodeInvalidConfig)
	}
}
