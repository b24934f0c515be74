package handlers

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/models"
)

// populate stores 20,000 connections of two integrations.
func populate(b *testing.B, a *app) {
	const rows = 20_000
	must(b, a.store.Write(b.Context(), func(tx *store.Tx) error {
		for i := range rows {
			c := storetest.Connection([]string{"sandbox", "other"}[i%2], fmt.Sprintf("user-%d", i))
			if err := tx.CreateConnection(c, storetest.Credentials("x")); err != nil {
				return err
			}
		}
		return nil
	}))
}

// BenchmarkPages measures whole pages of the dashboard, from the request to the compressed answer, without the network.
func BenchmarkPages(b *testing.B) {
	a := newApp(b)
	populate(b, a)
	admin := a.signedIn(adminEmail)
	root, err := url.Parse(a.url)
	must(b, err)
	for _, path := range []string{"/", "/connections", "/connections?integration=sandbox&sort=-modified", "/connections?q=user-199", "/users", "/integrations/sandbox", "/login"} {
		b.Run(path, func(b *testing.B) {
			request := httptest.NewRequest(http.MethodGet, path, nil)
			request.Host = root.Host
			request.Header.Set("Accept-Encoding", "gzip")
			for _, cookie := range admin.client.Jar.Cookies(root) {
				request.AddCookie(cookie)
			}
			b.ReportAllocs()
			for b.Loop() {
				recorder := httptest.NewRecorder()
				a.handler.ServeHTTP(recorder, request)
				if recorder.Code >= http.StatusBadRequest {
					b.Fatalf("%d", recorder.Code)
				}
				b.ReportMetric(float64(recorder.Body.Len()), "bytes/page")
			}
		})
	}
}

// BenchmarkAPI measures calls of the API without the network, beside a bare handler of the same framework that writes the
// same JSON.
func BenchmarkAPI(b *testing.B) {
	a := newApp(b)
	populate(b, a)
	text := models.NewAPIKeyText()
	must(b, a.keys.SetEnvironmentKey(b.Context(), text))
	call := func(handler http.Handler, key, path string) *httptest.ResponseRecorder {
		request := httptest.NewRequest(http.MethodGet, path, nil)
		request.Header.Set("Authorization", "Bearer "+key)
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		return recorder
	}
	const fresh = apiPrefix + "/connections/sandbox/user-4000/credentials"
	answer := call(a.handler, text.Reveal(), fresh).Body.Bytes()
	bare := echo.New()
	bare.GET(apiPrefix+"/connections/:integration/:userId/credentials", func(c echo.Context) error { return c.JSONBlob(http.StatusOK, answer) })
	for _, bench := range []struct {
		name    string
		handler http.Handler
		key     string
		path    string
		status  int
	}{
		{"bare handler", bare, "", fresh, http.StatusOK},
		{"fresh credentials", a.handler, text.Reveal(), fresh, http.StatusOK},
		{"unknown key", a.handler, "pb_unknown", fresh, http.StatusUnauthorized},
		{"one connection", a.handler, text.Reveal(), apiPrefix + "/connections/sandbox/user-4000", http.StatusOK},
		{"page of 50", a.handler, text.Reveal(), apiPrefix + "/connections", http.StatusOK},
		{"page of 50 of one integration", a.handler, text.Reveal(), apiPrefix + "/connections?integration=other", http.StatusOK},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got := call(bench.handler, bench.key, bench.path); got.Code != bench.status && got.Code != http.StatusTooManyRequests {
					b.Fatalf("%d %s", got.Code, got.Body)
				}
			}
		})
	}
}
