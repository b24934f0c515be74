package providers_test

import (
	"cmp"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/patchbay/patchbay/internal/integrations"
	"github.com/patchbay/patchbay/models"
)

// catalogue fails with the file and line of the first fault of an entry.
func catalogue(t *testing.T) []models.Provider {
	t.Helper()
	list, err := integrations.Providers()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

var name = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func TestProviders(t *testing.T) {
	list := catalogue(t)
	if !slices.IsSortedFunc(list, func(a, b models.Provider) int { return cmp.Compare(a.Name, b.Name) }) {
		t.Error("expected the list sorted by name")
	}
	for _, p := range list {
		t.Run(p.Ref(), func(t *testing.T) {
			if !name.MatchString(p.Name) {
				t.Errorf("file %s.yaml: expected lower-case words with hyphens", p.Name)
			}
			if strings.Contains(p.SetupNotes, "\n") || !strings.HasSuffix(p.SetupNotes, ".") {
				t.Errorf("setup_notes: expected sentences in one paragraph, found %q", p.SetupNotes)
			}
			if !strings.HasSuffix(p.Requests.BaseURL, "/") {
				t.Errorf("requests.base_url: expected / at its end, found %s", p.Requests.BaseURL)
			}
			if p.Auth.AuthMode != models.AuthOAuth1 && len(p.Requests.Headers) == 0 {
				t.Error("requests.headers: expected the one that authorizes")
			}
			for _, text := range []string{
				p.DocsURL, p.ConsoleURL, p.Requests.BaseURL, p.Auth.AuthorizationURL, p.Auth.TokenURL,
				p.Auth.RefreshURL, p.Auth.RevocationURL, p.Auth.RequestURL,
			} {
				if text != "" && !strings.HasPrefix(text, "https://") {
					t.Errorf("expected https://, found %s", text)
				}
			}
		})
	}
}

func TestGuideNamesEachProvider(t *testing.T) {
	guide, err := os.ReadFile("../../docs/guide/integrations.md")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range catalogue(t) {
		names = append(names, p.Name)
	}
	want := "The catalogue has: " + strings.Join(slices.Compact(names), ", ") + "."
	if !strings.Contains(strings.Join(strings.Fields(string(guide)), " "), want) {
		t.Errorf("docs/guide/integrations.md: expected %q", want)
	}
}

// TestIntegrationOfEachProvider: the least that an operator writes is ready to be connected, unless the provider's
// addresses depend on the user, or there is no browser flow for its auth mode.
func TestIntegrationOfEachProvider(t *testing.T) {
	for _, p := range catalogue(t) {
		definition := fmt.Sprintf(`{"provider": %q, "oauth_client_id": "id", "oauth_client_secret": "secret"}`, p.Name)
		in, err := integrations.ParseDefinition("mine", []byte(definition))
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		tenant := strings.Contains(p.Auth.AuthorizationURL+p.Auth.TokenURL, "${")
		if problem := in.Problem(); problem != "" && p.Auth.AuthMode == models.AuthOAuth2 && !tenant {
			t.Errorf("%s: %s", p.Name, problem)
		}
	}
}

// TestOwnHosts: an address that has slipped in from another entry would send secrets to the wrong company.
func TestOwnHosts(t *testing.T) {
	owner := map[string]string{} // of a token endpoint's host
	family := map[string]string{"gmail": "google", "google-calendar": "google", "google-drive": "google"}
	for _, p := range catalogue(t) {
		company := cmp.Or(family[p.Name], p.Name)
		for _, text := range []string{p.Auth.TokenURL, p.Auth.RefreshURL, p.Auth.RevocationURL} {
			if text == "" {
				continue
			}
			u, err := url.Parse(strings.NewReplacer("${", "", "}", "").Replace(text))
			if err != nil {
				t.Errorf("%s: %v", p.Name, err)
				continue
			}
			if other := cmp.Or(owner[u.Host], company); other != company {
				t.Errorf("%s: %s is the host of %s", p.Name, u.Host, other)
			}
			owner[u.Host] = company
		}
	}
}
