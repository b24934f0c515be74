// Command patchbay runs the OAuth flows of an application's integrations, keeps the tokens, and shows operators what is
// going on. See README.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/patchbay/patchbay/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	code := cli.Run(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	os.Exit(code)
}
