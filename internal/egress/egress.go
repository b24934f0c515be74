// Package egress dials out for everything that calls an address somebody else wrote down: providers' endpoints and
// webhooks. It owns which addresses may be reached, and never what is sent there.
package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

// DialFunc opens a connection, as [net.Dialer.DialContext] does.
type DialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// ErrPrivate says that an address is not public and not allowed either.
var ErrPrivate = errors.New("add it to PATCHBAY_ALLOW_PRIVATE if it is meant to be reached")

// Guard knows which addresses may be reached. It is safe for concurrent use.
type Guard struct {
	hosts    map[string]bool // each a host:port
	guardian *ssrf.Guardian
}

// New gives a guard that refuses special-purpose addresses (loopback, private, link-local …) unless allowed. Each of allowed is a
// host:port or a CIDR.
func New(allowed []string) (*Guard, error) {
	hosts := map[string]bool{}
	var v4, v6 []netip.Prefix
	for _, entry := range allowed {
		entry = strings.TrimSpace(entry)
		if prefix, err := netip.ParsePrefix(entry); err == nil {
			if prefix.Addr().Is4() {
				v4 = append(v4, prefix)
			} else {
				v6 = append(v6, prefix)
			}
			continue
		}
		host, port, err := net.SplitHostPort(entry)
		if number, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || number == 0 || host == "" {
			return nil, fmt.Errorf("allowed private address %q: expected host:port, such as 127.0.0.1:8080, or a CIDR, such as 10.0.0.0/8", entry)
		}
		hosts[strings.ToLower(entry)] = true
	}
	return &Guard{hosts, ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))}, nil
}

// Dial gives a dial function that fails with [ErrPrivate] for what may not be reached. What is checked is the address dialled, so
// names, redirects and DNS answers do not matter.
func (g *Guard) Dial(timeout time.Duration) DialFunc {
	guarded := &net.Dialer{Timeout: timeout, Control: func(network, address string, conn syscall.RawConn) error {
		if err := g.guardian.Safe(network, address, conn); err != nil {
			return fmt.Errorf("%s is a private address; %w: %w", address, ErrPrivate, err)
		}
		return nil
	}}
	open := &net.Dialer{Timeout: timeout}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if g.hosts[strings.ToLower(address)] {
			return open.DialContext(ctx, network, address)
		}
		return guarded.DialContext(ctx, network, address)
	}
}

// Check tells early what Dial would refuse in any case: it fails with [ErrPrivate] for a URL of http or https that names a private
// IP address, or this machine by its name. Where any other name leads may change, so it passes.
func (g *Guard) Check(u *url.URL) error {
	host := strings.ToLower(u.Hostname())
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	address := net.JoinHostPort(host, port)
	if g.hosts[address] {
		return nil
	}
	ips := named(host)
	reachable := func(ip netip.Addr) bool { return g.guardian.SafeAddr(ip) == nil }
	if len(ips) == 0 || slices.ContainsFunc(ips, reachable) {
		return nil
	}
	return fmt.Errorf("%s is a private address; %w", address, ErrPrivate)
}

// named gives the IP addresses that a host is for certain; none where it takes a look at the DNS.
func named(host string) []netip.Addr {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip.Unmap().WithZone("")}
	}
	host = strings.TrimSuffix(host, ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") { // RFC 6761 §6.3
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	}
	return nil
}
