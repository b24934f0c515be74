package transfer

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/patchbay/patchbay/models"
)

// lineFault is what is wrong with a line. It never tells a value that may be secret.
type lineFault struct{ field, message string }

func (f *lineFault) Error() string {
	if f.field == "" {
		return f.message
	}
	return f.field + ": " + f.message
}

func fault(field, message string) error { return &lineFault{field, message} }

// faultOf turns what the rules of a field have against it into a fault of the line.
func faultOf(field string, err error) error {
	message := err.Error()
	if e := models.AsError(err); e != nil && len(e.Fields) > 0 {
		message = e.Fields[0].Message
		if name := e.Fields[0].Field; strings.HasPrefix(name, field+"[") {
			field = name
		}
	}
	return fault(field, message)
}

// maxNoteBytes bounds a text that people read.
const maxNoteBytes = 1 << 20

// validNote checks a text that people read: the databases store it as it is.
func validNote(field, text string) error {
	switch {
	case len(text) > maxNoteBytes:
		return fault(field, "expected at most 1 MiB")
	case strings.Contains(text, "\x00"):
		return fault(field, "expected no NUL character")
	case !utf8.ValidString(text):
		return fault(field, "expected UTF-8")
	}
	return nil
}

// isUUID reports whether text is a UUID in the form that we write.
func isUUID(text string) bool {
	if len(text) != 36 {
		return false
	}
	for i, r := range text {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if r != '-' {
				return false
			}
		case r >= '0' && r <= '9', r >= 'a' && r <= 'f':
		default:
			return false
		}
	}
	return true
}

// instant gives a time as the databases keep it, which is to the microsecond.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func instantOrNil(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	i := instant(*t)
	return &i
}
