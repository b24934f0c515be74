package sandbox

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

//go:embed pages.html
var pagesHTML string

//go:embed style.css
var styleCSS []byte

var pages = template.Must(template.New("pages").Parse(pagesHTML))

// consentPage asks an account to allow an application what it wants.
type consentPage struct {
	Request  string // id for the answer
	Accounts []account
	Scopes   []string // in words
	Origin   string   // where the browser goes next
}

func showConsent(w http.ResponseWriter, a *authorization, request string) {
	page := consentPage{Request: request, Accounts: accounts, Origin: originOf(a.redirectURI)}
	for _, s := range allScopes {
		if slices.Contains(a.scopes, s.name) {
			page.Scopes = append(page.Scopes, s.words)
		}
	}
	// Browsers apply form-action to the redirect that answers the form as well.
	render(w, http.StatusOK, "consent", page, "'self' "+page.Origin)
}

// refuse shows a page that says in one sentence why nothing was done. It never leads back to an application.
func refuse(w http.ResponseWriter, status int, reason string) {
	render(w, status, "refusal", reason, "'none'")
}

func render(w http.ResponseWriter, status int, name string, data any, formAction string) {
	var page bytes.Buffer
	if err := pages.ExecuteTemplate(&page, name, data); err != nil {
		http.Error(w, "The page could not be shown.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Security-Policy",
		"default-src 'none'; style-src 'self'; form-action "+formAction+"; frame-ancestors 'none'; base-uri 'none'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(page.Len()))
	w.WriteHeader(status)
	page.WriteTo(w)
}

// originOf gives scheme, host and port of a registered redirect URI.
func originOf(redirectURI string) string {
	u, err := url.Parse(redirectURI)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func serveStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "max-age=3600")
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Write(styleCSS)
}
