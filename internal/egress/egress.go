// Package egress dials out for everything that calls an address somebody else wrote down: providers' endpoints and
// webhooks. It owns which addresses may be reached, and never what is sent there.
package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
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

// Dial gives a dial function that refuses special-purpose addresses (loopback, private, link-local …) unless allowed, with
// [ErrPrivate]. What is checked is the address dialled, so names, redirects and DNS answers do not matter. Each of allowed is
// a host:port or a CIDR.
func Dial(allowed []string, timeout time.Duration) (DialFunc, error) {
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
	guardian := ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))
	guarded := &net.Dialer{Timeout: timeout, Control: func(network, address string, conn syscall.RawConn) error {
		if err := guardian.Safe(network, address, conn); err != nil {
			return fmt.Errorf("%s is a private address; %w: %w", address, ErrPrivate, err)
		}
		return nil
	}}
	open := &net.Dialer{Timeout: timeout}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if hosts[strings.ToLower(address)] {
			return open.DialContext(ctx, network, address)
		}
		return guarded.DialContext(ctx, network, address)
	}, nil
}
