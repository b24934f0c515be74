package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/patchbay/patchbay/internal/vault"
)

// What a PostgreSQL server is asked for. Several processes share the server's 100 connections.
const (
	postgresConnections    = 16
	postgresConnectTimeout = 10 * time.Second
	postgresIdleTime       = 5 * time.Minute
)

// isPostgres reports whether location is the address of a PostgreSQL database.
func isPostgres(location string) bool {
	return strings.HasPrefix(location, "postgres://") || strings.HasPrefix(location, "postgresql://")
}

// openPostgres opens one pool for reads and writes.
func openPostgres(ctx context.Context, address string, ring *vault.Ring, options []Option) (*Store, error) {
	pool, err := postgresPool(ctx, address)
	if err != nil {
		return nil, err
	}
	db, err := gorm.Open(postgresDialector{&postgres.Dialector{Config: &postgres.Config{Conn: steadyPool{pool}}}}, gormConfig(false))
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	if slices.Contains(options, OneConnection) {
		pool.SetMaxOpenConns(1)
	}
	// A column that a newer program adds does not concern this one: it asks for those it knows.
	db.QueryFields = true
	return &Store{
		queries: queries{db: db, vault: ring},
		writer:  db,
		pool:    pool,
		write:   func(ctx context.Context, change func(*Tx) error) error { return writeAlone(ctx, db, ring, change) },
		migrate: func(ctx context.Context) error { return migratePostgres(ctx, pool) },
		close:   pool.Close,
	}, nil
}

// postgresPool connects to address. Its errors never hold the password.
func postgresPool(ctx context.Context, address string) (*sql.DB, error) {
	config, err := parsePostgres(address)
	if err != nil {
		return nil, err
	}
	pool := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(timesInUTC))
	pool.SetMaxOpenConns(postgresConnections)
	pool.SetMaxIdleConns(postgresConnections)
	pool.SetConnMaxIdleTime(postgresIdleTime)
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(connectFailure(err), pool.Close())
	}
	return pool, nil
}

func parsePostgres(address string) (*pgx.ConnConfig, error) {
	u, ok := parseAddress(address)
	if !ok {
		return nil, errors.New("expected postgres://user:password@host:port/database; special characters in the password must be percent-encoded")
	}
	config, err := pgx.ParseConfig(address)
	if err != nil {
		why := err.Error() // which begins with the address in backquotes
		return nil, errors.New(strings.TrimPrefix(why[strings.LastIndex(why, "`"):], "`: "))
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = postgresConnectTimeout
	}
	// A pooler such as pgbouncer may give every transaction another session of the server, where a statement prepared in
	// an earlier one is not known. Descriptions are kept on this side, and save the second round trip all the same. Who
	// is sure of the sessions can ask for more by this parameter.
	if !u.Query().Has("default_query_exec_mode") {
		config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	return config, nil
}

// steadyPool begins again with another connection where the one it was given has been cut, by a restart of the server for
// one: nothing has happened then. The driver looks for itself at connections that were idle for a second.
type steadyPool struct{ *sql.DB }

// BeginTx implements [gorm.TxBeginner].
func (p steadyPool) BeginTx(ctx context.Context, options *sql.TxOptions) (tx *sql.Tx, err error) {
	for range postgresConnections + 1 {
		if tx, err = p.DB.BeginTx(ctx, options); !cut(err) || ctx.Err() != nil {
			break
		}
	}
	return tx, err
}

// QueryContext implements [gorm.ConnPool]. Outside a transaction there are only queries that change nothing.
func (p steadyPool) QueryContext(ctx context.Context, query string, args ...any) (rows *sql.Rows, err error) {
	for range postgresConnections + 1 {
		if rows, err = p.DB.QueryContext(ctx, query, args...); !cut(err) || ctx.Err() != nil {
			break
		}
	}
	return rows, err
}

// cut reports whether an error means that a connection there was has ended. One that cannot be made is no such error.
func cut(err error) bool {
	var answer *pgconn.PgError
	switch {
	case err == nil || errors.As(err, new(*pgconn.ConnectError)):
		return false
	case errors.As(err, &answer):
		return strings.HasPrefix(answer.Code, "57P") // the server shuts down, or an administrator ended the session
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, pgconn.ErrConnClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// timesInUTC makes times come back as SQLite's do.
func timesInUTC(_ context.Context, conn *pgx.Conn) error {
	conn.TypeMap().RegisterType(&pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC}})
	return nil
}

// connectFailure says in one line why there is no connection.
func connectFailure(err error) error {
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return errors.New(answer.Message)
	}
	var failed *pgconn.ConnectError
	if errors.As(err, &failed) {
		err = failed.Unwrap()
	}
	reasons := strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\t' })
	return errors.New(strings.Join(slices.Compact(reasons), "; ")) // one for each address, with TLS and without
}

