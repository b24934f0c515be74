package store

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/patchbay/patchbay/models"
)

// order is a total order of rows of type T: by its keys, the last of which is unique.
type order[T any] struct {
	name       string // written into cursors, so that one of another order is refused
	keys       []key[T]
	descending bool
}

// key is a column of an order and its value in a row: an int64, a string or a time.
type key[T any] struct {
	column string
	value  func(*T) any
}

// cursor is a place between two rows. Its encoded form is opaque to everyone else, and not secret.
type cursor struct {
	Order    string            `json:"o"`
	Backward bool              `json:"b,omitempty"`
	Values   []json.RawMessage `json:"v"`
}

// paginate reads the page that request asks for. One row more than asked tells whether the list goes on.
func paginate[T any](db *gorm.DB, by order[T], request models.PageRequest) (models.Page[T], error) {
	var page models.Page[T]
	backward := false
	if request.Cursor != "" {
		at, values, err := decodeCursor(by, request.Cursor)
		if err != nil {
			return page, err
		}
		backward = at.Backward
		columns := make([]string, len(by.keys))
		for i, k := range by.keys {
			columns[i] = k.column
		}
		compare := " > "
		if by.descending != backward {
			compare = " < "
		}
		places := strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ")
		db = db.Where("("+strings.Join(columns, ", ")+")"+compare+"("+places+")", values...)
	}
	for _, k := range by.keys {
		direction := " ASC"
		if by.descending != backward {
			direction = " DESC"
		}
		db = db.Order(k.column + direction)
	}
	var rows []T
	if err := db.Limit(request.Limit + 1).Find(&rows).Error; err != nil {
		return page, err
	}
	more := len(rows) > request.Limit
	if more {
		rows = rows[:request.Limit]
	}
	if backward {
		slices.Reverse(rows)
	}
	page.Rows = rows
	if len(rows) == 0 {
		return page, nil
	}
	if more || backward {
		page.Next = encodeCursor(by, &rows[len(rows)-1], false)
	}
	if request.Cursor != "" && (more || !backward) {
		page.Prev = encodeCursor(by, &rows[0], true)
	}
	return page, nil
}

func encodeCursor[T any](by order[T], row *T, backward bool) string {
	c := cursor{Order: by.name, Backward: backward}
	for _, k := range by.keys {
		value := k.value(row)
		if t, ok := value.(time.Time); ok {
			value = t.UnixMicro()
		}
		text, err := json.Marshal(value)
		if err != nil {
			panic(err) // int64 and string always encode
		}
		c.Values = append(c.Values, text)
	}
	text, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func decodeCursor[T any](by order[T], text string) (cursor, []any, error) {
	invalid := &models.Error{Kind: models.KindMalformed, Code: models.CodeInvalidCursor, Message: "The cursor is not one of this list; start from the first page."}
	var c cursor
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(raw, &c) != nil || c.Order != by.name || len(c.Values) != len(by.keys) {
		return c, nil, invalid
	}
	values := make([]any, len(c.Values))
	for i, k := range by.keys {
		value := k.value(new(T))
		switch value.(type) {
		case string:
			var s string
			err = json.Unmarshal(c.Values[i], &s)
			values[i] = s
		case time.Time:
			var micros int64
			err = json.Unmarshal(c.Values[i], &micros)
			values[i] = time.UnixMicro(micros).UTC()
		default:
			var n int64
			err = json.Unmarshal(c.Values[i], &n)
			values[i] = n
		}
		if err != nil {
			return c, nil, invalid
		}
	}
	return c, values, nil
}
