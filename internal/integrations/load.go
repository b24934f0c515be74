package integrations

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"

	"github.com/patchbay/patchbay/internal/providers"
	"github.com/patchbay/patchbay/models"
)

// FileName is the name of the file inside the integrations folder.
const FileName = "integrations.yaml"

// maxFileBytes bounds the file; real ones are a few kilobytes.
const maxFileBytes = 1 << 20

// Load reads dir/integrations.yaml. A missing folder or file gives no integrations. env looks up the variables that
// ${NAME} stands for, as os.LookupEnv does. It fails with *[Faults] where the content is at fault.
func Load(dir string, env func(string) (string, bool)) ([]models.Integration, error) {
	name := filepath.Join(dir, FileName)
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read integrations: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read integrations: %w", err)
	}
	r := &reader{file: name, env: env, catalogue: catalogue{providers.Files}}
	return r.read(data)
}

func (r *reader) read(data []byte) ([]models.Integration, error) {
	if root := r.document(data); root != nil {
		r.root(value{node: root, key: root})
	}
	if r.faults != nil {
		return nil, r.sortedFaults()
	}
	return r.integrations, nil
}

// document gives the root node of the only document, or nil where there is none or it cannot be read.
func (r *reader) document(data []byte) *yaml.Node {
	if len(data) > maxFileBytes {
		r.faultAt(1, 1, "expected a file of at most %d bytes (1 MiB)", maxFileBytes)
		return nil
	}
	if at, message := badCharacter(data); message != "" {
		line, column := models.Position(string(data), at)
		r.faultAt(line, column, "%s", message)
		return nil
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		r.syntaxFault(err)
		return nil
	}
	var first, second yaml.Node
	if err := loader.Load(&first); err != nil {
		if err != io.EOF { // a file of nothing but comments is fine
			r.syntaxFault(err)
		}
		return nil
	}
	if err := loader.Load(&second); err == nil {
		r.faultAt(max(second.Line, 1), max(second.Column, 1), "expected one document, found a second one")
	} else if err != io.EOF {
		r.syntaxFault(err)
	}
	root := first.Content[0]
	if kindOf(root) == "nothing" {
		return nil
	}
	return root
}

// badCharacter finds what YAML does not allow anywhere; the parser itself would not tell the place.
func badCharacter(data []byte) (at int, message string) {
	for at < len(data) {
		c, size := utf8.DecodeRune(data[at:])
		switch {
		case c == utf8.RuneError && size == 1:
			return at, "expected UTF-8 text"
		case unicode.IsControl(c) && !strings.ContainsRune("\t\n\r\u0085", c), c == '\ufffe', c == '\uffff',
			c == '\ufeff' && at > 0:
			return at, fmt.Sprintf("expected no control characters, found U+%04X", c)
		}
		at += size
	}
	return 0, ""
}

// syntaxFault reports what the YAML parser says. Its messages describe syntax and quote nothing of the file, with one
// exception, that could repeat an unquoted secret.
func (r *reader) syntaxFault(err error) {
	line, column, message := 1, 1, "expected valid YAML"
	var loadError *yaml.LoadError
	if errors.As(err, &loadError) {
		line, column = max(loadError.Mark.Line, 1), max(loadError.Mark.Column, 1)
		message += ": " + loadError.Message
		switch {
		case strings.HasPrefix(loadError.Message, "found character that cannot start any token"):
			message += "; indent with spaces, not tabs"
		case strings.HasPrefix(loadError.Message, "unknown anchor"):
			message = "expected an alias (*name) of an earlier anchor (&name); quote a text that begins with *"
		}
	}
	r.faultAt(line, column, "%s", message)
}
