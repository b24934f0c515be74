package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"
	modernc "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/patchbay/patchbay/internal/vault"
)

// How many writes may share a commit, and for how long it may be put off, as who came first waits for the others: twice as long as
// the disk took for the last one, within bounds.
const (
	maxShared     = 64
	minSharedTime = 3 * time.Millisecond
	maxSharedTime = 20 * time.Millisecond
)

// group lets writes that arrive while a commit is being made share the next one, for it is the commit that takes time:
// SQLite waits for the disk. Each write runs in the goroutine of its caller when its turn comes, one after the other in
// the order they came; who has had the last turn commits for all.
type group struct {
	writer *gorm.DB
	pool   *sql.DB
	vault  *vault.Ring

	mu      sync.Mutex
	busy    bool // somebody has the turn
	waiting []chan error

	// These belong to who has the turn.
	shared     *sharedTx // the open transaction
	sharedTime time.Duration
	statements statements
}

// sharedTx is a transaction that several writes share.
type sharedTx struct {
	*sql.Tx
	statements *statements
	ready      time.Time // when the first of the writes was
	writes     int
	broken     error         // why it cannot be committed any more
	done       chan struct{} // closed when err is known
	err        error
}

// write is [Store.Write].
func (g *group) write(ctx context.Context, change func(*Tx) error) error {
	if err := g.takeTurn(ctx); err != nil {
		return err
	}
	tx, err := g.begin(ctx)
	if err != nil {
		return err
	}
	err = g.run(ctx, tx, change)
	<-tx.done
	if tx.err != nil {
		return tx.err // also where change failed: what it saw has not happened
	}
	return err
}

// takeTurn waits for the turn. A caller who goes away loses his place, and nobody else notices.
func (g *group) takeTurn(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g.mu.Lock()
	if !g.busy {
		g.busy = true
		g.mu.Unlock()
		return nil
	}
	turn := make(chan error, 1)
	g.waiting = append(g.waiting, turn)
	g.mu.Unlock()
	select {
	case err := <-turn:
		return err
	case <-ctx.Done():
	}
	g.mu.Lock()
	if i := slices.Index(g.waiting, turn); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
		g.mu.Unlock()
		return ctx.Err()
	}
	g.mu.Unlock()
	if err := <-turn; err != nil { // it was given at this very moment
		return err
	}
	g.passTurn()
	return ctx.Err()
}

// passTurn gives the turn to who has waited longest, after committing where nobody waits or enough have written.
func (g *group) passTurn() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if tx := g.shared; tx != nil && (len(g.waiting) == 0 || tx.due(g.sharedTime)) {
		g.mu.Unlock()
		g.shared = nil
		began := time.Now()
		tx.finish()
		g.sharedTime = min(max(2*time.Since(began), minSharedTime), maxSharedTime)
		g.mu.Lock()
	}
	if g.busy = len(g.waiting) > 0; g.busy {
		g.waiting[0] <- nil
		g.waiting = g.waiting[1:]
	}
}

// begin gives the open transaction, or begins one. Where that fails, all who wait for it are told: the next one to try
// would find the database locked for as long again.
func (g *group) begin(ctx context.Context) (*sharedTx, error) {
	if g.shared != nil {
		return g.shared, nil
	}
	g.statements.prepare(g.pool)
	tx, err := g.pool.BeginTx(context.WithoutCancel(ctx), nil) // which is not this caller's alone
	if err != nil {
		err = fmt.Errorf("begin a transaction: %w", explained(err))
		g.mu.Lock()
		defer g.mu.Unlock()
		for _, turn := range g.waiting {
			turn <- err
		}
		g.busy, g.waiting = false, nil
		return nil, err
	}
	g.shared = &sharedTx{Tx: tx, statements: &g.statements, done: make(chan struct{})}
	return g.shared, nil
}

// due reports whether the transaction has to end although more could share it.
func (tx *sharedTx) due(sharedTime time.Duration) bool {
	if tx.ready.IsZero() {
		tx.ready = time.Now()
	}
	return tx.broken != nil || tx.writes >= maxShared || time.Since(tx.ready) >= sharedTime
}

