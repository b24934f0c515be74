package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"log"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/patchbay/patchbay/client"
)

//go:embed page.html app.js style.css
var files embed.FS

// integration is what users connect: the provider that is built into Patchbay, whose API this application calls.
const integration = "sandbox"

// app is the application. Who is signed in is a cookie here; a real one has accounts.
type app struct {
	patchbay          *client.Client
	patchbayURL, root string
	page              *template.Template
}

func newApp(patchbay *client.Client, patchbayURL, root string) *app {
	return &app{patchbay, patchbayURL, root, template.Must(template.ParseFS(files, "page.html"))}
}

func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.show)
	mux.HandleFunc("POST /sign-in", a.signIn)
	mux.HandleFunc("GET /connected", a.signedIn(a.connected))
	mux.HandleFunc("POST /channel", a.signedIn(a.chooseChannel))
	mux.HandleFunc("POST /message", a.signedIn(a.sendMessage))
	mux.HandleFunc("POST /disconnect", a.signedIn(a.disconnect))
	mux.Handle("GET /app.js", http.FileServerFS(files))
	mux.Handle("GET /style.css", http.FileServerFS(files))
	return http.NewCrossOriginProtection().Handler(mux)
}

const userCookie = "channels_user"

func (a *app) signIn(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: userCookie, Value: r.FormValue("user"), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// signedIn hands a request on with the user who is signed in.
func (a *app) signedIn(next func(http.ResponseWriter, *http.Request, string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user, err := r.Cookie(userCookie)
		if err != nil || user.Value == "" {
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		if err := next(w, r, user.Value); err != nil {
			log.Print(err)
			http.Redirect(w, r, "/?failed="+template.URLQueryEscaper(err.Error()), http.StatusSeeOther)
			return
		}
		if r.Method == http.MethodPost {
			http.Redirect(w, r, "/", http.StatusSeeOther)
		}
	}
}

// config is what this application keeps with a connection: its additionalConfig.
type config struct {
	ChannelID string `json:"channelId"`
}

// page is what the page shows.
type page struct {
	User        string
	PatchbayURL string
	Integration string
	Failed      string
	Session     *client.ConnectLink // while the user is not connected
	Connections []client.Connection
	Connected   bool
	Channels    []channel
	Config      config
}

func (a *app) show(w http.ResponseWriter, r *http.Request) {
	p := page{PatchbayURL: a.patchbayURL, Integration: integration, Failed: r.FormValue("failed")}
	if user, err := r.Cookie(userCookie); err == nil && user.Value != "" {
		p.User = user.Value
		if err := a.fill(r.Context(), &p); err != nil {
			log.Print(err)
			p.Failed = err.Error()
		}
	}
	var body bytes.Buffer
	if err := a.page.Execute(&body, p); err != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; style-src 'self'; script-src 'self' %[1]s; connect-src %[1]s; form-action 'self'", a.patchbayURL))
	_, _ = body.WriteTo(w) // the browser may be gone
}

// fill asks Patchbay what the user has connected.
func (a *app) fill(ctx context.Context, p *page) error {
	connections, err := a.patchbay.ConnectionsForUser(ctx, p.User)
	if err != nil {
		return err
	}
	p.Connections = connections
	at := slices.IndexFunc(connections, func(c client.Connection) bool { return c.Integration == integration })
	if at < 0 {
		p.Session, err = a.patchbay.CreateConnectSession(ctx, client.ConnectSessionRequest{
			UserID: p.User, Integrations: []string{integration}, ReturnURL: a.root + "/connected", Confirm: true,
		})
		return err
	}
	p.Connected = true
	if err := json.Unmarshal(connections[at].AdditionalConfig, &p.Config); err != nil {
		return err
	}
	p.Channels, err = a.channels(ctx, p.User)
	return err
}

// connected is where the connect flow ends. The claim is redeemed for the user who is signed in here, so nobody can finish
// a flow that another user started.
func (a *app) connected(w http.ResponseWriter, r *http.Request, user string) error {
	if claim := r.FormValue("patchbay_claim"); claim != "" {
		if _, err := a.patchbay.RedeemClaim(r.Context(), claim, user); err != nil {
			return err
		}
	}
	http.Redirect(w, r, "/?"+failure(r), http.StatusSeeOther)
	return nil
}

func failure(r *http.Request) string {
	if r.FormValue("patchbay_status") != "failed" {
		return ""
	}
	return "failed=" + template.URLQueryEscaper(r.FormValue("patchbay_message"))
}

// chooseChannel stores the user's choice with the connection.
func (a *app) chooseChannel(_ http.ResponseWriter, r *http.Request, user string) error {
	text, err := json.Marshal(config{ChannelID: r.FormValue("channel")})
	if err != nil {
		return err
	}
	_, err = a.patchbay.UpdateConnectionConfig(r.Context(), integration, user, text)
	return err
}

func (a *app) disconnect(_ http.ResponseWriter, r *http.Request, user string) error {
	_, err := a.patchbay.DeleteConnection(r.Context(), integration, user)
	return err
}

// channel is what the provider's API calls so.
type channel struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func (a *app) channels(ctx context.Context, user string) ([]channel, error) {
	var answer struct {
		Channels []channel `json:"channels"`
	}
	err := a.call(ctx, user, http.MethodGet, "channels", nil, &answer)
	return answer.Channels, err
}

// sendMessage sends what the user typed to the channel of his choice.
func (a *app) sendMessage(_ http.ResponseWriter, r *http.Request, user string) error {
	connection, err := a.patchbay.GetConnection(r.Context(), integration, user)
	if err != nil {
		return err
	}
	var chosen config
	if err := json.Unmarshal(connection.AdditionalConfig, &chosen); err != nil {
		return err
	}
	message := map[string]string{"channelId": chosen.ChannelID, "text": r.FormValue("text")}
	return a.call(r.Context(), user, http.MethodPost, "messages", message, nil)
}

var provider = &http.Client{Timeout: 10 * time.Second}

// call calls the provider's API for a user, with a token that Patchbay keeps fresh.
func (a *app) call(ctx context.Context, user, method, path string, in, out any) error {
	credentials, err := a.patchbay.GetCredentials(ctx, integration, user)
	if err != nil {
		return err
	}
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, a.patchbayURL+"/sandbox/api/"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+credentials.AccessToken)
	request.Header.Set("Content-Type", "application/json")
	response, err := provider.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		return fmt.Errorf("%s answered %s: %s", path, response.Status, strings.TrimSpace(string(answer)))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}
