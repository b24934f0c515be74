package e2e

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/patchbay/patchbay/internal/testkit"
)

// User ids are strings of somebody else's application; these are the ones that break pages and addresses.
var hostileUserIDs = []string{
	`<script>alert(1)</script>`,
	`"quoted" & 'single'`,
	`a/b/../c//d`,
	`..`,
	`.`,
	`%2e%2e%2f`,
	`100%`,
	`?q=1#fragment;x=y&z`,
	`back\slash`,
	`new`,
	`日本語 🤷🏽‍♀️`,
	"\u202ertl \u200fmarks\u2069",
	`{{.}} ${access_token} javascript:alert(1)`,
	` spaces around `,
	`e` + "\u0301" + ` is not é`,
	strings.Repeat("x", 512),
}

func TestHostileUserIDs(t *testing.T) {
	s := startServer(t)
	v := visitFirst(s)
	for _, id := range hostileUserIDs {
		uuid := v.connect(id)
		if connection, _ := s.connection(uuid); connection.UserID != id {
			t.Errorf("%q was stored as %q", id, connection.UserID)
		}
		connection := v.get("/connections/" + uuid)
		if got := shown(connection, "h1"); got != id {
			t.Errorf("the connection of %q is headed %q", id, got)
		}
		link := connection.find("a", func(n *html.Node) bool {
			return strings.HasPrefix(attribute(n, "href"), "/users") && verbatim(n) == id
		})
		if link == nil {
			t.Errorf("the connection of %q has no link to its user", id)
			continue
		}
		user := v.get(attribute(link, "href"))
		if got := shown(user, "h1"); user.status != http.StatusOK || got != id {
			t.Errorf("%s leads to %d %q, want %q", attribute(link, "href"), user.status, got, id)
		}
		for _, address := range []string{"/connections", "/users", "/integrations/sandbox", "/audit", "/"} {
			if p := v.get(address); p.find("a", func(n *html.Node) bool { return strings.HasSuffix(verbatim(n), id) }) == nil {
				t.Errorf("%s does not show %q", address, id)
			}
		}
		if again := v.connect(id); again != uuid {
			t.Errorf("connecting %q again made a second connection", id)
		}
	}

	// A real browser notices what becomes markup or script.
	b := testkit.OpenBrowser(t, s.URL)
	b.Goto("/login")
	b.Fill("Email address", adminEmail)
	b.Fill("Password", adminPassword)
	b.Follow("Sign in")
	for _, address := range []string{"/connections", "/users", "/integrations/sandbox", "/audit", "/"} {
		b.Goto(address)
		b.See(hostileUserIDs[len(hostileUserIDs)-2])
	}
}

// shown is the text of the first element of a kind, with all its spaces.
func shown(p *page, tag string) string {
	n := p.find(tag, func(*html.Node) bool { return true })
	if n == nil {
		return ""
	}
	return verbatim(n)
}