// run makes one change and passes the turn, also when the change panics. A change that fails takes back itself alone: the first
// of a transaction with all of that, for nobody else has written yet, another by its savepoint.
func (g *group) run(ctx context.Context, tx *sharedTx, change func(*Tx) error) (err error) {
	defer g.passTurn()
	if err := ctx.Err(); err != nil {
		return err
	}
	first := tx.writes == 0
	tx.writes++
	if !first {
		if err := tx.exec("SAVEPOINT change"); err != nil {
			return err
		}
	}
	kept := false
	defer func() {
		switch {
		case kept:
		case first:
			g.shared = nil
			tx.abandon()
		default:
			if lost := cmp.Or(tx.exec("ROLLBACK TO change"), tx.exec("RELEASE change")); lost != nil {
				err = errors.Join(err, lost)
			}
		}
	}()
	db := g.writer.WithContext(context.WithoutCancel(ctx))
	db.Statement.ConnPool = tx
	if err := change(&Tx{queries: queries{db, g.vault, true}}); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if !first {
		if err := tx.exec("RELEASE change"); err != nil {
			return err
		}
	}
	kept = true
	return nil
}

// exec runs a statement that cannot fail while the transaction is there.
func (tx *sharedTx) exec(statement string) error {
	if tx.broken != nil {
		return nil
	}
	if _, err := tx.ExecContext(context.Background(), statement); err != nil {
		tx.broken = fmt.Errorf("the transaction was lost: %w", explained(err))
	}
	return tx.broken
}

// finish commits, and tells everybody how that went.
func (tx *sharedTx) finish() {
	if tx.err = tx.broken; tx.err != nil {
		tx.abandon()
		return
	}
	if err := tx.Commit(); err != nil {
		tx.err = fmt.Errorf("commit: %w", explained(err))
	}
	close(tx.done)
}

// abandon ends the transaction without a trace.
func (tx *sharedTx) abandon() {
	_ = tx.Rollback() // what can fail here is that SQLite has done it
	close(tx.done)
}

// ExecContext implements [gorm.ConnPool]. The context of one caller does not interrupt a statement: with it SQLite would
// roll back the transaction of all.
func (tx *sharedTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if tx.broken != nil {
		return nil, tx.broken
	}
	ctx = context.WithoutCancel(ctx)
	if statement := tx.statements.get(query); statement != nil {
		result, err := tx.StmtContext(ctx, statement).ExecContext(ctx, args...)
		return result, tx.failed(err)
	}
	result, err := tx.Tx.ExecContext(ctx, query, args...)
	return result, tx.failed(err)
}

// QueryContext implements [gorm.ConnPool], see [sharedTx.ExecContext].
func (tx *sharedTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if tx.broken != nil {
		return nil, tx.broken
	}
	ctx = context.WithoutCancel(ctx)
	if statement := tx.statements.get(query); statement != nil {
		rows, err := tx.StmtContext(ctx, statement).QueryContext(ctx, args...)
		return rows, tx.failed(err)
	}
	rows, err := tx.Tx.QueryContext(ctx, query, args...)
	return rows, tx.failed(err)
}

// QueryRowContext implements [gorm.ConnPool], see [sharedTx.ExecContext].
func (tx *sharedTx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return tx.Tx.QueryRowContext(context.WithoutCancel(ctx), query, args...)
}

// failed notes an error after which SQLite has rolled back on its own. Nothing may be written after it: each statement
// would be a transaction by itself.
func (tx *sharedTx) failed(err error) error {
	switch sqliteCode(err) & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_CORRUPT:
		tx.broken = explained(err)
		return tx.broken
	}
	return err
}

// sqliteCode gives SQLite's extended result code of an error, 0 for other errors.
func sqliteCode(err error) int {
	var e *modernc.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

// explained adds to SQLite's words what an operator can do.
func explained(err error) error {
	switch sqliteCode(err) & 0xff {
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("the disk of the database is full: %w", err)
	case sqlite3.SQLITE_BUSY:
		return fmt.Errorf("another program has kept the database locked for %s: %w", busyTimeout, err)
	}
	return err
}
