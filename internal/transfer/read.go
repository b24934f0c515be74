package transfer

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"reflect"
	"regexp"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/patchbay/patchbay/models"
)

// maxLineBytes bounds a line: the longest record is a connection whose provider sends token replies of a megabyte.
const maxLineBytes = 8 << 20

// Rows are stored in transactions of at most so many rows and about so many bytes.
const (
	batchRows  = 5000
	batchBytes = 8 << 20
)

// maxFaults is how many faults of a file are told at once.
const maxFaults = 20

// decoder reads a file line by line.
type decoder struct {
	file     io.ReadSeeker
	in       *bufio.Reader
	sum      hash.Hash
	line     int // the number of the one read last
	header   header
	sealer   *sealer
	now      time.Time
	sections map[string]*section
	counts   Counts
}

func newDecoder(file io.ReadSeeker, now time.Time) *decoder {
	d := &decoder{file: file, in: bufio.NewReaderSize(file, 256<<10), now: now, sections: map[string]*section{}, counts: Counts{}}
	for _, section := range sections() {
		d.sections[section.kind] = section
	}
	return d
}

// next gives the next line without its end; valid until the next call. It fails with [io.EOF] at the end.
func (d *decoder) next() ([]byte, error) {
	part, err := d.in.ReadSlice('\n')
	if err == io.EOF && len(part) == 0 {
		return nil, io.EOF
	}
	d.line++
	line := part
	for err == bufio.ErrBufferFull {
		if len(line) > maxLineBytes {
			return nil, fmt.Errorf("expected a line of at most %d bytes (8 MiB)", maxLineBytes)
		}
		line = bytes.Clone(line)
		part, err = d.in.ReadSlice('\n')
		line = append(line, part...)
	}
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("read: %w", err)
	}
	return line, nil
}

// at says on which line an error is.
func (d *decoder) at(err error) error { return fmt.Errorf("line %d: %w", d.line, err) }

// readHeader reads the first line, and gets the key of the file by the passphrase that ask gives.
func (d *decoder) readHeader(ask func() (models.Secret, error)) error {
	line, err := d.next()
	if errors.Is(err, io.EOF) {
		return errors.New("line 1: expected the header of an export, found an empty file")
	}
	if err != nil {
		return d.at(err)
	}
	if kind, err := kindOf(line); err != nil || kind != kindHeader {
		return d.at(errors.New("expected the header of an export, which begins with {\"kind\":\"patchbay-export\"; found something else"))
	}
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(line, &version); err != nil || version.Version != formatVersion {
		return d.at(fmt.Errorf("version: expected %d, the version of the format that this program knows, found %d", formatVersion, version.Version))
	}
	if err := unmarshal(line, &d.header); err != nil {
		return d.at(err)
	}
	if d.header.Secrets != nil {
		passphrase, err := ask()
		if err != nil {
			return err
		}
		if d.sealer, err = d.header.Secrets.open(passphrase); err != nil {
			return d.at(err)
		}
	}
	d.sum = d.sealer.checksum()
	d.sum.Write(line)
	return nil
}

// verify reads to the end, so that nothing is stored of a file that was changed, and goes back to the second line.
func (d *decoder) verify() error {
	for {
		_, _, err := d.record()
		if err == io.EOF {
			break
		}
		if err != nil {
			return d.at(err)
		}
	}
	if _, err := d.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the file again: %w", err)
	}
	d.in.Reset(d.file)
	d.sum.Reset()
	clear(d.counts)
	d.line = 0
	line, err := d.next()
	if err != nil {
		return d.at(err)
	}
	d.sum.Write(line)
	return nil
}

// batch is rows of one section that follow each other, or the error that ended the reading.
type batch struct {
	section *section
	rows    []numbered
	err     error
}

// errCut tells of a file whose end is missing.
var errCut = errors.New("the file ends here, without its last line: it was cut")

// batches sends all rows, and then, unless ctx ends, how it ended: nil where the file is whole. With tolerant, a line that is
// not right does not end the reading, but is sent by itself.
func (d *decoder) batches(ctx context.Context, tolerant bool, out chan<- batch) {
	defer close(out)
	send := func(b batch) bool {
		select {
		case out <- b:
			return true
		case <-ctx.Done():
			return false
		}
	}
	var current batch
	bytes := 0
	flush := func() bool {
		b := current
		current, bytes = batch{}, 0
		return len(b.rows) == 0 || send(b)
	}
	for {
		section, row, size, err := d.row()
		switch {
		case err == io.EOF:
			flush()
			return
		case err != nil:
			var wrong *lineFault
			if !flush() || !send(batch{err: d.at(err)}) || !tolerant || !errors.As(err, &wrong) {
				return
			}
			continue
		}
		if (section != current.section || len(current.rows) == batchRows || bytes > batchBytes) && !flush() {
			return
		}
		current.section = section
		current.rows = append(current.rows, numbered{d.line, row})
		bytes += size
	}
}

