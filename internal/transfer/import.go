package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// ImportOptions say how a file is imported.
type ImportOptions struct {
	Passphrase func() (models.Secret, error) // asked for where the file has secrets
	Check      bool                          // store nothing, and tell of every fault
	Replace    bool                          // put records in place of others with the same name or pair
	Now        func() time.Time
}

// Report is what an import did; of a check, what it would do.
type Report struct {
	Imported  Counts   // were not there
	Replaced  Counts   // another one was, and was replaced
	Present   Counts   // are there already, just so
	Skipped   Counts   // another one is there
	Left      Counts   // cannot be imported without their secrets
	Reasons   []string // lines that were skipped, and why; no more than [maxReasons]
	Faults    []string // of a check
	NoSecrets bool     // the file has none
}

// maxReasons is how many skipped lines are told of by number.
const maxReasons = 20

// importer is an import that is under way.
type importer struct {
	db      *store.Store
	options ImportOptions
	header  *header
	report  *Report
}

// ErrReplaceWithoutSecrets is returned for a file that would take away the credentials of what it replaces.
var ErrReplaceWithoutSecrets = errors.New("the file has no secrets, so --replace would take away the credentials of the connections that are there; export again with --with-secrets")

// Import stores the records of a file, in transactions of some thousands, so that the same file continues an import that was
// interrupted, and changes nothing once all is there. A record whose name, or pair, is taken by another one is skipped. It fails
// at the first line that is not right; the report, which is never nil, then tells what was imported by then. A file with secrets is
// read twice: nothing is imported of one that was changed by somebody who does not know its passphrase.
func Import(ctx context.Context, db *store.Store, file io.ReadSeeker, o ImportOptions) (*Report, error) {
	report := &Report{Imported: Counts{}, Replaced: Counts{}, Present: Counts{}, Skipped: Counts{}, Left: Counts{}}
	d := newDecoder(file, o.Now())
	if err := d.readHeader(o.Passphrase); err != nil {
		return report, err
	}
	report.NoSecrets = d.sealer == nil
	if report.NoSecrets && o.Replace {
		return report, ErrReplaceWithoutSecrets
	}
	if d.sealer != nil && !o.Check {
		if err := d.verify(); err != nil {
			return report, err
		}
	}
	if !o.Check {
		if err := db.PrepareToLoad(ctx); err != nil {
			return report, err
		}
	}
	return report, (&importer{db, o, &d.header, report}).run(ctx, d)
}

// run reads ahead while it stores.
func (im *importer) run(ctx context.Context, d *decoder) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	batches := make(chan batch, 1)
	go d.batches(ctx, im.options.Check, batches)
	defer func() { // it is not to read from what its caller has closed
		stop()
		for range batches {
		}
	}()
	for b := range batches {
		switch {
		case b.err != nil && im.options.Check && len(im.report.Faults) < maxFaults:
			im.report.Faults = append(im.report.Faults, b.err.Error())
		case b.err != nil && im.options.Check:
			return nil
		case b.err != nil:
			return b.err
		default:
			if err := b.section.save(ctx, im, b.rows); err != nil {
				return fmt.Errorf("lines %d to %d: %w", b.rows[0].line, b.rows[len(b.rows)-1].line, err)
			}
		}
	}
	return ctx.Err()
}

// outcome is what becomes of one row.
type outcome string

const (
	imported outcome = "imported"
	replaced outcome = "replaced"
	present  outcome = "present"
	skipped  outcome = "skipped"
	left     outcome = "left"
)

// outcomes collects what became of the rows of a batch until its transaction is done.
type outcomes struct {
	kind    string
	counts  map[outcome]int64
	reasons []string
}

func newOutcomes(kind string) *outcomes { return &outcomes{kind: kind, counts: map[outcome]int64{}} }

func (o *outcomes) skip(line int, format string, args ...any) {
	o.counts[skipped]++
	if len(o.reasons) < maxReasons {
		o.reasons = append(o.reasons, fmt.Sprintf("line %d: ", line)+fmt.Sprintf(format, args...))
	}
}

func (o *outcomes) changed() int64 { return o.counts[imported] + o.counts[replaced] }

// add adds what became of a batch.
func (r *Report) add(o *outcomes) {
	for result, counts := range map[outcome]Counts{imported: r.Imported, replaced: r.Replaced, present: r.Present, skipped: r.Skipped, left: r.Left} {
		if n := o.counts[result]; n > 0 {
			counts[o.kind] += n
		}
	}
	r.Reasons = append(r.Reasons, o.reasons[:min(len(o.reasons), maxReasons-len(r.Reasons))]...)
}

// write runs work in one transaction and notes in the audit what it changed. In a check, nothing is stored: work is told so by
// having no transaction.
func (im *importer) write(ctx context.Context, kind string, work func(tx *store.Tx, o *outcomes) error) error {
	var o *outcomes
	if im.options.Check {
		o = newOutcomes(kind)
		if err := work(nil, o); err != nil {
			return err
		}
		im.report.add(o)
		return nil
	}
	err := im.db.Write(ctx, func(tx *store.Tx) error {
		o = newOutcomes(kind) // anew when the transaction is run again
		if err := work(tx, o); err != nil {
			return err
		}
		if o.changed() == 0 {
			return nil
		}
		return tx.Audit(models.AuditEntry{
			Time: instant(im.options.Now()), Actor: models.SystemActor, Action: models.AuditDataImported, After: fmt.Sprintf("%s: %d", kind, o.changed()),
		})
	})
	if err != nil {
		return err
	}
	im.report.add(o)
	return nil
}
