package transfer

import (
	"bufio"
	"context"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/errgroup"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// ExportOptions say what is exported.
type ExportOptions struct {
	Passphrase models.Secret // secrets are left out where it is empty
	History    bool          // audit entries and events, too
	Now        time.Time

	KDFMemoryKiB uint32 // what it takes to try a passphrase; 64 MiB where it is 0, and less in tests alone
}

// Rows are read and written at the same time, in parts of at most so many rows and about so many bytes.
const (
	partRows  = 500
	partBytes = 1 << 20
)

// Export writes all that is worth keeping to w, as it is at this moment, while others go on changing it. That it was done is
// an audit entry, written before.
func Export(ctx context.Context, db *store.Store, w io.Writer, o ExportOptions) (Counts, error) {
	h := header{Kind: kindHeader, Version: formatVersion, Exported: o.Now, History: o.History}
	var s *sealer
	what := "without secrets"
	if o.Passphrase != "" {
		var err error
		if s, h.Secrets, err = newSealer(o.Passphrase, o.KDFMemoryKiB); err != nil {
			return nil, err
		}
		what = "with secrets"
	}
	if err := recordExport(ctx, db, o.Now, what); err != nil {
		return nil, err
	}
	var err error
	if h.Database, err = db.Name(ctx); err != nil {
		return nil, err
	}
	out := newLines(w, s)
	if err := out.write(h); err != nil {
		return nil, err
	}
	counts := Counts{}
	err = db.Snapshot(ctx, func(v *store.Snapshot) error {
		for _, section := range sections() {
			if section.history && !o.History {
				continue
			}
			n, err := exportSection(ctx, v, section, &o, s, out)
			if err != nil {
				return err
			}
			counts[section.kind] = n
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return counts, out.end(counts)
}

func recordExport(ctx context.Context, db *store.Store, now time.Time, what string) error {
	return db.Write(ctx, func(tx *store.Tx) error {
		return tx.Audit(models.AuditEntry{Time: now, Actor: models.SystemActor, Action: models.AuditDataExported, After: what})
	})
}

// exportSection reads rows and writes records side by side.
func exportSection(ctx context.Context, v *store.Snapshot, section *section, o *ExportOptions, s *sealer, out *lines) (written int64, err error) {
	group, ctx := errgroup.WithContext(ctx)
	parts := make(chan []any, 4)
	group.Go(func() error {
		defer close(parts)
		return inParts(ctx, parts, func(emit emit) error { return section.read(ctx, v, o, emit) })
	})
	group.Go(func() error {
		for part := range parts {
			for _, row := range part {
				record, err := section.encode(s, row)
				if err != nil {
					return err
				}
				if err := out.write(record); err != nil {
					return err
				}
			}
			written += int64(len(part))
		}
		return nil
	})
	return written, group.Wait()
}

// inParts sends what read emits.
func inParts(ctx context.Context, parts chan<- []any, read func(emit) error) error {
	var part []any
	bytes := 0
	send := func() error {
		select {
		case parts <- part:
			part, bytes = nil, 0
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err := read(func(row any, size int) error {
		part = append(part, row)
		if bytes += size; bytes < partBytes && len(part) < partRows {
			return nil
		}
		return send()
	})
	if err != nil || len(part) == 0 {
		return err
	}
	return send()
}

// lines writes lines and remembers their checksum.
type lines struct {
	out    *bufio.Writer
	sum    hash.Hash
	sealer *sealer
}

func newLines(w io.Writer, s *sealer) *lines {
	sum := s.checksum()
	return &lines{bufio.NewWriterSize(io.MultiWriter(w, sum), 256<<10), sum, s}
}

// write adds a line. Text that is not UTF-8, which is in no field that is more than a note, is mended.
func (l *lines) write(record any) error {
	text, err := json.Marshal(record, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return fmt.Errorf("encode %T: %w", record, err)
	}
	if _, err := l.out.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	return nil
}

func (l *lines) end(counts Counts) error {
	if err := l.out.Flush(); err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	if err := l.write(newTrailer(l.sealer, counts, l.sum.Sum(nil))); err != nil {
		return err
	}
	if err := l.out.Flush(); err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	return nil
}

// note gives a text that people read without the NUL that PostgreSQL does not store.
func note(text string) string { return strings.ReplaceAll(text, "\x00", "\ufffd") }
