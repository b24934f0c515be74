package e2e

import (
	"encoding/json"
	"html/template"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/patchbay/patchbay/client"
	"github.com/patchbay/patchbay/internal/testkit"
)

const applicationKey = "pb_of_this_test_1234567890"

// application is one that embeds Patchbay: a backend with an API key, and a page of another origin than Patchbay's.
type application struct {
	*client.Client        // the backend's
	URL            string // of the page, http://127.0.0.1:port
	t              *testing.T
	patchbay       *server
	sandbox        counterparty
	guarded        counterparty // cuts itself off from whoever opened its window
}

// startApplication runs an application with a server of its own.
func startApplication(t *testing.T) *application {
	t.Helper()
	s := newServer(t)
	s.env = append(s.env, "PATCHBAY_API_KEY="+applicationKey)
	guarded := addGuarded(s)
	s.start()
	backend, err := client.New(s.URL, applicationKey)
	if err != nil {
		t.Fatal(err)
	}
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		query.Set("host", s.URL)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := applicationPage.Execute(w, query); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(page.Close)
	return &application{backend, page.URL, t, s, sandboxOf(s), guarded}
}

// browser opens a window for the application. Faults of Patchbay's pages count, too.
func (a *application) browser() *testkit.Browser {
	a.t.Helper()
	return testkit.OpenBrowser(a.t, a.URL, a.patchbay.URL)
}

// session makes a connect session.
func (a *application) session(request client.ConnectSessionRequest) *client.ConnectLink {
	a.t.Helper()
	link, err := a.CreateConnectSession(a.t.Context(), request)
	if err != nil {
		a.t.Fatal(err)
	}
	return link
}

// ask is a connect session for user 42 that comes back to the page.
func (a *application) ask() client.ConnectSessionRequest {
	return client.ConnectSessionRequest{UserID: "42", UserLabel: "Ada", ReturnURL: a.URL + "/"}
}

// page gives the address of the page for a connect session. It connects the sandbox for user 42, unless more, which are
// names and values, says otherwise: of integration, userId, url, popupBlocked, and now, to connect without a click.
func (a *application) page(link *client.ConnectLink, more ...string) string {
	query := url.Values{"token": {link.Token}, "url": {link.URL}, "integration": {"sandbox"}, "userId": {"42"}}
	for i := 0; i < len(more); i += 2 {
		query.Set(more[i], more[i+1])
	}
	return a.URL + "/?" + query.Encode()
}

// elsewhere gives an address of the page by a name of this machine that is not registered.
func (a *application) elsewhere(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		a.t.Fatal(err)
	}
	u.Host = net.JoinHostPort("attacker.test", u.Port())
	return u.String()
}

// outcome is what the promise of connect, an event of the element, or the way back from a redirect gave the page.
type outcome struct {
	IntegrationName, UserID, Claim string
	Error                          struct{ Type, Message string }
}

// outcome waits for what the page was given.
func (a *application) outcome(b *testkit.Browser) (o outcome) {
	a.t.Helper()
	if err := json.Unmarshal([]byte(b.Output()), &o); err != nil {
		a.t.Fatal(err)
	}
	return o
}

// expectConnected waits until the page knows that an integration is connected for user 42, and looks whether it is.
func (a *application) expectConnected(b *testkit.Browser, c counterparty) {
	a.t.Helper()
	if got, want := a.outcome(b), (outcome{IntegrationName: c.integration, UserID: "42"}); got != want {
		a.t.Errorf("the page was given %+v, want %+v", got, want)
	}
	a.expectConnection(c)
}

// expectConnection looks whether user 42 has a connection whose token the provider honours.
func (a *application) expectConnection(c counterparty) {
	a.t.Helper()
	credentials, err := a.GetCredentials(a.t.Context(), c.integration, "42")
	if err != nil {
		a.t.Fatal(err)
	}
	if !c.active(credentials.AccessToken) {
		a.t.Errorf("%s does not know the access token", c.integration)
	}
}

// expectError waits until the page knows why nothing was connected.
func (a *application) expectError(b *testkit.Browser, errorType string) {
	a.t.Helper()
	if got := a.outcome(b); got.Error.Type != errorType || got.Error.Message == "" {
		a.t.Errorf("the page was given %+v, want %s", got, errorType)
	}
}

// expectNothing looks that no connection was made.
func (a *application) expectNothing() {
	a.t.Helper()
	if count, err := a.CountConnections(a.t.Context(), client.Filter{}); err != nil || count > 0 {
		a.t.Errorf("there are %d connections, %v", count, err)
	}
}

// applicationPage is told by its address what to connect. It writes what it is given into its <output>, and a line for each
// message that reaches it and each look at the server that fails.
var applicationPage = template.Must(template.New("").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Application</title><link rel="icon" href="data:,">
<h1>Application</h1>
<button>Connect</button>
<patchbay-connect host="{{.Get "host"}}" session-token="{{.Get "token"}}" integration="{{.Get "integration"}}" user-id="{{.Get "userId"}}">
	<a href="{{.Get "url"}}">Connect by the element</a>
</patchbay-connect>
<a href="{{.Get "url"}}">Connect by a link</a>
<a href="{{.Get "url"}}" target="_blank" rel="opener">Open a window</a>
<pre></pre>
<output></output>
<script>
	const note = (line) => document.querySelector('pre').append(line + '\n');
	addEventListener('message', ({ data }) => note(JSON.stringify(data)));
	window.fetch = ((fetch) => (...request) => fetch(...request).catch((reason) => { note('not reached'); throw reason; }))(fetch);
</script>
<script src="{{.Get "host"}}/static/connect.js"></script>
<script>
	const { token, integration, userId, popupBlocked, now } = Object.fromEntries(new URLSearchParams(location.search));
	const tell = (outcome) => { document.querySelector('output').textContent = JSON.stringify(outcome); };
	const tellError = ({ integrationName, userId, error }) => tell({ integrationName, userId, error });
	const connect = () => new Patchbay({{.Get "host"}}, { sessionToken: token }).connect(integration, userId, { popupBlocked }).then(tell, tellError);
	document.querySelector('button').addEventListener('click', connect);
	addEventListener('patchbay-connected', ({ detail }) => tell(detail));
	addEventListener('patchbay-error', ({ detail }) => tell(detail));
	try {
		const outcome = Patchbay.redirectResult();
		if (outcome) tell(outcome);
	} catch (error) {
		tellError(error);
	}
	if (now) connect();
</script>`))
