package oauth

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/patchbay/patchbay/internal/egress"
	"github.com/patchbay/patchbay/models"
)

// CallTimeout is how long a provider may take to answer a call.
const CallTimeout = 15 * time.Second

// idleConnections is how many connections to one provider are kept for the next call.
const idleConnections = 64

// What bounds an answer.
const (
	maxReplyBytes  = 1 << 20
	maxHeaderBytes = 64 << 10
)

// Client talks to providers. It is safe for concurrent use.
type Client struct {
	http    *http.Client
	timeout time.Duration
	now     func() time.Time
}

// New gives a client that waits for a provider for the timeout, and reaches public addresses and those of allowPrivate only;
// each is a host:port or a CIDR.
func New(allowPrivate []string, timeout time.Duration, now func() time.Time) (*Client, error) {
	guard, err := egress.New(allowPrivate)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		DialContext:         guard.Dial(CallTimeout),
		ForceAttemptHTTP2:   true,
		TLSHandshakeTimeout: timeout,
		MaxIdleConnsPerHost: idleConnections,
		// Shorter than what balancers keep: a connection that they close is not noticed before the next request is lost on it.
		IdleConnTimeout:        15 * time.Second,
		MaxResponseHeaderBytes: maxHeaderBytes,
		// No Proxy: a proxy would dial for us, past the guard.
	}
	return &Client{&http.Client{Transport: transport, CheckRedirect: refuseRedirect}, timeout, now}, nil
}

// refuseRedirect keeps a code, a token or the client's secret from being sent to wherever an endpoint points: 307 and 308
// repeat the body. The redirect itself is then the answer, and not a token.
func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// NewVerifier makes a PKCE code verifier (RFC 7636 §4.1).
func NewVerifier() models.Secret { return models.Secret(oauth2.GenerateVerifier()) }

// protocolParams are set by the flow; an integration's own params never replace them.
var protocolParams = []string{
	"client_id", "client_secret", "code", "code_challenge", "code_challenge_method", "code_verifier", "grant_type",
	"redirect_uri", "refresh_token", "response_type", "scope", "state",
}

// AuthorizationURL gives the address at the provider where the end user grants access (RFC 6749 §4.1.1). Query and
// params of the configuration are kept. It fails with unsupported_auth_mode, unsupported_grant_type and
// invalid_integration_configuration.
func (c *Client) AuthorizationURL(in *models.Integration, redirectURI, state string, verifier models.Secret) (string, error) {
	config, err := c.config(in, redirectURI)
	if err != nil {
		return "", err
	}
	var options []oauth2.AuthCodeOption
	for name, value := range ownParams(in.Auth.AuthorizationParams) {
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	if len(in.OAuth.Scopes) > 0 {
		options = append(options, oauth2.SetAuthURLParam("scope", strings.Join(in.OAuth.Scopes, in.Auth.ScopeSeparator)))
	}
	if !in.Auth.DisablePKCE {
		options = append(options, oauth2.S256ChallengeOption(verifier.Reveal()))
	}
	return config.AuthCodeURL(state, options...), nil
}

func (c *Client) config(in *models.Integration, redirectURI string) (*oauth2.Config, error) {
	fail := func(code, message string) error {
		return &models.Error{Kind: models.KindInvalid, Code: code, Message: message}
	}
	if in.Auth.Mode != models.AuthOAuth2 {
		return nil, fail(models.ConnectUnsupportedAuthMode, fmt.Sprintf("Integration %q has auth mode %s, which has no browser flow.", in.Name, in.Auth.Mode))
	}
	if grant := in.Auth.TokenParams["grant_type"]; grant != "" && grant != models.GrantAuthorizationCode {
		return nil, fail(models.ConnectUnsupportedGrant, fmt.Sprintf("Integration %q asks for grant_type %q; the browser flow uses authorization_code.", in.Name, grant))
	}
	if problem := in.Problem(); problem != "" {
		return nil, fail(models.ConnectInvalidConfiguration, fmt.Sprintf("Integration %q is not ready: %s", in.Name, problem))
	}
	return &oauth2.Config{ClientID: in.OAuth.ID, RedirectURL: redirectURI, Endpoint: oauth2.Endpoint{AuthURL: in.Auth.AuthorizationURL}}, nil
}

// ownParams gives the configured parameters that are not the protocol's.
func ownParams(configured map[string]string) map[string]string {
	own := maps.Clone(configured)
	for _, name := range protocolParams {
		delete(own, name)
	}
	return own
}
