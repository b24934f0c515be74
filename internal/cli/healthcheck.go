package cli

import (
	"context"
	"fmt"
	"io"
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
	status, _, err := ask(ctx, h.Addr, "/healthz")
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("not healthy: status %d", status)
	}
	return nil
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 1 << 20

// ask asks the server that listens on addr, from its own machine.
func ask(ctx context.Context, addr, path string) (status int, body []byte, err error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return 0, nil, settingsError{fmt.Errorf("--addr: %w", err)}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+path, nil)
	if err != nil {
		return 0, nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, fmt.Errorf("not healthy: %w", err)
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	return response.StatusCode, body, err
}
