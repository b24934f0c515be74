package static

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, path, acceptEncoding string) *http.Response {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Accept-Encoding", acceptEncoding)
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r io.Reader) []byte {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestHandler(t *testing.T) {
	for name, contentType := range map[string]string{
		"app.css": "text/css; charset=utf-8", "app.js": "text/javascript; charset=utf-8",
		"icons.svg": "image/svg+xml", "inter.woff2": "font/woff2",
	} {
		plain := get(t, URL(name), "")
		if got := plain.Header.Get("Content-Type"); plain.StatusCode != 200 || got != contentType {
			t.Errorf("%s: got %d %s, want 200 %s", name, plain.StatusCode, got, contentType)
		}
		if got := plain.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s: got Cache-Control %q", name, got)
		}
		zipped := get(t, URL(name), "br, gzip")
		if name == "inter.woff2" {
			if zipped.Header.Get("Content-Encoding") != "" {
				t.Error("the font is compressed twice")
			}
			continue
		}
		if zipped.Header.Get("Content-Encoding") != "gzip" || plain.Header.Get("Vary") != "Accept-Encoding" {
			t.Fatalf("%s: is not compressed, or caches are not told", name)
		}
		unzip, err := gzip.NewReader(zipped.Body)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(body(t, unzip), body(t, plain.Body)) {
			t.Errorf("%s: differs when compressed", name)
		}
	}
}

// maxLibrary bounds the browser library, compressed: 6 KB.
const maxLibrary = 6 << 10

func TestTheLibraryIsLightAndOpenToOtherSites(t *testing.T) {
	got := get(t, Library, "gzip")
	if n := len(body(t, got.Body)); n > maxLibrary {
		t.Errorf("%d bytes, want at most %d", n, maxLibrary)
	}
	if got.StatusCode != 200 || got.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" || strings.Contains(got.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("%d %v", got.StatusCode, got.Header)
	}
}

func TestHandlerKnowsNothingElse(t *testing.T) {
	for _, path := range []string{"/static/", "/static/app.css", "/static/css/app.css", "/static/app.000000000000.css", URL("app.css") + "/"} {
		if got := get(t, path, "gzip").StatusCode; got != 404 {
			t.Errorf("%s: got %d, want 404", path, got)
		}
	}
}

func TestURLOfUnknownFilePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("want a panic")
		}
	}()
	URL("unknown.css")
}

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "br, gzip;q=0.5": true, "gzip;q=0": false, "gzip; q=0.0, br": false, "x-gzip": false,
	} {
		if got := acceptsGzip(header); got != want {
			t.Errorf("%q: got %v, want %v", header, got, want)
		}
	}
}

func TestStylesheetPointsAtHashedFiles(t *testing.T) {
	css := body(t, get(t, URL("app.css"), "").Body)
	for _, match := range regexp.MustCompile(`url\(([^)]*)\)`).FindAllSubmatch(css, -1) {
		path := strings.Trim(string(match[1]), `"`)
		if got := get(t, path, "").StatusCode; got != 200 {
			t.Errorf("%s: got %d, want 200", path, got)
		}
	}
}

// maxFirstVisit bounds what a first visit to the list of connections loads beside the page: 40 KB.
const maxFirstVisit = 40 << 10

func TestFirstVisitIsLight(t *testing.T) {
	total := 0
	for _, name := range []string{"app.css", "app.js", "favicon.svg", "icons.svg", "inter.woff2"} {
		n := len(body(t, get(t, URL(name), "gzip").Body))
		t.Logf("%s: %d bytes", name, n)
		total += n
	}
	if total > maxFirstVisit {
		t.Errorf("got %d bytes, want at most %d", total, maxFirstVisit)
	}
}
