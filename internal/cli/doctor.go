package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/patchbay/patchbay/internal/oauth"
	"github.com/patchbay/patchbay/models"
)

type doctorCommand struct {
	serveCommand
	JSON bool `name:"json" help:"Print JSON."`

	faults []error // of variables that could not be read
}

// finding is what one check came to.
type finding struct {
	Check   string `json:"check"`
	Status  string `json:"status"` // ok, warn or fail
	Message string `json:"message"`
	Todo    string `json:"todo,omitempty"` // what the operator can do
}

// The statuses of a finding.
const (
	statusOK   = "ok"
	statusWarn = "warn"
	statusFail = "fail"
)

// diagnosis collects findings.
type diagnosis struct{ findings []finding }

func (d *diagnosis) ok(check, format string, args ...any) {
	d.findings = append(d.findings, finding{check, statusOK, fmt.Sprintf(format, args...), ""})
}

func (d *diagnosis) warn(check, message, todo string) {
	d.findings = append(d.findings, finding{check, statusWarn, message, todo})
}

func (d *diagnosis) fail(check string, err error, todo string) {
	d.findings = append(d.findings, finding{check, statusFail, err.Error(), todo})
}

// Run checks what the server would start with, without starting it and without changing anything.
func (c *doctorCommand) Run(ctx context.Context, streams Streams) error {
	d := &diagnosis{}
	for _, fault := range c.faults {
		d.fail("setting", fault, "mend it or leave it out; what follows is checked with the default")
	}
	root := c.checkRoot(d, c.checkAddress(ctx, d))
	ring := c.checkKey(ctx, d)
	stored := c.checkDatabase(ctx, d, ring)
	c.checkIntegrations(d, root, stored)
	c.checkExposure(d, root)
	if err := d.print(streams.Out, c.JSON); err != nil {
		return err
	}
	failed := 0
	for _, f := range d.findings {
		if f.Status == statusFail {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("checks that failed: %d", failed)
	}
	return nil
}

func (d *diagnosis) print(w io.Writer, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(d.findings)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range d.findings {
		line := f.Status + "\t" + f.Check + "\t" + strings.ReplaceAll(f.Message, "\n", "; ")
		if f.Todo != "" {
			line += " → " + f.Todo
		}
		fmt.Fprintln(table, line)
	}
	return table.Flush()
}

// checkExposure checks what is open to whom. Where the root is not known, what depends on it is left out.
func (c *doctorCommand) checkExposure(d *diagnosis, root *url.URL) {
	local := root == nil || models.IsLoopback(root.Host)
	if d.each("origins", c.Origins, "set PATCHBAY_ORIGINS to the origins of your application, such as https://app.example.com", func(value []string) error {
		_, err := models.NewOrigins(value, local)
		return err
	}) {
		if len(c.Origins) == 0 && !local {
			d.warn("origins", "none: connect flows cannot return to your application, and its pages are not told of results", "set PATCHBAY_ORIGINS, such as https://app.example.com")
		} else {
			d.ok("origins", "%d named", len(c.Origins))
		}
	}
	switch {
	case c.Sandbox == "on" && !local:
		d.fail("sandbox", errors.New("it is on, under a public root: anyone can grant himself tokens there"), "set PATCHBAY_SANDBOX=off")
	case c.Sandbox == "on":
		d.warn("sandbox", "it is on, whatever the server listens on", "set PATCHBAY_SANDBOX=auto")
	default:
		d.ok("sandbox", "%s", c.Sandbox)
	}
	if d.each("proxies", c.TrustedProxies, "set PATCHBAY_TRUSTED_PROXIES to CIDRs, such as 10.0.0.0/8", func(value []string) error {
		_, err := parsePrefixes("--trusted-proxies", value)
		return err
	}) {
		if root != nil && root.Scheme == "https" && len(c.TrustedProxies) == 0 {
			d.warn("proxies", "https is spoken by a proxy, but none is trusted: every request seems to come from it, and all users share its rate limits", "set PATCHBAY_TRUSTED_PROXIES to the proxy's address, such as 127.0.0.1/32")
		} else {
			d.ok("proxies", "%d trusted", len(c.TrustedProxies))
		}
	}
	if d.each("private", c.AllowPrivate, "set PATCHBAY_ALLOW_PRIVATE to host:port or CIDRs", func(value []string) error {
		_, err := oauth.New(value, oauth.CallTimeout, utcNow)
		return err
	}) && len(c.AllowPrivate) > 0 {
		d.warn("private", fmt.Sprintf("provider URLs may reach private addresses: %d named", len(c.AllowPrivate)), "name only what is a provider of yours")
	}
	c.checkSecrets(d)
}

// checkSecrets checks the first admin and the API key that the settings name.
func (c *doctorCommand) checkSecrets(d *diagnosis) {
	if c.AdminEmail != "" || c.AdminPassword != "" {
		if err := models.AsError(models.ValidateAdmin(models.NormalizeEmail(c.AdminEmail), c.AdminPassword)); err != nil {
			d.fail("first admin", errors.New(err.Sentences()), "set PATCHBAY_ADMIN_EMAIL and PATCHBAY_ADMIN_PASSWORD, or leave both out where there is an admin")
		}
	}
	if c.APIKey != "" && len(c.APIKey) < shortAPIKey {
		d.warn("API key", fmt.Sprintf("PATCHBAY_API_KEY has fewer than %d characters and could be guessed", shortAPIKey), "set a longer random one, such as `openssl rand -hex 32` prints")
	}
}
