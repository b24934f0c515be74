package views

import (
	"encoding/json"
	"strings"

	"github.com/patchbay/patchbay/models"
)

// apiPath is what the addresses of the API begin with.
const apiPath = "/api/v1"

// apiKeyVariable is where examples take the API key from.
const apiKeyVariable = "PATCHBAY_API_KEY"

// curl writes a request as a command for a POSIX shell, authorized by the token in an environment variable.
func curl(method, address, variable, body string) string {
	command := "curl "
	if method != "GET" {
		command += "-X " + method + " "
	}
	lines := []string{command + shellQuoted(address), `-H "Authorization: Bearer $` + variable + `"`}
	if body != "" {
		lines = append(lines, "-H 'Content-Type: application/json'", "-d "+shellQuoted(body))
	}
	return strings.Join(lines, " \\\n  ")
}

// shellSafe are the characters besides letters and digits that mean themselves in every shell.
const shellSafe = "-_./:%@,+="

// shellQuoted writes text as one word of a POSIX shell.
func shellQuoted(text string) string {
	special := func(r rune) bool {
		alphanumeric := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !alphanumeric && !strings.ContainsRune(shellSafe, r)
	}
	if text != "" && !strings.ContainsFunc(text, special) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// quoted writes text as a string of JSON, which is one of JavaScript and fits into an attribute between other quotes.
func quoted(text string) string {
	encoded, err := json.Marshal(text)
	if err != nil {
		panic("views: " + err.Error()) // no string fails
	}
	return string(encoded)
}

// snippet is a piece of code for the operator's application.
type snippet struct{ Title, Code string }

const nodeClient = `import { Patchbay } from "patchbay";

const patchbay = new Patchbay({ host: {root}, apiKey: process.env.PATCHBAY_API_KEY });
`

// sessionSnippets make a connect session, in the application's backend.
func sessionSnippets(p IntegrationPage) []snippet {
	return []snippet{
		{"curl", curl("POST", p.RootURL+apiPath+"/connect-sessions", apiKeyVariable, p.filled(`{"userId": "42", "integrations": [{name}]}`))},
		{"Node.js", p.filled(nodeClient + `const session = await patchbay.createConnectSession({ userId: "42", integrations: [{name}] });
// session.url is a link for this user, session.token is for your page.`)},
	}
}

// connectSnippets start the flow, in the application's page.
func connectSnippets(p IntegrationPage) []snippet {
	return []snippet{
		{"Plain link", p.filled(`<a href="SESSION_URL">Connect {plain}</a>`)},
		{"Element", p.filled(`<script src={script} defer></script>

<patchbay-connect host={root} session-token="SESSION_TOKEN" integration={name} user-id="42">
  <a href="SESSION_URL">Connect {plain}</a>
</patchbay-connect>`)},
		{"JavaScript", p.filled(`<script src={script}></script>
<button id="connect" type="button">Connect {plain}</button>
<script>
  const patchbay = new Patchbay({root}, { sessionToken: "SESSION_TOKEN" });
  document.getElementById("connect").addEventListener("click", async () => {
    try {
      const { integrationName, userId } = await patchbay.connect({name}, "42");
    } catch ({ error }) {
      console.log(error.type, error.message);
    }
  });
</script>`)},
	}
}

// given are the credentials that an application registers, by auth mode.
var given = map[models.AuthMode]string{
	models.AuthAPIKey:           `{"api_key": "…"}`,
	models.AuthOAuth1:           `{"oauth_token": "…", "oauth_token_secret": "…"}`,
	models.AuthUsernamePassword: `{"username": "…", "password": "…"}`,
}

// registerSnippets register a connection whose credentials the application's backend has.
func registerSnippets(p IntegrationPage) []snippet {
	credentials := given[p.AuthMode]
	return []snippet{
		{"Node.js", p.filled(nodeClient + `await patchbay.registerConnection({name}, "42", ` + credentials + `);`)},
		{"curl", curl("POST", p.RootURL+apiPath+"/connections", apiKeyVariable, p.filled(`{"integration": {name}, "userId": "42", "credentials": `+credentials+`}`))},
	}
}

// changeSnippets change an integration that is kept in the database.
func changeSnippets(p IntegrationPage) []snippet {
	address := p.RootURL + apiPath + "/integrations/" + p.Name
	return []snippet{
		{"Change it", curl("PATCH", address, apiKeyVariable, `{"oauth_scopes": ["…"]}`)},
		{"Delete it", curl("DELETE", address, apiKeyVariable, "")},
	}
}

// filled puts the integration into a snippet.
func (p IntegrationPage) filled(code string) string {
	return strings.NewReplacer(
		"{root}", quoted(p.RootURL), "{script}", quoted(p.RootURL+"/static/connect.js"), "{name}", quoted(p.Name), "{plain}", p.Name,
	).Replace(code)
}

// createIntegration makes an integration by API.
func createIntegration(root string) string {
	return curl("POST", root+apiPath+"/integrations", apiKeyVariable,
		`{"name": "github", "provider": "github", "oauth_client_id": "…", "oauth_client_secret": "…", "oauth_scopes": ["repo"]}`)
}
