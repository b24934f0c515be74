package e2e

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/internal/testkit"
)

// guide is the page that describes what applications do with connections, where it lies beside the repository.
const guide = "../../shared/seed/working-with-user-connections.md"

var codeBlock = regexp.MustCompile("(?ms)^```ts([^\n]*)\n(.*?)^```")

// applicationCode gives the code blocks of the guide that belong into an application: those that call the client, and are
// no action's.
func applicationCode(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(guide)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("%s is not there; the same story is run from examples/", guide)
	}
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, block := range codeBlock.FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(block[2], "nango.") && !strings.Contains(block[1], ".action.ts") {
			blocks = append(blocks, block[2])
		}
	}
	return blocks
}

const (
	createClient = "import { Patchbay } from 'patchbay';\n" +
		"const nango = new Patchbay({ host: process.env.HOST, apiKey: process.env.KEY });\n"
	registerSlack = createClient + "await nango.registerConnection('slack', '1', { api_key: 'k' }, { sample: 'value' });\n" +
		"await nango.registerConnection('slack', '2', { api_key: 'k' });\n"
)

// What the guide shows works as written, against the program, by the npm package.
func TestTheGuidesCodeRunsUnmodified(t *testing.T) {
	blocks := applicationCode(t)
	if len(blocks) != 3 {
		t.Fatalf("found %d blocks of application code, want 3", len(blocks))
	}
	s := newServer(t)
	s.env = append(s.env, "PATCHBAY_API_KEY=pb_of_this_test_1234567890")
	slack := "integrations:\n  slack: {auth: {auth_mode: API_KEY}, requests: {base_url: 'https://slack.example/'}}\n"
	if err := os.WriteFile(s.path("integrations/integrations.yaml"), []byte(slack), 0o644); err != nil {
		t.Fatal(err)
	}
	s.start()
	node := func(module string) string {
		t.Helper()
		return testkit.RunNode(t, "..", module, "HOST="+s.URL, "KEY=pb_of_this_test_1234567890")
	}
	node(registerSlack)
	for _, test := range []struct{ code, after, want string }{
		{blocks[0], "setSlackNotificationChannel('1', 'C42');", ""},
		{blocks[1], "", "channelId: 'C42'"},
		{blocks[2], "", "userId: '2'"},
	} {
		if out := node(createClient + test.code + test.after); !strings.Contains(out, test.want) {
			t.Errorf("%s\nprinted %s, want %s", test.code, out, test.want)
		}
	}
	out := node(createClient + `
		for (const attempt of [
			() => nango.registerConnection('slack', '1', { api_key: 'k' }),
			() => nango.registerConnection('slack', '3', { key: 'not shown' }),
			() => nango.updateConnectionConfig('slack', '9', {}),
			() => nango.updateConnectionCredentials('slack', '1', {}),
			() => nango.triggerAction('slack', 'notify', '1', { msg: 'hello' }),
		]) {
			await attempt().catch((error) => console.log(error instanceof Error, error.code, error.message));
		}
		console.log(await nango.getConnectionsForUserId('nobody'), nango);`)
	for _, want := range []string{"true connection_exists", "true invalid_credentials", "true unknown_connection", "true unknown_action", "[]"} {
		if !strings.Contains(out, want) {
			t.Errorf("printed %s, want %s", out, want)
		}
	}
	if strings.Contains(out, "not shown") || strings.Contains(out, "pb_of_this_test") {
		t.Errorf("a secret was printed: %s", out)
	}
}
