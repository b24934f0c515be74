package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// patchbay is a server that runs for this example alone.
type patchbay struct {
	url, key string
	dir      string
	command  *exec.Cmd
}

// startPatchbay builds the server of this repository and runs it on a database of its own until ctx ends.
func startPatchbay(ctx context.Context) (*patchbay, error) {
	dir, err := os.MkdirTemp("", "patchbay-example")
	if err != nil {
		return nil, err
	}
	p := &patchbay{key: "pb_example_" + rand.Text(), dir: dir}
	binary := filepath.Join(dir, "patchbay")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/patchbay/patchbay")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, errors.Join(fmt.Errorf("build Patchbay: %w", err), os.RemoveAll(dir))
	}
	p.command = exec.CommandContext(ctx, binary, "serve")
	p.command.Cancel = func() error { return p.command.Process.Signal(os.Interrupt) }
	p.command.Dir = dir
	p.command.Stderr = os.Stderr
	p.command.Env = append(os.Environ(),
		"PATCHBAY_ADDR="+cmp.Or(os.Getenv("PATCHBAY_ADDR"), "127.0.0.1:3003"), "PATCHBAY_API_KEY="+p.key, "PATCHBAY_APP_NAME=Channels",
		"PATCHBAY_ADMIN_EMAIL=admin@example.com", "PATCHBAY_ADMIN_PASSWORD=correct horse battery", "PATCHBAY_LOG_LEVEL=warn",
	)
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := p.command.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start Patchbay: %w", err), os.RemoveAll(dir))
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	_, p.url, _ = strings.Cut(strings.TrimSpace(line), " at ")
	if err != nil || p.url == "" {
		p.stop()
		return nil, fmt.Errorf("start Patchbay: it did not say where it runs: %w", err)
	}
	fmt.Println("Dashboard: sign in as admin@example.com with the password: correct horse battery")
	return p, nil
}

// stop ends the server and forgets its data.
func (p *patchbay) stop() {
	_ = p.command.Process.Signal(os.Interrupt) // it may have ended with us
	_ = p.command.Wait()
	_ = os.RemoveAll(p.dir)
}
