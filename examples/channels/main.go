// Command channels is a small application whose users connect an account, pick the channel that messages go to, and see
// what they have connected. It keeps nothing of that itself: the connection, the user's choice and the tokens are at
// Patchbay.
//
// Run it from the root of the repository:
//
//	go run ./examples/channels
//
// It starts a Patchbay server of its own, with the built-in sandbox as the provider. To use one that is running, set
// PATCHBAY_URL and PATCHBAY_API_KEY.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/patchbay/patchbay/client"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:3004", "address to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *addr); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, addr string) error {
	patchbay, key := os.Getenv("PATCHBAY_URL"), os.Getenv("PATCHBAY_API_KEY")
	if patchbay == "" {
		own, err := startPatchbay(ctx)
		if err != nil {
			return err
		}
		defer own.stop()
		patchbay, key = own.url, own.key
	}
	api, err := client.New(patchbay, key)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	root := fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port)
	server := &http.Server{Handler: newApp(api, patchbay, root).handler(), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	fmt.Printf("The example is running at %s, with Patchbay at %s\n", root, patchbay)
	if err := server.Serve(listener); ctx.Err() == nil {
		return cmp.Or(err, http.ErrServerClosed)
	}
	return nil
}
