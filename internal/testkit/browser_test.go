package testkit

import (
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	code := m.Run()
	CloseChromium()
	os.Exit(code)
}

const form = `<!doctype html><html lang="en"><title>Form</title>
<link rel="icon" href="data:,"><style>button, a {display: inline-block; min-height: 24px}</style><main><h1>Form</h1>
<a href="/popup">Send</a>
<form method="post"><label for="a">User id</label><input id="a" name="a" value="old">
<div id="host"></div>
<button>Send</button></form>
<a href="/popup" target="_blank">Open</a>
<button type="button" onclick="onbeforeunload = event => event.preventDefault()">Guard</button>
<p id="script">no script</p><output></output></main>
<script>setTimeout(() => { document.querySelector('output').textContent = 'written later' })
document.getElementById('script').textContent = 'script ran'
const root = document.getElementById('host').attachShadow({mode: 'open'})
root.innerHTML = '<div role=textbox aria-label=Editor contenteditable>old</div>'</script>`

func serve(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "seen", Value: "yes"})
		w.Write([]byte(form))
	})
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		w.Write([]byte(`<!doctype html><html lang=en><title>No</title><link rel=icon href="data:,"><main><h1>Refused ` + r.FormValue("a") + `</h1></main>`))
	})
	mux.HandleFunc("GET /popup", func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte(`<!doctype html><title>Popup</title><link rel="icon" href="data:,"><button onclick="window.close()">Close</button>`))
	})
	mux.HandleFunc("GET /wide", func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte(`<!doctype html><title>Wide</title><link rel=icon href="data:,"><body style="margin: 0"><p style="width: 400px">Wide`))
	})
	mux.HandleFunc("GET /faulty", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "img-src 'none'")
		w.Write([]byte(`<!doctype html><title>Faulty</title><img src="/x.png"><script src="/404.js"></script><script>console.error('oh no'); undefined.x</script>`))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func TestBrowserDoesWhatAPersonDoes(t *testing.T) {
	b := OpenBrowser(t, serve(t))
	if status := b.Goto("/"); status != 200 {
		t.Errorf("Goto: got %d, want 200", status)
	}
	b.See("script ran")
	if got := b.Output(); got != "written later" {
		t.Errorf("Output: got %q", got)
	}
	if got := b.Evaluate("document.readyState"); got != "complete" {
		t.Errorf("Evaluate: ran while the page was %s", got)
	}
	b.Fill("User id", "new")
	b.Fill("Editor", "typed")
	if got := b.Value("User id") + b.Value("Editor"); got != "newtyped" {
		t.Errorf("Value: got %q", got)
	}
	b.Click("Guard") // the question it leads to must not hold up what follows
	popup := b.Popup(func() { b.Click("Open") })
	popup.See("Close")
	popup.Click("Close")
	popup.WaitClosed()
	if status := b.Submit("Send"); status != 422 {
		t.Errorf("Submit: got %d, want 422", status)
	}
	b.See("Refused new")
	if cookies := b.Cookies(); len(cookies) != 1 || cookies[0].Name != "seen" {
		t.Errorf("Cookies: got %v", cookies)
	}
	if other := OpenBrowser(t, b.origin); len(other.Cookies()) != 0 {
		t.Error("two browsers share cookies")
	}
}

func TestBrowserWithoutJavaScript(t *testing.T) {
	b := OpenBrowser(t, serve(t))
	b.DisableJavaScript()
	b.Goto("/")
	b.See("no script")
	b.Fill("User id", "new")
	b.Submit("Send")
	b.See("Refused new")
}

func TestBrowserNoticesFaults(t *testing.T) {
	b := OpenBrowser(t, serve(t))
	b.Goto("/faulty")
	faults := strings.Join(b.faults.seen, "\n")
	for _, want := range []string{"img-src 'none'", "/404.js", "oh no", "TypeError"} {
		if !strings.Contains(faults, want) {
			t.Errorf("no fault mentions %q among:\n%s", want, faults)
		}
	}
	b.faults.seen = nil
}

func TestBrowserFindsBadPages(t *testing.T) {
	b := OpenBrowser(t, serve(t))
	b.Goto("/")
	if found := b.Axe(); len(found) != 0 {
		t.Errorf("violations on a sound page: %q", found)
	}
	b.Viewport(320)
	if over := b.Overflow(); over != 0 {
		t.Errorf("Overflow of a page that fits: %d", over)
	}
	b.Goto("/wide")
	if over := b.Overflow(); over != 80 {
		t.Errorf("Overflow of a page that is 400 px wide in 320: %d", over)
	}
	if found := b.Axe(); !slices.ContainsFunc(found, func(v string) bool { return strings.HasPrefix(v, "html-has-lang") }) {
		t.Errorf("html-has-lang is not among %q", found)
	}
}

func TestOIDCProvider(t *testing.T) {
	p := OIDCProvider(t, "http://localhost:3003/oauth/callback/oidc")
	if answer := p.Introspect("no such token"); answer["active"] != false {
		t.Errorf("introspection of a made-up token: %v", answer)
	}
}
