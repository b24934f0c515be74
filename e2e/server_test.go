package e2e

import (
	"bufio"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// The first admin of every server.
const (
	adminEmail    = "ada@example.com"
	adminPassword = "correct horse battery"
)

// startTimeout bounds how long the server may take to say that it listens.
const startTimeout = 20 * time.Second

// server is a running patchbay on a database of its own.
type server struct {
	URL      string // http://localhost:port
	SetupURL string // the first run's link

	t      testing.TB
	dir    string // holds everything it keeps, but for a database that it shares
	shared bool   // others are on its database, which has a first admin
	faulty bool   // so is what it depends on: it may log errors
	env    []string
	cmd    *exec.Cmd
	ended  chan struct{} // closed when the process has ended
	log    *output
}

// newServer reserves an address for a server without starting it. Its integrations.yaml is empty.
func newServer(t testing.TB) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	listener.Close()

	s := &server{URL: "http://localhost:" + port, t: t, dir: t.TempDir(), log: &output{}}
	s.env = []string{
		"HOME=" + s.dir,
		"PATH=" + os.Getenv("PATH"),
		"PATCHBAY_ADDR=127.0.0.1:" + port,
		"PATCHBAY_URL=" + s.URL,
		"PATCHBAY_DB=" + s.path("patchbay.db"),
		"PATCHBAY_DIR=" + s.path("integrations"),
		"PATCHBAY_KEY_FILE=" + s.path("patchbay.key"),
	}
	if err := os.Mkdir(s.path("integrations"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.kill()
		for _, line := range loggedError.FindAllString(s.log.String(), -1) {
			if !s.faulty || strings.Contains(line, "panic") {
				t.Errorf("the server logged an error: %s", line)
			}
		}
		if t.Failed() {
			t.Logf("the server's output:\n%s", s.log)
		}
	})
	return s
}

// startServer runs a server with the built-in sandbox alone.
func startServer(t testing.TB) *server {
	t.Helper()
	s := newServer(t)
	s.start()
	return s
}

// loggedError finds a line about a failure of the server itself, in any form its parts log in.
var loggedError = regexp.MustCompile(`(?m)^.*(level=ERROR|"level":"ERROR"|\[error\]|panic:).*$`)

func (s *server) path(name string) string { return filepath.Join(s.dir, name) }

var setupLink = regexp.MustCompile(`http://\S+/setup\?token=\S+`)

// start runs the program until it has said where it listens, and on a new database where the first admin is created.
func (s *server) start() {
	s.t.Helper()
	if err := s.tryStart(); err != nil {
		s.t.Fatal(err)
	}
}

// tryStart does what start does, and leaves it to the caller to fail.
func (s *server) tryStart() error {
	s.t.Helper()
	_, err := os.Stat(s.path("patchbay.db"))
	first := os.IsNotExist(err) && !s.shared
	s.cmd = exec.Command(binary, "serve")
	s.cmd.Dir = s.dir
	s.cmd.Env = s.env
	s.cmd.Stderr = s.log
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	cmd, ended, listens := s.cmd, make(chan struct{}), make(chan string, 1)
	s.ended = ended
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			s.log.Write([]byte(lines.Text() + "\n"))
			link := setupLink.FindString(lines.Text())
			if link != "" || !first && strings.Contains(lines.Text(), s.URL) {
				select {
				case listens <- link:
				default:
				}
			}
		}
		cmd.Wait()
	}()
	select {
	case link := <-listens:
		if first {
			s.SetupURL = link
		}
		return nil
	case <-ended:
		return fmt.Errorf("the server ended at once:\n%s", s.log)
	case <-time.After(startTimeout):
		return fmt.Errorf("the server did not say where it listens:\n%s", s.log)
	}
}

// kill ends the process as a power cut would.
func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Kill()
	<-s.ended
	s.cmd = nil
}

// exec runs one SQL statement on the server's database: for what a test cannot wait for.
func (s *server) exec(statement string, args ...any) {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+s.path("patchbay.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	result, err := db.ExecContext(s.t.Context(), statement, args...)
	if err != nil {
		s.t.Fatal(err)
	}
	if n, _ := result.RowsAffected(); n == 0 {
		s.t.Fatalf("%s changed nothing", statement)
	}
}

// output keeps what a process printed.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
