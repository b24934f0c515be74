package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/patchbay/patchbay/handlers"
	"github.com/patchbay/patchbay/internal/auth"
	"github.com/patchbay/patchbay/internal/connections"
	"github.com/patchbay/patchbay/internal/idempotency"
	"github.com/patchbay/patchbay/internal/integrations"
	"github.com/patchbay/patchbay/internal/jobs"
	"github.com/patchbay/patchbay/internal/oauth"
	"github.com/patchbay/patchbay/internal/rotation"
	"github.com/patchbay/patchbay/internal/sandbox"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/webhooks"
	"github.com/patchbay/patchbay/models"
)

type serveCommand struct {
	storageSettings
	logSettings
	Addr           string        `env:"PATCHBAY_ADDR" default:"127.0.0.1:3003" help:"Address to listen on."`
	URL            string        `name:"url" env:"PATCHBAY_URL" help:"Public root of the server; callback URLs are built from it. Default: localhost at the port listened on."`
	Dir            string        `env:"PATCHBAY_DIR" default:"./integrations" help:"Folder with integrations.yaml."`
	AppName        string        `env:"PATCHBAY_APP_NAME" default:"Patchbay" help:"Name of your application, as users see it when they connect."`
	AdminEmail     string        `env:"PATCHBAY_ADMIN_EMAIL" help:"Email address of the first admin, instead of the set-up page."`
	AdminPassword  string        `env:"PATCHBAY_ADMIN_PASSWORD" help:"Password of the first admin. Set the variable: command lines can be seen by others."`
	Sandbox        string        `env:"PATCHBAY_SANDBOX" enum:"auto,on,off" default:"auto" help:"Offer the built-in provider: auto (while listening on loopback, with a public root there), on or off."`
	AllowPrivate   []string      `env:"PATCHBAY_ALLOW_PRIVATE" placeholder:"HOST:PORT|CIDR" help:"Private addresses that provider URLs and webhooks may reach."`
	Origins        []string      `env:"PATCHBAY_ORIGINS" placeholder:"ORIGIN" help:"Web origins of your application, such as https://app.example.com: connect flows return there, and pages there are told the result. While the public root is on loopback, every loopback origin is allowed."`
	APIKey         string        `name:"api-key" env:"PATCHBAY_API_KEY" help:"An API key with every scope, present from the start. Set the variable: command lines can be seen by others."`
	TrustedProxies []string      `env:"PATCHBAY_TRUSTED_PROXIES" placeholder:"CIDR" help:"Reverse proxies whose X-Forwarded-For is believed."`
	RefreshLease   time.Duration `env:"PATCHBAY_REFRESH_LEASE" hidden:"" help:"How long a process that refreshes a token keeps others off; for tests."`
	Dev            bool          `env:"PATCHBAY_DEV" help:"Serve the gallery of components at /dev/gallery."`
}

// shortAPIKey is how many characters an API key of the settings should have at least.
const shortAPIKey = 32

// sandboxName is the name of the built-in provider's integration.
const sandboxName = sandbox.Name

// Limits of a connection to the server; the write limit covers a slow provider's token endpoint.
const (
	headerTimeout    = 10 * time.Second
	readTimeout      = 30 * time.Second
	writeTimeout     = 60 * time.Second
	idleTimeout      = 2 * time.Minute
	jobsDrainTimeout = 5 * time.Second  // what is not done by then is done after the next start
	shutdownTimeout  = 20 * time.Second // longer than a provider may take: its tokens have to be stored
)

// Run serves until ctx ends.
func (s *serveCommand) Run(ctx context.Context, streams Streams) error {
	log := s.logger(streams)
	slog.SetDefault(log)
	db, ring, err := s.openWithRing(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if err := db.Close(); err != nil {
			log.Error("close database", "error", err)
		}
	}()
	listener, err := net.Listen("tcp", s.Addr)
	if err != nil {
		return settingsError{fmt.Errorf("--addr: %w", err)}
	}
	defer listener.Close() // again after Serve, harmlessly
	address := listener.Addr().(*net.TCPAddr)
	root, err := rootURL(s.URL, address)
	if err != nil {
		return err
	}
	admins, setupToken := auth.New(db, utcNow)
	keys, meter := auth.NewAPIKeys(db, utcNow), auth.NewMeter(db, utcNow)
	if n := len(s.APIKey); n > 0 && n < shortAPIKey {
		log.Warn("PATCHBAY_API_KEY is short enough to be guessed", "characters", n, "wanted", shortAPIKey)
	}
	if err := keys.SetEnvironmentKey(ctx, models.Secret(s.APIKey)); err != nil {
		return err
	}
	config := handlers.Config{
		Auth: admins, APIKeys: keys, Meter: meter, Sessions: auth.NewSessions(db, utcNow, root.Scheme == "https"), Idempotency: idempotency.New(db, utcNow),
		Ready: db.Ready, Now: utcNow, Log: log,
		RootURL: root, AppName: s.AppName, IntegrationsFile: filepath.Join(s.Dir, integrations.FileName), Development: s.Dev,
	}
	background, err := jobs.New(db, log)
	if err != nil {
		return err
	}
	if err := s.wire(ctx, &config, db, background, address); err != nil {
		return err
	}
	keeper, err := rotation.Join(ctx, db, ring, newReplica(), utcNow, log)
	if err != nil {
		return settingsError{err}
	}
	report := systemReport{started: utcNow(), db: db, keys: keeper, config: &config}
	report.work = append(report.work, dueRefreshes(db), resealing(keeper))
	config.System = report.status
	needsSetup, err := s.firstAdmin(ctx, admins)
	if err != nil {
		return err
	}
	if err := announce(streams, root, needsSetup, setupToken); err != nil {
		return err
	}
	background.Every(auth.FlushInterval, "count API calls", meter.Flush)
	background.Every(reloadInterval, "reload integrations", config.Connections.Reload)
	background.Every(sweepInterval, "sweep", until(ctx, config.Connections.Sweep))
	background.Every(refreshInterval, "refresh ahead", until(ctx, config.Connections.RefreshDue))
	background.Every(useInterval, "note uses", config.Connections.NoteUses)
	background.Every(rotation.Interval, "look after the encryption keys", keeper.Tick)
	if err := background.Start(ctx); err != nil {
		return err
	}
	err = serve(ctx, listener, handlers.New(config), log)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), jobsDrainTimeout)
	defer cancel()
	err = errors.Join(err, background.Stop(drain))
	config.Connections.Close()
	return errors.Join(err, meter.Flush(context.WithoutCancel(ctx)), keeper.Leave(context.WithoutCancel(ctx)))
}

