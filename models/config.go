package models

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Config is an additionalConfig: the exact text of one JSON object.
type Config string

// EmptyConfig is what an absent additionalConfig is stored as.
const EmptyConfig Config = "{}"

// Bounds of an additionalConfig.
const (
	MaxConfigBytes = 256 << 10
	MaxConfigDepth = 64
)

// ParseConfig checks that text is one JSON object (RFC 8259) of at most 256 KiB and 64 levels, without duplicate keys,
// and gives it back byte for byte: numbers, key order and white space stay as typed. The literal null becomes {}.
// It fails with invalid_config; the field error carries line and column of the fault.
func ParseConfig(text string) (Config, error) {
	if len(text) > MaxConfigBytes {
		return "", configError(text, MaxConfigBytes, fmt.Sprintf("expected at most %d bytes (256 KiB), found %d", MaxConfigBytes, len(text)))
	}
	if at := InvalidUTF8(text); at >= 0 {
		return "", configError(text, at, "expected UTF-8 text, found a byte that is not")
	}
	if strings.HasPrefix(text, "\ufeff") {
		return "", configError(text, 0, "expected '{', found a byte order mark")
	}
	start := len(text) - len(strings.TrimLeft(text, " \t\r\n"))
	if start == len(text) {
		return "", configError(text, start, "expected '{', found nothing; write {} for an empty configuration")
	}
	if strings.Trim(text, " \t\r\n") == "null" {
		return EmptyConfig, nil
	}
	if text[start] != '{' {
		return "", configError(text, start, "expected '{', because the configuration is a JSON object; found "+nameOf(text[start:]))
	}
	if at, message := checkObject(text); message != "" {
		return "", configError(text, at, message)
	}
	return Config(text), nil
}

// checkObject finds the first fault of text, which begins with '{', and its byte offset.
func checkObject(text string) (at int, message string) {
	// Lone surrogate escapes are valid by the grammar of RFC 8259 §7 and are kept as typed; the text itself is known
	// to be valid UTF-8.
	dec := jsontext.NewDecoder(bytes.NewReader([]byte(text)), jsontext.AllowInvalidUTF8(true))
	for {
		token, err := dec.ReadToken()
		if err == io.EOF {
			return 0, ""
		}
		if err != nil {
			return describeSyntaxError(text, dec, err)
		}
		if dec.StackDepth() > MaxConfigDepth {
			return int(dec.InputOffset()) - 1, fmt.Sprintf("expected at most %d levels of nesting", MaxConfigDepth)
		}
		if kind := token.Kind(); dec.StackDepth() == 0 && kind == jsontext.KindEndObject {
			rest := text[dec.InputOffset():]
			trimmed := strings.TrimLeft(rest, " \t\r\n")
			if trimmed != "" {
				return len(text) - len(trimmed), "expected the end of the text after the object, found " + nameOf(trimmed)
			}
		}
	}
}

func describeSyntaxError(text string, dec *jsontext.Decoder, err error) (at int, message string) {
	var syntax *jsontext.SyntacticError
	if !errors.As(err, &syntax) {
		return int(dec.InputOffset()), "expected valid JSON"
	}
	at = min(int(syntax.ByteOffset), len(text))
	kind, length := dec.StackIndex(dec.StackDepth())
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return at, fmt.Sprintf("expected each key once, found %q again", syntax.JSONPointer.LastToken())
	case errors.Is(err, jsontext.ErrNonStringName):
		return at, "expected a key in double quotes or '}', found " + nameOf(text[at:])
	case errors.Is(err, io.ErrUnexpectedEOF):
		closing := "'}'"
		if kind == jsontext.KindBeginArray {
			closing = "']'"
		}
		return len(text), "expected more, at least a closing " + closing + ", found the end of the text"
	case kind == jsontext.KindBeginObject && commaBeforeBrace.MatchString(text[at:]), kind == jsontext.KindBeginArray && commaBeforeBracket.MatchString(text[at:]):
		return at, "expected no comma before the closing bracket"
	case commaBeforeEither.MatchString(text[at:]):
		at += len(commaBeforeEither.FindString(text[at:])) - 1
		return at, "expected a value after the comma, found " + nameOf(text[at:])
	case kind == jsontext.KindBeginObject && length%2 == 0 && strings.Contains(syntax.Err.Error(), "at start of value"):
		return at, "expected a key in double quotes or '}', found " + nameOf(text[at:])
	}
	return at, rephrase(syntax.Err.Error(), text[at:])
}

var (
	commaBeforeBrace   = regexp.MustCompile(`^,[ \t\r\n]*}`)
	commaBeforeBracket = regexp.MustCompile(`^,[ \t\r\n]*]`)
	commaBeforeEither  = regexp.MustCompile(`^,[ \t\r\n]*[\]}]`)
)

var invalidCharacter = regexp.MustCompile(`^(?:jsontext: )?invalid character .+? (at start of value|(?:after|in|within) [a-z -]+?)(?: \(expecting (.+)\))?$`)

// inPlainWords replaces the grammar's words for places.
var inPlainWords = strings.NewReplacer("object name", "a key", "object value", "a value", "array element", "an element", "in literal", "in")

// rephrase turns the decoder's "invalid character 'x' after array element (expecting ',' or ']')" into what was
// expected; any other message is good as it is.
func rephrase(message, rest string) string {
	parts := invalidCharacter.FindStringSubmatch(message)
	switch {
	case parts == nil:
		return strings.TrimPrefix(message, "jsontext: ")
	case parts[2] == "non-control character":
		return "expected no control character in a string, found " + nameOf(rest)
	case parts[1] == "at start of value":
		return "expected a value, found " + nameOf(rest)
	case parts[2] == "":
		return "expected no such character " + parts[1] + ", found " + nameOf(rest)
	}
	return "expected " + parts[2] + " " + inPlainWords.Replace(parts[1]) + ", found " + nameOf(rest)
}

// nameOf names the first character of rest as a reader would look for it.
func nameOf(rest string) string {
	r, _ := utf8.DecodeRuneInString(rest)
	switch {
	case rest == "":
		return "the end of the text"
	case r == '\n' || r == '\r':
		return "a line break"
	case r == '\t':
		return "a tab"
	case r == '\'':
		return `"'"`
	case !unicode.IsGraphic(r):
		return fmt.Sprintf("the invisible character U+%04X", r)
	}
	return "'" + string(r) + "'"
}

// InvalidUTF8 gives the offset of the first byte that is not UTF-8, or -1.
func InvalidUTF8(text string) int {
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return -1
}

// Position gives the 1-based line and column of the byte offset at in text. Lines end at LF or CRLF; columns count
// characters.
func Position(text string, at int) (line, column int) {
	before := text[:at]
	line = 1 + strings.Count(before, "\n")
	return line, 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
}

func configError(text string, at int, message string) *Error {
	line, column := Position(text, at)
	placed := fmt.Sprintf("line %d, column %d: %s", line, column, message)
	return &Error{
		Kind: KindInvalid, Code: CodeInvalidConfig, Message: "The configuration is not valid: " + placed + ".",
		Fields: []FieldError{{Field: "additionalConfig", Message: placed, Line: line, Column: column}},
	}
}
