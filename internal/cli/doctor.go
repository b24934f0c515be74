package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/patchbay/patchbay/internal/oauth"
	"github.com/patchbay/patchbay/models"
)

type doctorCommand struct {
	serveCommand
	JSON bool `name:"json" help:"Print JSON."`
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
	root := c.checkAddresses(d)
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

// checkAddresses checks where the server listens and how it is reached, and gives the root; nil where that is not right.
func (c *doctorCommand) checkAddresses(d *diagnosis) *url.URL {
	address, err := net.ResolveTCPAddr("tcp", c.Addr)
	if err != nil {
		d.fail("address", err, "set PATCHBAY_ADDR to an address and a port, such as 127.0.0.1:3003")
		return nil
	}
	d.ok("address", "listens on %s", c.Addr)
	root, err := rootURL(c.URL, address)
	if err != nil {
		d.fail("public root", err, "set PATCHBAY_URL")
		return nil
	}
	local := models.IsLoopback(root.Host)
	switch {
	case root.Scheme != "https" && !local:
		d.fail("public root", fmt.Errorf("%s is not https: providers refuse its callbacks, and cookies and codes can be read on the way", root), "put a proxy with TLS in front and set PATCHBAY_URL to its https address")
	case local && root.Port() != fmt.Sprint(address.Port) && address.Port != 0:
		d.warn("public root", fmt.Sprintf("%s has another port than the %d that is listened on", root, address.Port), "make the ports of PATCHBAY_URL and PATCHBAY_ADDR the same, unless a proxy is between them")
	case local && !address.IP.IsLoopback():
		d.warn("public root", fmt.Sprintf("%s is on this machine, but the server listens for others", root), "set PATCHBAY_URL to the address that users open")
	default:
		d.ok("public root", "%s", root)
	}
	return root
}

// checkExposure checks what is open to whom.
func (c *doctorCommand) checkExposure(d *diagnosis, root *url.URL) {
	if root == nil {
		return
	}
	local := models.IsLoopback(root.Host)
	_, err := models.NewOrigins(c.Origins, local)
	switch {
	case err != nil:
		d.fail("origins", err, "set PATCHBAY_ORIGINS to the origins of your application, such as https://app.example.com")
	case len(c.Origins) == 0 && !local:
		d.warn("origins", "none: connect flows cannot return to your application, and its pages are not told of results", "set PATCHBAY_ORIGINS, such as https://app.example.com")
	default:
		d.ok("origins", "%d named", len(c.Origins))
	}
	switch {
	case c.Sandbox == "on" && !local:
		d.fail("sandbox", errors.New("it is on, under a public root: anyone can grant himself tokens there"), "set PATCHBAY_SANDBOX=off")
	case c.Sandbox == "on":
		d.warn("sandbox", "it is on, whatever the server listens on", "set PATCHBAY_SANDBOX=auto")
	default:
		d.ok("sandbox", "%s", c.Sandbox)
	}
	if _, err := parsePrefixes("--trusted-proxies", c.TrustedProxies); err != nil {
		d.fail("proxies", err, "set PATCHBAY_TRUSTED_PROXIES to CIDRs, such as 10.0.0.0/8")
	} else if root.Scheme == "https" && len(c.TrustedProxies) == 0 {
		d.warn("proxies", "https is spoken by a proxy, but none is trusted: every request seems to come from it, and all users share its rate limits", "set PATCHBAY_TRUSTED_PROXIES to the proxy's address, such as 127.0.0.1/32")
	} else {
		d.ok("proxies", "%d trusted", len(c.TrustedProxies))
	}
	if _, err := oauth.New(c.AllowPrivate, oauth.CallTimeout, utcNow); err != nil {
		d.fail("private", err, "set PATCHBAY_ALLOW_PRIVATE to host:port or CIDRs")
	} else if len(c.AllowPrivate) > 0 {
		d.warn("private", fmt.Sprintf("provider URLs may reach private addresses: %d named", len(c.AllowPrivate)), "name only what is a provider of yours")
	}
	if c.APIKey != "" && len(c.APIKey) < shortAPIKey {
		d.warn("API key", fmt.Sprintf("PATCHBAY_API_KEY has fewer than %d characters and could be guessed", shortAPIKey), "set a longer random one, such as `openssl rand -hex 32` prints")
	}
}
