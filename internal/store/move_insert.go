package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// rowsAtOnce is how many rows one statement inserts; what is left over is inserted row by row.
const rowsAtOnce = 128

// insertAll inserts rows whose values follow each other.
func (tx *Tx) insertAll(table string, columns []string, values []any) error {
	return tx.insertMany("INSERT", table, columns, "", values, func(ctx context.Context, statement *sql.Stmt, values []any) error {
		_, err := statement.ExecContext(ctx, values...)
		return err
	})
}

// insertFree inserts the rows that violate no uniqueness, and gives their ids by uuid.
func (tx *Tx) insertFree(table string, columns []string, values []any) (map[string]int64, error) {
	ids := make(map[string]int64, len(values)/len(columns))
	verb, suffix := "INSERT", " ON CONFLICT DO NOTHING RETURNING id, uuid"
	if !tx.postgres() {
		// Means the same, but with nothing to take back in a statement SQLite keeps no journal of it, which would take as
		// long as the rest.
		verb, suffix = "INSERT OR IGNORE", " RETURNING id, uuid"
	}
	return ids, tx.insertMany(verb, table, columns, suffix, values, func(ctx context.Context, statement *sql.Stmt, values []any) error {
		rows, err := statement.QueryContext(ctx, values...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id int64
			var uuid string
			if err := rows.Scan(&id, &uuid); err != nil {
				return err
			}
			ids[uuid] = id
		}
		return rows.Err()
	})
}

// insertMany runs one statement for many rows, again and again. It goes past GORM, which would take longer than the database,
// and would prepare the statement for every run.
func (tx *Tx) insertMany(verb, table string, columns []string, suffix string, values []any, run func(context.Context, *sql.Stmt, []any) error) error {
	for _, size := range []int{rowsAtOnce, 1} {
		each := size * len(columns)
		if len(values) < each {
			continue
		}
		text := verb + " INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES " + placeholders(size, len(columns)) + suffix
		if tx.postgres() {
			text = numbered(text)
		}
		whole := len(values) / each * each
		if err := tx.runMany(text, slices.Chunk(values[:whole], each), run); err != nil {
			return fmt.Errorf("insert into %s: %w", table, err)
		}
		values = values[whole:]
	}
	return nil
}

func (tx *Tx) runMany(text string, parts func(func([]any) bool), run func(context.Context, *sql.Stmt, []any) error) error {
	ctx := tx.db.Statement.Context
	statement, err := tx.db.Statement.ConnPool.PrepareContext(ctx, text)
	if err != nil {
		return err
	}
	for part := range parts {
		if err := run(ctx, statement, part); err != nil {
			return errors.Join(err, statement.Close())
		}
	}
	return statement.Close()
}

// placeholders gives "(?, ?), (?, ?)" for two rows of two columns.
func placeholders(rows, columns int) string {
	row := "(" + strings.TrimSuffix(strings.Repeat("?, ", columns), ", ") + ")"
	return strings.TrimSuffix(strings.Repeat(row+", ", rows), ", ")
}

// numbered replaces the placeholders of a statement, which has no other question marks, by those of PostgreSQL.
func numbered(statement string) string {
	var b strings.Builder
	n := 0
	for _, r := range statement {
		if r == '?' {
			n++
			b.WriteString("$" + strconv.Itoa(n))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
