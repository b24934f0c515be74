package e2e

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/testkit"
)

// exampleTimeout bounds how long the example may take to build a server and start it.
const exampleTimeout = 3 * time.Minute

var exampleLine = regexp.MustCompile(`The example is running at (\S+), with Patchbay at (\S+)`)

// startExample runs examples/channels by itself, as its documentation says, and gives its address.
func startExample(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "channels")
	if out, err := exec.Command("go", "build", "-o", binary, "../examples/channels").CombinedOutput(); err != nil {
		t.Fatalf("build the example: %v\n%s", err, out)
	}
	cmd := exec.Command(binary, "-addr", "127.0.0.1:0")
	cmd.Dir = ".." // where the module of the server is
	cmd.Env = append(os.Environ(), "PATCHBAY_ADDR=127.0.0.1:0")
	log := &output{}
	cmd.Stderr = log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		if t.Failed() {
			t.Logf("the example's log:\n%s", log)
		}
	})
	address := make(chan string, 1)
	go func() {
		defer close(address)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			if found := exampleLine.FindStringSubmatch(lines.Text()); found != nil {
				address <- found[1]
			}
		}
	}()
	select {
	case url := <-address:
		if url == "" {
			t.Fatal("the example ended")
		}
		return url
	case <-time.After(exampleTimeout):
		t.Fatal("the example did not start")
		return ""
	}
}

// The story of the product: a user connects, picks a channel, which is kept with the connection, and sees what is connected.
func TestTheExampleTellsTheStory(t *testing.T) {
	t.Parallel()
	url := startExample(t)
	for name, scripted := range map[string]bool{"in a popup": true, "without JavaScript": false} {
		b := testkit.OpenBrowser(t, url)
		if !scripted {
			b.DisableJavaScript()
		}
		b.Goto("/")
		b.Fill("Who are you?", "user "+name)
		b.Follow("Sign in")
		b.See("None yet")
		if scripted {
			window := b.Popup(func() { b.Click("Connect sandbox") })
			window.Follow("Continue to sandbox")
			window.Click("Allow")
			window.WaitClosed()
		} else {
			b.Follow("Connect sandbox")
			b.Follow("Continue to sandbox")
			b.Click("Allow")
		}
		b.See("sandbox: connected")
		b.Choose("Channel", "random")
		b.Follow("Save channel")
		b.Fill("Message to C2", "hello")
		b.Follow("Send")
		b.See("Message to C2")
		if b.Value("Channel") != "C2" {
			t.Errorf("%s: the channel was not kept: %s", name, b.Text())
		}
		b.Follow("Disconnect sandbox")
		b.See("None yet")
	}
}
