package testkit

import (
	"bufio"
	"embed"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"
)

//go:embed oidcprovider/package.json oidcprovider/package-lock.json oidcprovider/server.js
var oidcFiles embed.FS

// OIDC is a running OpenID Provider, the npm package oidc-provider: a counterparty that nobody here wrote. It requires
// PKCE, rotates refresh tokens, and asks people to sign in and to consent on pages of its own.
type OIDC struct {
	Issuer       string // http://127.0.0.1:port, without a trailing slash
	ClientID     string
	ClientSecret string

	t testing.TB
}

// OIDCProvider runs a provider that knows one client, which may redirect to redirectURI, until the test ends.
func OIDCProvider(t testing.TB, redirectURI string) *OIDC {
	t.Helper()
	node := Need(t, "node")
	files, err := fs.Sub(oidcFiles, "oidcprovider")
	if err != nil {
		t.Fatal(err)
	}
	dir := prepared(t, files, [][]string{npmCI})
	p := &OIDC{ClientID: "patchbay-test", ClientSecret: "a client secret of the test", t: t}

	cmd := exec.Command(node, "server.js", p.ClientID, p.ClientSecret, redirectURI)
	cmd.Dir = dir
	stderr := new(strings.Builder)
	cmd.Stderr = stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start the OpenID Provider: %v", err)
	}
	port, readErr := bufio.NewReader(stdout).ReadString('\n')
	t.Cleanup(func() {
		stdin.Close() // the provider ends with its input
		cmd.Wait()
	})
	if readErr != nil {
		stdin.Close()
		cmd.Wait()
		t.Fatalf("the OpenID Provider did not start: %s", stderr)
	}
	p.Issuer = "http://127.0.0.1:" + strings.TrimSpace(port)
	return p
}

// Introspect asks the provider about a token (RFC 7662); "active" says whether it is one of its own and still good.
func (p *OIDC) Introspect(token string) map[string]any {
	p.t.Helper()
	body := strings.NewReader(url.Values{"token": {token}}.Encode())
	request, err := http.NewRequest(http.MethodPost, p.Issuer+"/token/introspection", body)
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	// RFC 6749 §2.3.1: both are form-encoded before they are joined.
	request.SetBasicAuth(url.QueryEscape(p.ClientID), url.QueryEscape(p.ClientSecret))
	return p.fetch(request)
}

// UserInfo asks the provider whose access token this is; "sub" is the name typed on its sign-in page.
func (p *OIDC) UserInfo(accessToken string) map[string]any {
	p.t.Helper()
	request, err := http.NewRequest(http.MethodGet, p.Issuer+"/me", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+accessToken)
	return p.fetch(request)
}

func (p *OIDC) fetch(request *http.Request) map[string]any {
	p.t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatalf("ask the OpenID Provider: %v", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		answer, _ := io.ReadAll(response.Body)
		p.t.Fatalf("the OpenID Provider answered %s to %s: %s", response.Status, request.URL.Path, answer)
	}
	var answer map[string]any
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		p.t.Fatalf("the OpenID Provider's answer: %v", err)
	}
	return answer
}
