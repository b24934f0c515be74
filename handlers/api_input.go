package handlers

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"github.com/patchbay/patchbay/models"
)

// readJSON reads the body into a struct, strictly: every key once, and none that is not known. It fails with malformed_body
// for what is no JSON, naming line and column, and with invalid_body for a value of another type, naming the field.
func readJSON(c echo.Context, target any) error {
	body, err := readBody(c)
	if err != nil {
		return err
	}
	return unmarshalStrict(body, target)
}

func unmarshalStrict(body []byte, target any) error {
	if at := models.InvalidUTF8(string(body)); at >= 0 {
		return malformedBody(body, at, "expected UTF-8 text, found a byte that is not")
	}
	// Lone surrogate escapes are valid by the grammar of RFC 8259 §7, and kept in an additionalConfig as they are.
	err := json.Unmarshal(body, target, json.RejectUnknownMembers(true), jsontext.AllowInvalidUTF8(true), exactTexts)
	return bodyError(body, err)
}

var errHalfPair = errors.New("expected no half of a surrogate pair")

// exactTexts refuses what a string cannot hold: each lone surrogate would become U+FFFD, and several user ids one.
var exactTexts = json.WithUnmarshalers(json.UnmarshalFromFunc(func(dec *jsontext.Decoder, text *string) error {
	if dec.PeekKind() != jsontext.KindString {
		return errors.ErrUnsupported // left to the default
	}
	quoted, err := dec.ReadValue()
	if err != nil {
		return err
	}
	unquoted, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil {
		return errHalfPair
	}
	*text = string(unquoted)
	return nil
}))

// bodyError says what is wrong with a body, in words that hold nothing of its values: they may be secrets.
func bodyError(body []byte, err error) error {
	var syntax *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax) && errors.Is(err, jsontext.ErrDuplicateName):
		return malformedBody(body, int(syntax.ByteOffset), fmt.Sprintf("expected each key once, found %q again", syntax.JSONPointer.LastToken()))
	case errors.As(err, &syntax):
		return malformedBody(body, int(syntax.ByteOffset), "expected valid JSON")
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return malformedBody(body, len(body), "expected a JSON object, found the end of the text")
	case errors.As(err, &semantic):
		message := "expected " + wordOf(semantic.GoType)
		switch {
		case errors.Is(err, json.ErrUnknownName):
			message = "there is no such key"
		case errors.Is(err, errHalfPair):
			message = errHalfPair.Error()
		}
		return invalidBody(fieldOf(semantic.JSONPointer), message)
	}
	return malformedBody(body, 0, "expected valid JSON")
}

// fieldConfig is the field of an additionalConfig.
const fieldConfig = "additionalConfig"

// repeatedConfigKey gives the failure of a body that cannot be read because a key comes twice in its additionalConfig, told
// like every other fault there; nil for any other body.
func repeatedConfigKey(body []byte) error {
	var given struct {
		AdditionalConfig jsontext.Value `json:"additionalConfig"`
	}
	anything := json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if json.Unmarshal(body, &given, anything) != nil || given.AdditionalConfig == nil {
		return nil
	}
	_, err := models.ParseConfig(string(given.AdditionalConfig))
	return err
}

func malformedBody(body []byte, at int, message string) error {
	line, column := models.Position(string(body), min(at, len(body)))
	placed := fmt.Sprintf("line %d, column %d: %s", line, column, message)
	return &models.Error{
		Kind: models.KindMalformed, Code: models.CodeMalformedBody, Message: "The body cannot be read: " + placed + ".",
		Fields: []models.FieldError{{Field: "body", Message: placed, Line: line, Column: column}},
	}
}

func invalidBody(field, message string) error {
	return &models.Error{
		Kind: models.KindInvalid, Code: models.CodeInvalidBody, Message: "The body is not valid: " + field + ": " + message + ".",
		Fields: []models.FieldError{{Field: field, Message: message}},
	}
}

