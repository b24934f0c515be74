package models

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// Origins are the web origins (RFC 6454) of the operator's application: only pages there are told results of connect flows,
// and only addresses there may be returned to.
type Origins struct {
	registered []string
	loopback   bool // every loopback origin, too: the server itself is reached there only
}

// NewOrigins checks origins such as https://app.example.com. With loopback, every origin of this machine counts as
// registered, so that development needs no setting.
func NewOrigins(registered []string, loopback bool) (Origins, error) {
	o := Origins{loopback: loopback}
	for _, text := range registered {
		text = strings.TrimSuffix(strings.TrimSpace(text), "/")
		origin, ok := originOf(text)
		if u, err := url.Parse(text); !ok || err != nil || u.Path+u.RawQuery+u.Fragment != "" || strings.Contains(text, "*") {
			return Origins{}, fmt.Errorf("expected an origin, such as https://app.example.com, found %q", text)
		}
		o.registered = append(o.registered, origin)
	}
	return o, nil
}

// Allows reports whether origin, as browsers write it, is registered.
func (o Origins) Allows(origin string) bool {
	own, ok := originOf(origin)
	return ok && own == origin && o.allows(own)
}

func (o Origins) allows(origin string) bool {
	if slices.Contains(o.registered, origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && o.loopback && IsLoopback(u.Host)
}

// AllowsReturn reports whether address is an absolute one on a registered origin. What browsers would read otherwise than
// we do is refused: backslashes, white space and control characters, user names.
func (o Origins) AllowsReturn(address string) bool {
	origin, ok := originOf(address)
	return ok && len(address) <= MaxReturnURLBytes && o.allows(origin)
}

// MaxReturnURLBytes bounds a return address.
const MaxReturnURLBytes = 2048

// originOf gives the origin of an address, as browsers write it.
func originOf(address string) (origin string, ok bool) {
	strange := func(r rune) bool { return r == '\\' || unicode.IsSpace(r) || !unicode.IsPrint(r) }
	if strings.ContainsFunc(address, strange) {
		return "", false
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.Opaque != "" {
		return "", false
	}
	host := strings.ToLower(u.Host)
	if port := u.Port(); port == defaultPorts[u.Scheme] { // which browsers leave out
		host = strings.TrimSuffix(host, ":"+port)
	}
	return u.Scheme + "://" + host, true
}

var defaultPorts = map[string]string{"http": "80", "https": "443"}

// IsLoopback reports whether a host, with or without a port, is a name of this machine only.
func IsLoopback(hostport string) bool {
	host := (&url.URL{Host: hostport}).Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
