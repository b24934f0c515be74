package handlers

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
)

// BenchmarkPages measures whole pages of the dashboard, from the request to the compressed answer, without the network.
func BenchmarkPages(b *testing.B) {
	a := newApp(b)
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
