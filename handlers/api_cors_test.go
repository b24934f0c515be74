package handlers

import (
	"net/http"
	"testing"

	"github.com/patchbay/patchbay/client"
	"github.com/patchbay/patchbay/models"
)

// That no other call has these headers is checked with every answer, see [api.faults].
func TestAPIIsOpenToRegisteredOriginsInOneCall(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	link, err := a.client().CreateConnectSession(t.Context(), client.ConnectSessionRequest{UserID: "42"})
	must(t, err)
	const self = "/connect-sessions/self"
	for origin, allowed := range map[string]bool{
		"https://app.example.com": true, "http://localhost:5173": true, "http://127.0.0.1": true,
		"https://app.example.com.attacker.example": false, "http://app.example.com": false, "https://APP.example.com": false,
		"https://app.example.com/": false, "null": false, "*": false, "": false, "http://localhost.attacker.example": false,
	} {
		for name, got := range map[string]page{
			"answer":    a.call(link.Token, http.MethodGet, self, "", "Origin", origin),
			"refusal":   a.call("none", http.MethodGet, self, "", "Origin", origin),
			"preflight": a.call("", http.MethodOptions, self, "", "Origin", origin, "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "authorization"),
		} {
			want := ""
			if allowed {
				want = origin
			}
			h := got.header
			if h.Get("Access-Control-Allow-Origin") != want || h.Get("Vary") == "" || (h.Get("Cross-Origin-Resource-Policy") == "cross-origin") != allowed {
				t.Errorf("%s for %q: %v", name, origin, h)
			}
			if h.Get("Access-Control-Allow-Credentials") != "" || allowed && (h.Get("Access-Control-Allow-Headers") != "Authorization" || h.Get("Access-Control-Allow-Methods") != "GET") {
				t.Errorf("%s for %q: %v", name, origin, h)
			}
		}
	}
	key := a.key()
	for _, headers := range [][]string{{"Origin", "https://app.example.com"}, {"Sec-Fetch-Site", "cross-site"}} {
		body := `{"userId":"42"}`
		a.want(headers[0], a.call(key, http.MethodPost, "/connect-sessions", body, headers...), http.StatusForbidden, models.CodeForbidden)
		if got := a.call(key, http.MethodGet, "/connections", "", headers...); got.status != http.StatusOK {
			t.Errorf("%s: %d", headers[0], got.status) // the page that asked cannot read it
		}
		if got := a.call("", http.MethodOptions, "/connections", "", headers...); got.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("preflight: %v", got.header)
		}
	}
}
