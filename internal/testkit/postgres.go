package testkit

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// startTimeout is how long a server may take to start, or to stop.
const startTimeout = 30 * time.Second

// Postgres is a PostgreSQL server of this test process alone, with its files in a folder of its own. It listens on a
// Unix socket there and writes nothing durably.
type Postgres struct {
	dir, programs string
	account       *syscall.Credential // the server refuses to run as root
	leash         io.WriteCloser
	process       *exec.Cmd
	admin         *sql.DB
	mu            sync.Mutex
	databases     int
}

var shared struct {
	once   sync.Once
	server *Postgres
	err    error
}

// SharedPostgres gives the server of this test process, which lives as long as the process does. It is started at the
// first call.
func SharedPostgres(t testing.TB) *Postgres {
	t.Helper()
	initdb := Need(t, "initdb")
	shared.once.Do(func() { shared.server, shared.err = newPostgres(filepath.Dir(initdb)) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

// OwnPostgres gives a server that a test may stop; it ends with the test.
func OwnPostgres(t testing.TB) *Postgres {
	t.Helper()
	p, err := newPostgres(filepath.Dir(Need(t, "initdb")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.remove(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func newPostgres(programs string) (*Postgres, error) {
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		return nil, err
	}
	p := &Postgres{dir: dir, programs: programs}
	if os.Getuid() == 0 {
		account, err := user.Lookup("postgres")
		if err != nil {
			return nil, err
		}
		uid, uidErr := strconv.Atoi(account.Uid)
		gid, gidErr := strconv.Atoi(account.Gid)
		if err := errors.Join(uidErr, gidErr, os.Chown(dir, uid, gid)); err != nil {
			return nil, err
		}
		p.account = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	// The default order of texts is one of a language, so that a column that should go by bytes and does not is found out.
	initdb := p.command("initdb", "-D", p.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US", "--no-sync", "--no-instructions")
	if output, err := initdb.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w\n%s", err, output), os.RemoveAll(dir))
	}
	hba := "local all locked scram-sha-256\nlocal all all trust\n" // the role "locked" has to be made, with a password
	if err := errors.Join(os.WriteFile(filepath.Join(p.data(), "pg_hba.conf"), []byte(hba), 0o644), p.start()); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if p.admin, err = sql.Open("pgx", p.Address("postgres")); err != nil {
		return nil, err
	}
	p.admin.SetMaxIdleConns(1)
	return p, p.wait()
}

// Folder is where the server keeps everything.
func (p *Postgres) Folder() string { return p.dir }

func (p *Postgres) data() string { return filepath.Join(p.dir, "data") }

func (p *Postgres) command(program string, args ...string) *exec.Cmd {
	command := exec.Command(filepath.Join(p.programs, program), args...)
	command.Dir = p.dir
	command.SysProcAttr = &syscall.SysProcAttr{Credential: p.account}
	return command
}

// start starts the server under a shell that waits for the end of its input, which comes with the end of this process,
// however it ends: then the server is stopped and its folder removed. A line of input keeps the folder.
func (p *Postgres) start() error {
	const script = `"$0" "$@" & server=$!; read keep; kill -QUIT $server 2>/dev/null; wait $server; [ "$keep" ] || rm -rf "$PWD"`
	p.process = p.command("sh")
	p.process.Path = "/bin/sh"
	p.process.Args = []string{
		"sh", "-c", script, filepath.Join(p.programs, "postgres"), "-D", p.data(), "-k", p.dir, "-c", "listen_addresses=",
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=300", "-c", "shared_buffers=32MB", "-c", "log_min_messages=fatal",
	}
	leash, err := p.process.StdinPipe()
	if err != nil {
		return err
	}
	p.leash = leash
	return p.process.Start()
}

func (p *Postgres) wait() error {
	deadline := time.Now().Add(startTimeout)
	for {
		err := p.admin.Ping()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Stop ends the server by a signal: SIGINT cuts all connections and stops in order, SIGQUIT as if it had crashed.
func (p *Postgres) Stop(t testing.TB, signal syscall.Signal) {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(p.data(), "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(file), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	// The shell is told only when the server has gone, or it would cut it short.
	err = syscall.Kill(pid, signal)
	for deadline := time.Now().Add(startTimeout); err == nil && !ended(pid) && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		err = syscall.Kill(pid, 0)
	}
	_, keepErr := io.WriteString(p.leash, "keep\n")
	if err := errors.Join(keepErr, p.process.Wait()); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
}

// ended reports whether a process has ended and only waits for its parent, the shell, to take note of it.
func ended(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, _ := strings.Cut(string(stat), ") ")
	return err == nil && strings.HasPrefix(state, "Z")
}

// Start starts a server that was stopped.
func (p *Postgres) Start(t testing.TB) {
	t.Helper()
	if err := errors.Join(p.start(), p.wait()); err != nil {
		t.Fatal(err)
	}
}

// remove ends the server and removes its folder.
func (p *Postgres) remove() error {
	err := errors.Join(p.admin.Close(), p.leash.Close())
	if waitErr := p.process.Wait(); !errors.As(waitErr, new(*exec.ExitError)) {
		err = errors.Join(err, waitErr)
	}
	return err
}

// Address gives the address of a database on the server.
func (p *Postgres) Address(database string) string {
	return (&url.URL{
		Scheme: "postgres", User: url.User("postgres"), Path: "/" + database,
		RawQuery: url.Values{"host": {p.dir}, "sslmode": {"disable"}}.Encode(),
	}).String()
}

// NewDatabase makes a database, as a copy of template unless that is empty, and gives its name.
func (p *Postgres) NewDatabase(template string) (string, error) {
	p.mu.Lock()
	p.databases++
	name := fmt.Sprintf("test%d", p.databases)
	p.mu.Unlock()
	if template == "" {
		template = "template0"
	}
	_, err := p.admin.Exec("CREATE DATABASE " + name + " TEMPLATE " + template)
	return name, err
}

// DropDatabase removes a database, cutting its connections.
func (p *Postgres) DropDatabase(name string) error {
	_, err := p.admin.Exec("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)")
	return err
}

// CutConnections ends every session on the server but its own.
func (p *Postgres) CutConnections() error {
	_, err := p.admin.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'")
	return err
}