// fieldOf writes a JSON pointer (RFC 6901) as tags[0] and auth.token_url.
func fieldOf(pointer jsontext.Pointer) string {
	var field strings.Builder
	for token := range pointer.Tokens() {
		switch _, err := strconv.Atoi(token); {
		case err == nil:
			field.WriteString("[" + token + "]")
		case field.Len() > 0:
			field.WriteString("." + token)
		default:
			field.WriteString(token)
		}
	}
	if field.Len() == 0 {
		return "body"
	}
	return field.String()
}

// wordOf names what a Go type is in JSON.
func wordOf(t reflect.Type) string {
	if t == nil {
		return "another value"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Pointer:
		return wordOf(t.Elem())
	}
	return "a whole number"
}

// filtersOfOne are parameters that select what belongs to somebody or something.
var filtersOfOne = []string{"connection", "integration", "tag", "userId"}

// checkQuery fails unless the query can be read and has each known parameter at most once, and no other. What net/url cannot
// read it leaves out, and a filter that is left out selects everything.
func checkQuery(c echo.Context, known []apiParam) error {
	query, err := url.ParseQuery(c.Request().URL.RawQuery)
	if err != nil {
		return &models.Error{Kind: models.KindInvalid, Code: models.CodeInvalidParameter, Message: "The query cannot be read: expected name=value pairs, percent-encoded and joined by &."}
	}
	for name, values := range query {
		switch {
		case !slices.ContainsFunc(known, func(p apiParam) bool { return p.name == name }):
			return invalidParameter(name, "There is no such parameter here.")
		case len(values) > 1:
			return invalidParameter(name, "expected it once.")
		case values[0] == "" && slices.Contains(filtersOfOne, name): // by nothing it would select everything
			return invalidParameter(name, "expected a value; leave the parameter out for any.")
		}
	}
	return nil
}

func invalidParameter(name, message string) error {
	return &models.Error{
		Kind: models.KindInvalid, Code: models.CodeInvalidParameter, Message: "The parameter " + name + " is not valid: " + message,
		Fields: []models.FieldError{{Field: name, Message: message}},
	}
}

// queryWord reads a parameter that is one of a few words, or empty.
func queryWord[T ~string](c echo.Context, name string, known []T) (T, error) {
	value := T(c.QueryParam(name))
	if value == "" || slices.Contains(known, value) {
		return value, nil
	}
	words := make([]string, len(known))
	for i, w := range known {
		words[i] = string(w)
	}
	return "", invalidParameter(name, "expected one of "+strings.Join(words, ", ")+".")
}

// queryBool reads a parameter that is true or false, or empty.
func queryBool(c echo.Context, name string) (bool, error) {
	value, err := queryWord(c, name, []string{"true", "false"})
	return value == "true", err
}

// queryHash reads a parameter that is a SHA-256 in hexadecimal digits, or empty.
func queryHash(c echo.Context, name string) (string, error) {
	text := strings.ToLower(c.QueryParam(name))
	if sum, err := hex.DecodeString(text); text != "" && (err != nil || len(sum) != sha256.Size) {
		return "", invalidParameter(name, "expected the SHA-256 of an access token, in 64 hexadecimal digits.")
	}
	return text, nil
}

// querySeconds reads a parameter that is a number of seconds, or empty; at most a year.
func querySeconds(c echo.Context, name string) (time.Duration, error) {
	text := c.QueryParam(name)
	if text == "" {
		return 0, nil
	}
	seconds, err := strconv.ParseUint(text, 10, 32)
	if err != nil || seconds > 365*24*3600 {
		return 0, invalidParameter(name, "expected a whole number of seconds, from 0 to 31536000.")
	}
	return time.Duration(seconds) * time.Second, nil
}

// apiPageRequest reads cursor and limit of a list.
func apiPageRequest(c echo.Context) (models.PageRequest, error) {
	request := models.PageRequest{Cursor: c.QueryParam("cursor"), Limit: models.PageSizes[0]}
	if text := c.QueryParam("limit"); text != "" {
		limit, err := strconv.Atoi(text)
		if err != nil || limit < 1 || limit > models.MaxPageSize {
			return request, invalidParameter("limit", fmt.Sprintf("expected a whole number from 1 to %d.", models.MaxPageSize))
		}
		request.Limit = limit
	}
	return request, nil
}
