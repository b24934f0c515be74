package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

// DoesNotOpen reports whether an error means that a sealed value is damaged, or sealed under a key that is not there: asking
// again does not help.
func DoesNotOpen(err error) bool {
	return errors.Is(err, vault.ErrNotAuthentic) || errors.Is(err, vault.ErrUnknownKey)
}

// SealedColumn is a column that holds sealed values.
type SealedColumn struct {
	Table, Column string
	Key           []string // columns of the table's key; its rows are walked in this order
	Row           string   // SQL expression of [vault.Place].Row
	Where         string   // SQL condition of the rows whose value is sealed; all where empty
}

// SealedColumns names every column that holds sealed values: the rotation of keys, the counts of what is sealed under
// which key, and the check of a backup walk this list, and a column that is missing here would be unreadable once its
// key is gone. A test fails where a column named sealed_ is not here.
func SealedColumns() []SealedColumn {
	return []SealedColumn{
		{Table: "attempts", Column: "sealed_secrets", Key: []string{"id"}, Row: "uuid"},
		{Table: "connections", Column: "sealed_credentials", Key: []string{"id"}, Row: "uuid"},
		{Table: "connections", Column: "sealed_reply", Key: []string{"id"}, Row: "uuid"},
		{Table: "idempotency_keys", Column: "sealed_answer", Key: []string{"api_key", "key"}, Row: "api_key || '|' || key"},
		{Table: "integrations", Column: "sealed_definition", Key: []string{"name"}, Row: "name"},
		{Table: "revocations", Column: "sealed_credentials", Key: []string{"id"}, Row: "uuid"},
		{Table: "settings", Column: "value", Key: []string{"name"}, Row: "name", Where: "name = '" + keyCheck + "'"},
		{Table: "webhook_endpoints", Column: "sealed_previous", Key: []string{"id"}, Row: "uuid"},
		{Table: "webhook_endpoints", Column: "sealed_secret", Key: []string{"id"}, Row: "uuid"},
	}
}

// Place names the column in tables and messages.
func (c SealedColumn) Place() string { return c.Table + "." + c.Column }

func (c SealedColumn) at(row string) vault.Place {
	return vault.Place{Table: c.Table, Column: c.Column, Row: row}
}

// holding is the SQL condition of rows that have a sealed value.
func (c SealedColumn) holding() string {
	condition := c.Column + " IS NOT NULL AND LENGTH(" + c.Column + ") > 0"
	if c.Where != "" {
		condition += " AND " + c.Where
	}
	return condition
}

// sealedHeader is the SQL expression of what a sealed value begins with, which names its key.
func (c SealedColumn) sealedHeader() string { return "SUBSTR(" + c.Column + ", 1, 5)" }

// KeyUses counts the values of every column by the key they say they are sealed under. It reads all of them.
func (q *queries) KeyUses(ctx context.Context) ([]models.KeyUse, error) {
	var uses []models.KeyUse
	for _, column := range SealedColumns() {
		var rows []struct {
			Header []byte
			Values int64
		}
		err := q.db.WithContext(ctx).Raw("SELECT " + column.sealedHeader() + " AS header, COUNT(*) AS \"values\" FROM " + column.Table +
			" WHERE " + column.holding() + " GROUP BY 1 ORDER BY 1").Scan(&rows).Error
		if err != nil {
			return nil, fmt.Errorf("count sealed values of %s: %w", column.Place(), err)
		}
		for _, row := range rows {
			uses = append(uses, models.KeyUse{Place: column.Place(), KeyID: vault.KeyOf(row.Header), Values: row.Values})
		}
	}
	return uses, nil
}

// sealedValue is one value with what identifies its row.
type sealedValue struct {
	key    []string // values of the key's columns, as text
	row    string
	sealed []byte
}

// sealedValues reads up to limit values of a column in the order of its key, those after position, and only those that are not
// sealed under the key with the given header where it is not nil.
func (q *queries) sealedValues(ctx context.Context, column SealedColumn, position []string, notUnder []byte, limit int) ([]sealedValue, error) {
	condition, args := column.holding(), []any{}
	if len(position) > 0 {
		condition += " AND (" + joined(column.Key) + ") > (" + marks(len(position)) + ")"
		for _, value := range position {
			args = append(args, value)
		}
	}
	if notUnder != nil {
		condition += " AND " + column.sealedHeader() + " <> ?"
		args = append(args, notUnder)
	}
	keys := joined(column.Key)
	rows, err := q.db.WithContext(ctx).Raw("SELECT "+keys+", "+column.Row+", "+column.Column+" FROM "+column.Table+
		" WHERE "+condition+" ORDER BY "+keys+" LIMIT ?", append(args, limit)...).Rows()
	if err != nil {
		return nil, fmt.Errorf("read sealed values of %s: %w", column.Place(), err)
	}
	defer rows.Close()
	var values []sealedValue
	for rows.Next() {
		value := sealedValue{key: make([]string, len(column.Key))}
		var into []any
		for i := range value.key {
			into = append(into, &value.key[i])
		}
		if err := rows.Scan(append(into, &value.row, &value.sealed)...); err != nil {
			return nil, fmt.Errorf("read sealed values of %s: %w", column.Place(), err)
		}
		values = append(values, value)
	}
	return values, rows.Err()
}

func joined(columns []string) string { return strings.Join(columns, ", ") }

// marks are the placeholders of n arguments.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// checkedAtOnce is how many values are read in one query while they are checked.
const checkedAtOnce = 500

// CheckSealed opens up to limit values of every column, or all where limit is 0, and gives how many it opened and those that do
// not open.
func (q *queries) CheckSealed(ctx context.Context, limit int) (opened int64, damaged []models.DamagedValue, err error) {
	for _, column := range SealedColumns() {
		var position []string
		for looked := 0; limit == 0 || looked < limit; {
			values, err := q.sealedValues(ctx, column, position, nil, checkedAtOnce)
			if err != nil {
				return opened, damaged, err
			}
			if limit > 0 && len(values) > limit-looked {
				values = values[:limit-looked]
			}
			for _, value := range values {
				if _, err := q.vault.Open(value.sealed, column.at(value.row)); err != nil {
					damaged = append(damaged, damage(column, value, err))
				} else {
					opened++
				}
			}
			if len(values) == 0 {
				break
			}
			looked, position = looked+len(values), values[len(values)-1].key
		}
	}
	return opened, damaged, nil
}

func damage(column SealedColumn, value sealedValue, err error) models.DamagedValue {
	return models.DamagedValue{Place: column.Place(), Row: value.row, KeyID: vault.KeyOf(value.sealed), Reason: err.Error()}
}
