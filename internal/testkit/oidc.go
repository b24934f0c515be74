package testkit

import (
	"bufio"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

//go:embed oidcprovider/package.json oidcprovider/package-lock.json oidcprovider/server.js
var oidcFiles embed.FS

// installTimeout bounds the one download of the provider's packages.
const installTimeout = 2 * time.Minute

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
	dir := installOIDC(t)
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

// installOIDC gives a folder with the provider's script and its packages. It lives in the user's cache under the hash
// of the files it was made from, so that only the first run on a machine needs the package registry.
func installOIDC(t testing.TB) string {
	t.Helper()
	files, err := fs.Sub(oidcFiles, "oidcprovider")
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	cache = filepath.Join(cache, "patchbay-test")
	dir := filepath.Join(cache, hashFiles(t, files))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	npm := Need(t, "npm")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	fresh, err := os.MkdirTemp(cache, "install-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(fresh)
	if err := os.CopyFS(fresh, files); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), installTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = fresh
	if out, err := cmd.CombinedOutput(); err != nil {
		Unavailable(t, fmt.Sprintf("npm ci for the OpenID Provider: %v: %s", err, out))
	}
	// Another test may have been first; its copy is as good.
	if err := os.Rename(fresh, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	return dir
}

// hashFiles names a set of files by their content.
func hashFiles(t testing.TB, files fs.FS) string {
	t.Helper()
	hash := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, path)
		fmt.Fprintf(hash, "%s\x00%d\x00%s", path, len(content), content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(hash.Sum(nil)[:8])
}
