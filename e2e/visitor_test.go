package e2e

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// visitor walks through pages by links and forms without a browser: for what needs many pages rather than real ones.
type visitor struct {
	t      testing.TB
	origin string
	http   *http.Client
}

// visit gives a visitor with no cookies yet.
func visit(s *server) *visitor {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &visitor{s.t, s.URL, &http.Client{Jar: jar, Timeout: 10 * time.Second}}
}

// visitFirst gives a visitor who has created the server's first admin and is signed in as that.
func visitFirst(s *server) *visitor {
	s.t.Helper()
	v := visit(s)
	p := v.get(s.SetupURL).submit("Create account", url.Values{"email": {adminEmail}, "password": {adminPassword}})
	if p.status != http.StatusOK {
		s.t.Fatalf("create the first admin: %d at %s", p.status, p.url)
	}
	return v
}

// signIn signs in as the first admin.
func (v *visitor) signIn() {
	v.t.Helper()
	p := v.get("/login").submit("Sign in", url.Values{"email": {adminEmail}, "password": {adminPassword}})
	if p.status != http.StatusOK || p.url.Path != "/" {
		v.t.Fatalf("sign in: %d at %s", p.status, p.url)
	}
}

// saveConfig replaces the additionalConfig of a connection.
func (v *visitor) saveConfig(uuid, config string) {
	v.t.Helper()
	p := v.get("/connections/"+uuid).submit("Save configuration", url.Values{"config": {config}})
	if p.status != http.StatusOK {
		v.t.Fatalf("save %s: %d:\n%s", config, p.status, text(p.root))
	}
}

// connect goes through the whole flow with the sandbox and gives the uuid of the user's connection.
func (v *visitor) connect(user string) (uuid string) {
	v.t.Helper()
	p := v.askConsent(user).submit("Allow", nil)
	if got := p.heading(); got != "Connected to sandbox" {
		v.t.Fatalf("connecting %q ended at %q:\n%s", user, got, text(p.root))
	}
	match := connectionAddress.FindStringSubmatch(p.follow("Continue").url.Path)
	if match == nil {
		v.t.Fatalf("after connecting %q the way back leads to %s", user, p.url)
	}
	return match[1]
}

// askConsent starts a flow with the sandbox for a user and gives the sandbox's consent page.
func (v *visitor) askConsent(user string) *page {
	v.t.Helper()
	p := v.get("/integrations/sandbox").submit("Connect", url.Values{"userId": {user}})
	return p.submit("Continue to sandbox", nil)
}

// get opens an address, or a path of the server.
func (v *visitor) get(address string) *page {
	v.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = v.origin + address
	}
	request, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.must(v.do(request))
}

// post sends a form to an address, or to a path of the server.
func (v *visitor) post(address string, form url.Values) *page {
	v.t.Helper()
	return v.must(v.tryPost(address, form))
}

func (v *visitor) tryPost(address string, form url.Values) (*page, error) {
	if strings.HasPrefix(address, "/") {
		address = v.origin + address
	}
	request, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.do(request)
}

func (v *visitor) must(p *page, err error) *page {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
	if p.status >= http.StatusInternalServerError {
		v.t.Errorf("%s: %d:\n%s", p.url, p.status, text(p.root))
	}
	return p
}

func (v *visitor) do(request *http.Request) (*page, error) {
	response, err := v.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	// As in a browser, a byte that is not UTF-8 becomes U+FFFD.
	root, err := html.Parse(strings.NewReader(string([]rune(string(body)))))
	return &page{v, response.StatusCode, response.Request.URL, response.Header.Get("Location"), root}, err
}

// page is what a visitor got to see after redirects.
type page struct {
	visitor  *visitor
	status   int
	url      *url.URL
	location string // where a redirect that was not followed leads
	root     *html.Node
}

// submit sends the form whose button has the given text, with some fields filled in.
func (p *page) submit(button string, fill url.Values) *page {
	p.visitor.t.Helper()
	pressed := p.find("button", isButton(button))
	if pressed == nil {
		p.visitor.t.Fatalf("%s has no button %q:\n%s", p.url, button, text(p.root))
	}
	form := pressed
	for form.Data != "form" {
		form = form.Parent
	}
	values := url.Values{}
	for n := range form.Descendants() {
		switch {
		case n.Data == "textarea":
			// The parser of HTML has dropped the first newline, as a browser does.
			values.Set(attribute(n, "name"), verbatim(n))
		case n.Data == "input", n == pressed && attribute(n, "name") != "":
			values.Set(attribute(n, "name"), attribute(n, "value"))
		case n.Data == "option":
			if _, selected := lookup(n, "selected"); selected {
				values.Set(attribute(n.Parent, "name"), attribute(n, "value"))
			}
		}
	}
	for name, value := range fill {
		values[name] = value
	}
	action, err := p.url.Parse(attribute(form, "action"))
	if err != nil {
		p.visitor.t.Fatal(err)
	}
	if strings.EqualFold(attribute(form, "method"), "post") {
		return p.visitor.post(action.String(), values)
	}
	action.RawQuery = values.Encode()
	return p.visitor.get(action.String())
}

// follow opens the first link with exactly the given text.
func (p *page) follow(label string) *page {
	p.visitor.t.Helper()
	link := p.find("a", func(n *html.Node) bool { return text(n) == label })
	if link == nil {
		p.visitor.t.Fatalf("%s has no link %q:\n%s", p.url, label, text(p.root))
	}
	address, err := p.url.Parse(attribute(link, "href"))
	if err != nil {
		p.visitor.t.Fatal(err)
	}
	return p.visitor.get(address.String())
}

// find gives the first element of a kind that fits.
func (p *page) find(tag string, fits func(*html.Node) bool) *html.Node {
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && n.Data == tag && fits(n) {
			return n
		}
	}
	return nil
}

// heading is the text of the page's h1.
func (p *page) heading() string {
	p.visitor.t.Helper()
	h1 := p.find("h1", func(*html.Node) bool { return true })
	if h1 == nil {
		p.visitor.t.Fatalf("%s has no heading:\n%s", p.url, text(p.root))
	}
	return text(h1)
}

func isButton(label string) func(*html.Node) bool {
	return func(n *html.Node) bool { return text(n) == label }
}

// text is the text of an element without the white space of its markup.
func text(n *html.Node) string { return strings.Trim(verbatim(n), " \t\r\n") }

// verbatim is the text of an element as it is.
func verbatim(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

func attribute(n *html.Node, name string) string {
	value, _ := lookup(n, name)
	return value
}

func lookup(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}
