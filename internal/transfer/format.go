package transfer

import (
	"context"
	"time"

	"github.com/patchbay/patchbay/internal/store"
)

// formatVersion counts changes of the format that an earlier program would misread.
const formatVersion = 1

// Kinds of lines. Each line is a JSON object whose first member is its kind.
const (
	kindHeader      = "patchbay-export" // the first line
	kindIntegration = "integration"
	kindAdmin       = "admin"
	kindAPIKey      = "apiKey"
	kindWebhook     = "webhookEndpoint"
	kindConnection  = "connection"
	kindAuditEntry  = "auditEntry"
	kindEvent       = "event"
	kindEnd         = "end" // the last line
)

// header is the first line.
type header struct {
	Kind     string         `json:"kind"`
	Version  int            `json:"version"`
	Exported time.Time      `json:"exported"`
	Database string         `json:"database"` // the name of the one it comes from
	History  bool           `json:"history"`  // audit entries and events are in it
	Secrets  *sealingHeader `json:"secrets,omitzero"`
}

// trailer is the last line. A file without it was cut.
type trailer struct {
	Kind   string `json:"kind"`
	Counts Counts `json:"counts"`
	SHA256 string `json:"sha256"` // of all bytes before this line
}

// Counts are numbers of records by their kind.
type Counts map[string]int64

// section is what there is to one kind of records. A new one is added to sections and to nothing else.
type section struct {
	kind    string
	history bool // left out unless history is asked for

	// read emits every row of a snapshot, with about its size.
	read func(context.Context, *store.Snapshot, *ExportOptions, emit) error
	// encode makes the record of a row.
	encode func(*sealer, any) (any, error)

	// decode makes a row of a line. It fails with a fault.
	decode func(*decoder, []byte) (any, error)
	// save stores rows, which are all of this kind.
	save func(context.Context, *importer, []numbered) error
}

type emit func(row any, size int) error

// numbered is a row and the line it comes from.
type numbered struct {
	line int
	row  any
}

// sections are the kinds of records in the order of the file.
func sections() []*section {
	return []*section{integrationSection(), adminSection(), apiKeySection(), webhookSection(), connectionSection(), auditSection(), eventSection()}
}
