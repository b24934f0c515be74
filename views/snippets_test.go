package views

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/patchbay/patchbay/models"
)

func TestShellQuotedIsOneWord(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no shell")
	}
	for _, text := range append([]string{"", "it's", "a b", "$HOME `id` \\", `{"a": 1}`, "?a=b&c=d;#", "*", "~", "-d"}, hostile...) {
		out, err := exec.CommandContext(t.Context(), sh, "-c", "printf %s "+shellQuoted(text)).Output()
		if err != nil || string(out) != text {
			t.Errorf("%q: the shell got %q, %v", text, out, err)
		}
	}
}

func TestRequestsOfTheReference(t *testing.T) {
	operations := map[string]ReferenceOperation{}
	for _, group := range referencePage().Groups {
		for _, op := range group.Operations {
			operations[op.ID] = op
		}
	}
	const authorization = " \\\n  -H \"Authorization: Bearer $PATCHBAY_API_KEY\""
	for id, want := range map[string]string{
		"getOwnConnectSession": "curl https://x/api/connect-sessions/self \\\n  -H \"Authorization: Bearer $SESSION_TOKEN\"",
		"listIntegrations":     "curl https://x/api/integrations" + authorization,
		"deleteConnection":     "curl -X DELETE https://x/api/connections/slack/42" + authorization,
		"registerConnection": "curl -X POST https://x/api/connections" + authorization + " \\\n  -H 'Content-Type: application/json' \\\n  -d " +
			`'{"integration": "slack", "userId": "42", "credentials": {"access_token": "it'\''s one"}}'`,
	} {
		if got := operations[id].request("https://x/api"); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", id, got, want)
		}
	}
}

var unfilled = regexp.MustCompile(`\{[a-z]+\}`)

// The element's snippet is read as a browser would, with a root that could end an attribute between single quotes.
func TestSnippetsHoldTheIntegration(t *testing.T) {
	p := integrationPage()
	p.RootURL = "https://x.example/a'b"
	root, err := html.Parse(strings.NewReader(connectSnippets(p)[1].Code))
	if err != nil {
		t.Fatal(err)
	}
	element := node{root}.with(t, "integration", p.Name)
	if element.get("host") != p.RootURL || element.Data != "patchbay-connect" || len(element.all("a")) != 1 {
		t.Errorf("got %s with host %q", element.Data, element.get("host"))
	}
	for _, list := range [][]snippet{sessionSnippets(p), connectSnippets(p), registerSnippets(p), changeSnippets(p)} {
		for _, s := range list {
			if unfilled.MatchString(s.Code) || !strings.Contains(s.Code, p.Name) {
				t.Errorf("%s is not filled in:\n%s", s.Title, s.Code)
			}
		}
	}
}

func TestIntegrationsWithoutConsentAreRegistered(t *testing.T) {
	for mode, want := range map[models.AuthMode]string{
		models.AuthOAuth2: "Connect button for your application", models.AuthAPIKey: "api_key", models.AuthOAuth1: "oauth_token_secret",
		models.AuthUsernamePassword: "username", models.AuthOAuth2CC: "OAUTH2_CC",
	} {
		p := integrationPage()
		p.AuthMode = mode
		page := parse(t, Integration(p))
		if !strings.Contains(page.text(), want) {
			t.Errorf("%s: the page lacks %q", mode, want)
		}
		connects := false
		for _, form := range page.all("form") {
			connects = connects || form.get("action") == "/connect"
		}
		if connects == p.registered() {
			t.Errorf("%s: connect form %v", mode, connects)
		}
	}
}
