package integrations

import (
	"fmt"
	"strings"
)

// Fault is one thing wrong in an integrations file or a definition. Line and Column are 1-based; Column counts characters.
type Fault struct {
	File    string
	Line    int
	Column  int
	Path    string // of the key inside its integration, such as auth.body_format; empty for the file as a whole
	Message string // what was expected; never the value of a secret
}

// String gives file:line:column: path: message.
func (f Fault) String() string {
	place := fmt.Sprintf("%s:%d:%d: ", f.File, f.Line, f.Column)
	if f.Path != "" {
		place += f.Path + ": "
	}
	return place + f.Message
}

// Faults is everything wrong in one file, in the order of its lines.
type Faults struct {
	List []Fault
}

// Error gives one fault per line.
func (f *Faults) Error() string {
	lines := make([]string, len(f.List))
	for i, fault := range f.List {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}
