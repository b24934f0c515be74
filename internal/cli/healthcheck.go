package cli

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

type healthcheckCommand struct {
	Addr string `env:"PATCHBAY_ADDR" default:"127.0.0.1:3003" help:"Address the server listens on."`
}

const healthcheckTimeout = 5 * time.Second

// Run fails unless the server answers that it is healthy.
func (h *healthcheckCommand) Run(ctx context.Context) error {
	host, port, err := net.SplitHostPort(h.Addr)
	if err != nil {
		return settingsError{fmt.Errorf("--addr: %w", err)}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/healthz", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("not healthy: %w", err)
	}
	if err := response.Body.Close(); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not healthy: status %d", response.StatusCode)
	}
	return nil
}
