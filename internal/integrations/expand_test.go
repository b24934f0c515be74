package integrations

import (
	"strings"
	"testing"

	"github.com/patchbay/patchbay/models"
)

func TestExpand(t *testing.T) {
	env := environment(map[string]string{
		"HOST": "example.com", "EMPTY": "", "NESTED": "${HOST}", "DOLLAR": "$", "BRACE": "{access_token}", "access_token": "from the environment",
	})
	oauth2 := requestScope(models.AuthOAuth2)
	tests := []struct {
		name, text  string
		scope       scope
		want, fault string
	}{
		{"several", "https://${HOST}/${HOST}?${EMPTY}", nil, "https://example.com/example.com?", ""},
		{"no placeholder", "$HOST $ {HOST} } $$", nil, "$HOST $ {HOST} } $$", ""},
		{"a dollar before is a dollar", "$${HOST}", nil, "$example.com", ""},
		{"not expanded again", "a${NESTED}", nil, "a${HOST}", ""},
		{"placeholder wins", "${access_token}", oauth2, "${access_token}", ""},
		{"environment elsewhere", "${access_token}", nil, "from the environment", ""},
		{"connection", "${additionalConfig.a.b} ${connection.userId} ${HOST}", connectionScope, "${additionalConfig.a.b} ${connection.userId} example.com", ""},
		{"raw", "${raw.team id}", oauth2, "${raw.team id}", ""},

		{"unset", "${NONE}", nil, "", "expected the environment variable NONE to be set"},
		{"empty name", "${}", nil, "", "expected the name of an environment variable between ${ and }, or a placeholder that can be filled here"},
		{"key without a name", "${raw.}", oauth2, "", "expected the name of an environment variable between ${ and }, or a placeholder that can be filled here"},
		{"connection in no scope", "${connection.userId}", nil, "", "expected the name of an environment variable between ${ and }, or a placeholder that can be filled here"},
		{"open", "${HOST", nil, "", "expected a closing } after ${"},
		{"other auth mode", "${api_key}", oauth2, "", "expected a placeholder of auth_mode OAUTH2, found ${api_key}"},
		{"placeholder from a variable", "${NESTED}", oauth2, "", "expected variables whose values hold no ${"},
		{"placeholder put together", "$${BRACE}", oauth2, "", "expected variables whose values hold no ${"},
		{"placeholder put together again", "${DOLLAR}{access_token}", oauth2, "", "expected variables whose values hold no ${"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got, fault := expand(test.text, env, test.scope); got != test.want || fault != test.fault {
				t.Errorf("expand(%q) = %q, %q; want %q, %q", test.text, got, fault, test.want, test.fault)
			}
		})
	}
}

// FuzzExpand: variables are replaced once, and no placeholder stays but those of the text itself.
func FuzzExpand(f *testing.F) {
	for _, text := range []string{"", "${A}", "$${A}", "${access_token}${A}", "${raw.${A}}", "${", "${}", "a}${connection.userId}{"} {
		f.Add(text, "$")
		f.Add(text, "{access_token}")
	}
	f.Fuzz(func(t *testing.T, text, variable string) {
		env := environment(map[string]string{"A": variable})
		got, fault := expand(text, env, requestScope(models.AuthOAuth2))
		if fault == "" && strings.Count(got, "${") != strings.Count(text, "${")-strings.Count(text, "${A}") {
			t.Errorf("expand(%q) = %q, which holds other placeholders", text, got)
		}
		if got, fault := expand(text, env, nil); fault == "" && got != strings.ReplaceAll(text, "${A}", variable) {
			t.Errorf("expand(%q) = %q, want each ${A} replaced once", text, got)
		}
	})
}