// migratePostgres brings the schema up, in one process of those that start at once: the others wait.
func migratePostgres(ctx context.Context, pool *sql.DB) error {
	if _, err := versionsInPostgres(ctx, pool); err != nil {
		return err
	}
	const poll, polls = 1, 300 // seconds; the default of five keeps every other process waiting for that long
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(poll, polls), lock.WithUnlockTimeout(poll, polls))
	if err != nil {
		return err
	}
	return migrate(ctx, goose.DialectPostgres, pool, "migrations/postgres", goose.WithSessionLocker(directLocker{locker}))
}

// directLocker refuses to lock through a pooler: the lock belongs to a session of the server, and the next statement may be
// given another one.
type directLocker struct{ lock.SessionLocker }

// SessionLock implements [lock.SessionLocker].
func (l directLocker) SessionLock(ctx context.Context, conn *sql.Conn) error {
	var told, asked uint32 // the session's process, as it was told when connecting: by a pooler, a number of its own
	err := conn.Raw(func(driver any) error {
		told = driver.(*stdlib.Conn).Conn().PgConn().PID()
		return nil
	})
	if err == nil {
		err = conn.QueryRowContext(ctx, "SELECT pg_backend_pid()").Scan(&asked)
	}
	if err != nil {
		return err
	}
	if told != asked {
		return errors.New("the schema has to be changed, and the address is that of a connection pooler: start once with the address of the PostgreSQL server itself")
	}
	return l.SessionLocker.SessionLock(ctx, conn)
}

// writeAlone is [Store.Write]. The transaction sees what others have committed at each of its statements, the server's
// default: what it reads to change it locks, see [queries.row]. At a stricter level the server would end one of two
// transactions that meet, and the change had to be run again, which it is not made for: it moves versions on.
func writeAlone(ctx context.Context, db *gorm.DB, ring *vault.Ring, change func(*Tx) error) error {
	return db.WithContext(ctx).Transaction(func(db *gorm.DB) error { return change(&Tx{queries: queries{db, ring, true}}) })
}

// postgresSealed reports whether a key was used on the database.
func postgresSealed(ctx context.Context, address string) (sealed bool, err error) {
	pool, err := postgresPool(ctx, address)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	if applied, err := versionsInPostgres(ctx, pool); err != nil || len(applied) == 0 {
		return false, err
	}
	err = pool.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM settings WHERE name = $1)", keyCheck).Scan(&sealed)
	return sealed, err
}

// postgresDialector knows the errors that matter here also where they are wrapped.
type postgresDialector struct{ *postgres.Dialector }

// Codes of PostgreSQL's errors.
const uniqueViolation = "23505"

// Translate implements [gorm.ErrorTranslator].
func (postgresDialector) Translate(err error) error {
	var e *pgconn.PgError
	if errors.As(err, &e) && e.Code == uniqueViolation {
		return fmt.Errorf("%w: %s", gorm.ErrDuplicatedKey, e.ConstraintName)
	}
	return err
}

// BindVarTo implements [gorm.Dialector]. PostgreSQL refuses a text with a NUL byte or one that is not UTF-8, which no row
// can hold: a query looks for NULL instead, which equals nothing, and finds what it would in SQLite. What is written is
// checked before, and is not altered here.
func (d postgresDialector) BindVarTo(writer clause.Writer, statement *gorm.Statement, value any) {
	if v := reflect.ValueOf(value); v.Kind() == reflect.String && (strings.Contains(v.String(), "\x00") || !utf8.ValidString(v.String())) &&
		strings.HasPrefix(statement.SQL.String(), "SELECT") {
		statement.Vars[len(statement.Vars)-1] = nil
	}
	d.Dialector.BindVarTo(writer, statement, value)
}