// until gives work that asks providers and begins nothing more once ctx has ended: what they give out while the program shuts down
// may not be stored in time.
func until(ctx context.Context, work func(context.Context) error) func(context.Context) error {
	return func(context.Context) error {
		if ctx.Err() != nil {
			return nil
		}
		return work(ctx)
	}
}

// How often background work runs.
const (
	reloadInterval = time.Second // an edit is in force within it, also in another process
	sweepInterval  = 30 * time.Second

	refreshInterval = time.Second
	useInterval     = 10 * time.Second
)

// wire adds to config what depends on the integrations.
func (s *serveCommand) wire(ctx context.Context, config *handlers.Config, db *store.Store, background *jobs.Jobs, address *net.TCPAddr) error {
	list, err := integrations.Load(s.Dir, os.LookupEnv)
	if err != nil {
		return settingsError{err}
	}
	root, allowPrivate := config.RootURL, s.AllowPrivate
	local := models.IsLoopback(root.Host)
	// Behind a proxy, a server that listens on loopback is public all the same: its root tells.
	if s.Sandbox == "on" || s.Sandbox == "auto" && address.IP.IsLoopback() && local {
		self := selfAddress(address)
		provider := sandbox.New(sandbox.Options{BrowserURL: root.String(), ServerURL: "http://" + self, Now: utcNow})
		config.Sandbox, config.Vices = provider.Handler(), provider
		for _, in := range list {
			if in.Name == sandboxName {
				return settingsError{fmt.Errorf("%s:%d: the name %s is the built-in provider's: choose another, or set PATCHBAY_SANDBOX=off", config.IntegrationsFile, in.Source.Line, sandboxName)}
			}
		}
		list = append(list, provider.Integration(sandboxName))
		allowPrivate = append(allowPrivate, self)
	}
	if config.Providers, err = integrations.Providers(); err != nil {
		return err
	}
	client, err := oauth.New(allowPrivate, oauth.CallTimeout, utcNow)
	if err != nil {
		return settingsError{fmt.Errorf("--allow-private: %w", err)}
	}
	config.Webhooks, err = webhooks.New(webhooks.Config{
		Store: db, Jobs: background, AllowPrivate: allowPrivate, Timeout: webhooks.Timeout, Now: utcNow, Log: config.Log,
	})
	if err != nil {
		return settingsError{fmt.Errorf("--allow-private: %w", err)}
	}
	origins, err := models.NewOrigins(s.Origins, local)
	if err != nil {
		return settingsError{fmt.Errorf("--origins: %w", err)}
	}
	if config.TrustedProxies, err = parsePrefixes("--trusted-proxies", s.TrustedProxies); err != nil {
		return err
	}
	config.Connections, err = connections.New(ctx, connections.Config{
		Store: db, Integrations: list, OAuth: client, Jobs: background, RootURL: root.String(), Origins: origins, Lease: s.RefreshLease, Now: utcNow, Log: config.Log,
	})
	if err != nil {
		return settingsError{err}
	}
	config.Log.Info("integrations", "file", config.IntegrationsFile, "count", len(config.Connections.Integrations()))
	return nil
}

// selfAddress is where the server reaches itself: it may listen on all addresses.
func selfAddress(address *net.TCPAddr) string {
	if address.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", address.Port)
	}
	return address.String()
}

// firstAdmin creates the admin named by the settings where there is none, and reports whether one is still to be set up.
func (s *serveCommand) firstAdmin(ctx context.Context, admins *auth.Service) (needed bool, err error) {
	needed, err = admins.NeedsSetup(ctx)
	if err != nil || !needed || s.AdminEmail == "" && s.AdminPassword == "" {
		return needed, err
	}
	_, err = admins.CreateFirstAdmin(ctx, models.Actor{Name: models.SystemActor}, s.AdminEmail, s.AdminPassword)
	if e := models.AsError(err); e != nil && len(e.Fields) > 0 {
		return true, settingsError{fmt.Errorf("PATCHBAY_ADMIN_EMAIL, PATCHBAY_ADMIN_PASSWORD: %s", e.Sentences())}
	}
	return false, err
}

// announce prints where the dashboard is, for people and scripts; it is output, not log.
func announce(streams Streams, root *url.URL, needsSetup bool, setupToken string) error {
	text := fmt.Sprintf("Patchbay is running at %s\n", root)
	if needsSetup {
		text += fmt.Sprintf("Create the first admin at %s/setup?token=%s\n", root, setupToken)
	}
	_, err := fmt.Fprint(streams.Out, text)
	return err
}

func serve(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler: handler, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
	}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	select {
	case err := <-stopped:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.Info("shutting down")
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		return fmt.Errorf("shut down: %w", err)
	}
	return nil
}