// row reads one row. It fails as record does.
func (d *decoder) row() (*section, any, int, error) {
	section, line, err := d.record()
	if err != nil {
		return nil, nil, 0, err
	}
	row, err := section.decode(d, line)
	return section, row, len(line), err
}

// record reads the line of one record. It fails with [io.EOF] after the last line of a file that is whole.
func (d *decoder) record() (*section, []byte, error) {
	line, err := d.next()
	if err == io.EOF {
		d.line++
		return nil, nil, errCut
	}
	if err != nil {
		return nil, nil, err
	}
	kind, err := kindOf(line)
	if err != nil {
		d.sum.Write(line)
		return nil, nil, err
	}
	if kind == kindEnd {
		return nil, nil, d.end(line)
	}
	d.sum.Write(line)
	section := d.sections[kind]
	if section == nil {
		return nil, nil, fault("kind", fmt.Sprintf("expected a kind of record that this program knows, found %.40q", kind))
	}
	d.counts[kind]++
	return section, line, nil
}

// end compares the last line with what was read before.
func (d *decoder) end(line []byte) error {
	var t trailer
	if err := unmarshal(line, &t); err != nil {
		return err
	}
	want, name := newTrailer(d.sealer, nil, d.sum.Sum(nil)), "sha256"
	if d.sealer != nil {
		name = "hmacSha256"
	}
	if t.SHA256 != want.SHA256 || !hmac.Equal([]byte(t.HMAC), []byte(want.HMAC)) {
		return errors.New(name + ": the lines before are not those that were exported: the file was changed or damaged")
	}
	for kind := range t.Counts {
		if d.sections[kind] == nil {
			return fmt.Errorf("counts: expected kinds of records that this program knows, found %.40q", kind)
		}
	}
	if !maps.Equal(nonZero(t.Counts), d.counts) {
		return fmt.Errorf("counts: expected %v, found %v", nonZero(t.Counts), d.counts)
	}
	if _, err := d.next(); err != io.EOF {
		return errors.New("expected nothing after the last line")
	}
	return io.EOF
}

func nonZero(counts Counts) Counts {
	kept := maps.Clone(counts)
	maps.DeleteFunc(kept, func(_ string, n int64) bool { return n == 0 })
	return kept
}

// kindOf reads the first member of a line.
func kindOf(line []byte) (string, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(line))
	expected := fault("", `expected a JSON object that begins with {"kind":`)
	if token, err := dec.ReadToken(); err != nil || token.Kind() != jsontext.KindBeginObject {
		return "", expected
	}
	if token, err := dec.ReadToken(); err != nil || token.String() != "kind" {
		return "", expected
	}
	token, err := dec.ReadToken()
	if err != nil || token.Kind() != jsontext.KindString {
		return "", expected
	}
	return token.String(), nil
}

// unmarshal reads a line, each member of which has to be known and there once.
func unmarshal(line []byte, into any) error {
	err := json.Unmarshal(line, into, json.RejectUnknownMembers(true))
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, json.ErrUnknownName):
		errors.As(err, &semantic)
		return fault(memberName(semantic.JSONPointer), "expected no such member")
	case errors.Is(err, jsontext.ErrDuplicateName):
		errors.As(err, &syntactic)
		return fault(memberName(syntactic.JSONPointer), "expected this member once")
	case errors.As(err, &semantic):
		return fault(memberName(semantic.JSONPointer), "expected "+nameOf(semantic))
	case errors.As(err, &syntactic):
		return fault(memberName(syntactic.JSONPointer), fmt.Sprintf("expected valid JSON in UTF-8, found a fault at byte %d of the line", syntactic.ByteOffset+1))
	}
	return fault("", "expected a JSON object")
}

// ownName matches names as ours are.
var ownName = regexp.MustCompile(`^[A-Za-z0-9]{0,40}$`)

// memberName gives the name of a member. One that is not like ours comes from who wrote the file: it is quoted, so that it
// cannot tell a terminal anything.
func memberName(at jsontext.Pointer) string {
	name := at.LastToken()
	if ownName.MatchString(name) {
		return name
	}
	return fmt.Sprintf("%.40q", name)
}

// nameOf says what a member should have been, but not what it was.
func nameOf(err *json.SemanticError) string {
	if err.GoType == nil {
		return "another value"
	}
	switch reflect.New(err.GoType).Interface().(type) {
	case *time.Time, **time.Time:
		return "a time such as 2026-03-01T12:00:00Z"
	case *[]byte:
		return "bytes in base64"
	}
	switch err.GoType.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Int, reflect.Int64, reflect.Uint32, reflect.Uint8:
		return "a whole number"
	}
	return "an object"
}
