package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/patchbay/patchbay/models"
)

// faultyVariables finds the variables that the flags of doctor cannot be set from, and has kong pass over them: it would end the
// program at the first.
func faultyVariables(root *kong.Node) (faults []error) {
	i := slices.IndexFunc(root.Children, func(command *kong.Node) bool { return command.Name == "doctor" })
	for _, flag := range root.Children[i].Flags {
		for _, name := range flag.Envs {
			text, set := os.LookupEnv(name)
			if !set {
				continue
			}
			err := flag.Parse(kong.ScanFromTokens(kong.Token{Type: kong.FlagValueToken, Value: text}), reflect.New(flag.Target.Type()).Elem())
			if err == nil && flag.Enum != "" && !flag.EnumMap()[text] {
				err = fmt.Errorf("expected one of %s, found %q", strings.Join(flag.EnumSlice(), ", "), text)
			}
			if err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", name, err))
				flag.Tag.Envs = nil
			}
		}
	}
	return faults
}

// each fails for every value that check refuses, and reports whether it refused none.
func (d *diagnosis) each(name string, values []string, todo string, check func(value []string) error) (right bool) {
	right = true
	for _, value := range values {
		if err := check([]string{value}); err != nil {
			d.fail(name, err, todo)
			right = false
		}
	}
	return right
}

// checkAddress checks where the server listens. What has the port already may be the server itself.
func (c *doctorCommand) checkAddress(ctx context.Context, d *diagnosis) *net.TCPAddr {
	address, err := net.ResolveTCPAddr("tcp", c.Addr)
	if err != nil {
		d.fail("address", err, "set PATCHBAY_ADDR to an address and a port, such as 127.0.0.1:3003")
		return nil
	}
	listener, err := net.Listen("tcp", c.Addr)
	if err == nil {
		listener.Close()
		d.ok("address", "%s, which is free", c.Addr)
		return address
	}
	if !c.patchbayAnswers(ctx) {
		d.fail("address", err, "end what has it, or set PATCHBAY_ADDR to another one")
	} else if status, answer, err := ask(ctx, c.Addr, "/readyz"); err != nil || status != http.StatusOK {
		d.warn("address", fmt.Sprintf("a Patchbay answers at %s, and is not ready: %s", c.Addr, strings.TrimSpace(string(answer))), "")
	} else {
		d.ok("address", "%s, where a Patchbay answers, and is ready", c.Addr)
	}
	return address
}

// patchbayAnswers reports whether the one who listens is a Patchbay: its API says so.
func (c *doctorCommand) patchbayAnswers(ctx context.Context) bool {
	_, answer, err := ask(ctx, c.Addr, "/api/v1/openapi.json")
	var document struct{ Info struct{ Title string } }
	return err == nil && json.Unmarshal(answer, &document) == nil && document.Info.Title == "Patchbay"
}

// checkRoot checks how the server is reached, and gives the root; nil where that is not right.
func (c *doctorCommand) checkRoot(d *diagnosis, address *net.TCPAddr) *url.URL {
	if address == nil && c.URL == "" {
		return nil // which follows from the address
	}
	if address == nil {
		address = &net.TCPAddr{}
	}
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
	case local && address.IP != nil && !address.IP.IsLoopback():
		d.warn("public root", fmt.Sprintf("%s is on this machine, but the server listens for others", root), "set PATCHBAY_URL to the address that users open")
	default:
		d.ok("public root", "%s", root)
	}
	return root
}
