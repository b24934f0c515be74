// Package static owns what the browser loads beside the pages: styles, scripts, the font and the icons. All of it is
// embedded and addressed by a hash of its content, so that a browser keeps it for ever and a new version is a new
// address. The exception is the browser library, which pages of other sites load by its plain address.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed css/*.css fonts/*.woff2 icons/*.svg js/*.js connect.js
var files embed.FS

// sheets are the parts of app.css, in the order of the cascade.
var sheets = []string{"css/tokens.css", "css/base.css", "css/components.css", "css/layout.css", "css/pages.css"}

const prefix = "/static/"

// Library is the address of the browser library, for pages of applications. It is built from sdk/js.
const Library = prefix + "connect.js"

// contentTypes are those of every kind of file embedded.
var contentTypes = map[string]string{
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".svg":   "image/svg+xml",
	".woff2": "font/woff2",
}

type asset struct {
	contentType string
	body        []byte
	gzipped     []byte // nil where compressing gains nothing
}

type bundle struct {
	urls   map[string]string // by plain name: "app.css"
	assets map[string]asset  // by address
}

// load reads and hashes everything once, at the first use.
var load = sync.OnceValue(func() bundle {
	b := bundle{urls: map[string]string{}, assets: map[string]asset{}}
	for _, pattern := range []string{"fonts/*", "icons/*", "js/*"} {
		names, err := fs.Glob(files, pattern)
		if err != nil {
			panic("static: " + err.Error())
		}
		for _, name := range names {
			b.add(path.Base(name), read(name))
		}
	}
	b.add("app.css", b.stylesheet())
	library := read("connect.js")
	b.assets[Library] = asset{contentType: contentTypes[".js"], body: library, gzipped: compress(library)}
	return b
})

// stylesheet joins the sheets and points their url("name") at the hashed addresses of fonts and icons.
func (b *bundle) stylesheet() []byte {
	var css []byte
	for _, name := range sheets {
		css = append(css, read(name)...)
	}
	for name, url := range b.urls {
		css = bytes.ReplaceAll(css, []byte(`url("`+name+`")`), []byte(`url("`+url+`")`))
	}
	return css
}

func (b *bundle) add(name string, body []byte) {
	ext := path.Ext(name)
	sum := sha256.Sum256(body)
	url := prefix + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
	b.urls[name] = url
	a := asset{contentType: contentTypes[ext], body: body}
	if ext != ".woff2" { // is compressed already
		a.gzipped = compress(body)
	}
	b.assets[url] = a
}

func read(name string) []byte {
	body, err := files.ReadFile(name)
	if err != nil {
		panic("static: " + err.Error())
	}
	return body
}

func compress(body []byte) []byte {
	var buf bytes.Buffer
	w, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		panic("static: " + err.Error())
	}
	// Writing to a bytes.Buffer cannot fail.
	_, _ = w.Write(body)
	_ = w.Close()
	return buf.Bytes()
}

// URL gives the address of an embedded file, such as "app.css". An unknown name is a mistake in the program: URL
// panics.
func URL(name string) string {
	url, ok := load().urls[name]
	if !ok {
		panic("static: no file " + strconv.Quote(name))
	}
	return url
}

// Handler serves the addresses that URL gives and answers 404 to every other.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := load().assets[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", a.contentType)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		if r.URL.Path == Library {
			h.Set("Cache-Control", "public, max-age=3600")
			h.Set("Cross-Origin-Resource-Policy", "cross-origin")
			h.Set("Access-Control-Allow-Origin", "*") // for pages that load it with an integrity attribute
		}
		body := a.body
		if a.gzipped != nil {
			h.Set("Vary", "Accept-Encoding")
			if acceptsGzip(r.Header.Get("Accept-Encoding")) {
				h.Set("Content-Encoding", "gzip")
				body = a.gzipped
			}
		}
		h.Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // the client may be gone, which is nobody's fault
	})
}

// acceptsGzip reads Accept-Encoding (RFC 9110 §12.5.3) as far as needed: gzip, unless its weight is zero.
func acceptsGzip(header string) bool {
	for coding := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(weight), "q="), 64)
			return err != nil || q > 0
		}
	}
	return false
}
