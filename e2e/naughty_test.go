package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/client"
)

// The Big List of Naughty Strings (MIT, see its LICENSE): user ids and configurations that break programs and pages.
const naughtyStrings = "../handlers/testdata/naughty-strings.json"

// opened is how many of the connections with markup in their names are opened one by one.
const opened = 40

// Whatever applications call their users and write into configurations is text on every page: it runs nothing, and the
// content security policy has nothing to report. The browser's own faults fail the test.
func TestNaughtyStringsAreText(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(naughtyStrings)
	if err != nil {
		t.Fatal(err)
	}
	var naughty []string
	if err := json.Unmarshal(data, &naughty); err != nil {
		t.Fatal(err)
	}
	s := newServer(t)
	s.env = append(s.env, "PATCHBAY_API_KEY="+applicationKey)
	s.start()
	b := setUp(s, true)
	backend, err := client.New(s.URL, applicationKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := backend.CreateIntegration(t.Context(), client.NewIntegration{Name: "acme", Auth: &client.Auth{AuthMode: client.AuthAPIKey}, Requests: &client.Requests{BaseURL: "https://acme.example/"}}); err != nil {
		t.Fatal(err)
	}
	registered := map[string]string{} // uuids by user id
	for _, text := range naughty {
		config, err := json.Marshal(map[string]string{"text": text})
		if err != nil {
			t.Fatal(err)
		}
		if registered[text] != "" { // which comes twice
			continue
		}
		connection, err := backend.RegisterConnection(t.Context(), "acme", text, client.Credentials{APIKey: "k"}, config)
		if client.HasCode(err, client.CodeInvalidUserID) || text == "" {
			continue
		}
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		registered[text] = connection.UUID
	}
	listed := map[string]bool{}
	for next := "/connections?limit=100"; next != ""; {
		b.Goto(next)
		var page struct {
			IDs  []string
			Next string
		}
		text := b.Evaluate(`JSON.stringify({
			IDs: [...document.querySelectorAll('tbody tr')].map((row) => row.querySelector('[title]')?.title ?? ''),
			Next: document.querySelector('a[rel=next]')?.getAttribute('href') ?? '',
		})`)
		if err := json.Unmarshal([]byte(text), &page); err != nil {
			t.Fatal(err)
		}
		for _, id := range page.IDs {
			listed[id] = true
		}
		next = page.Next
	}
	left := opened
	for id, uuid := range registered {
		if !listed[id] {
			t.Errorf("%q is not shown as it is", id)
		}
		if strings.Contains(id, "<") && left > 0 {
			left--
			b.Goto("/connections/" + uuid)
			if got := b.Evaluate(`document.querySelector('h1').title`); got != id {
				t.Errorf("the page of %q is headed %q", id, got)
			}
		}
	}
	for _, path := range []string{"/audit", "/users", "/"} {
		b.Goto(path)
	}
}
