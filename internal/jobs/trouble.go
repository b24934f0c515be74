package jobs

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/patchbay/patchbay/models"
)

// How often the log is told of trouble that goes on, for how long after a failure it certainly does, and when trouble that nobody
// has met again is another one.
const (
	tellAgain = time.Minute
	goesOn    = 10 * time.Second
	forgotten = 5 * time.Minute
)

// database is the trouble of all who cannot use the database. They would tell the same.
const database = "the database cannot be used"

// troubles are what fails in the background again and again, every second or so: the log is told of each when it begins, once a
// minute while it goes on, with a count, and when it is over.
type troubles struct {
	log *slog.Logger

	mu    sync.Mutex
	known map[string]*trouble
}

type trouble struct {
	began, told, last time.Time
	failures          int
	loops             int // that are in it; it is over when the last one has come out
}

// loopFailed is [troubles.failed] of a loop, which is in a trouble, or in none, and gives the one that it is in now.
func (t *troubles) loopFailed(in, work string, err error) (what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	what = t.note(work, err)
	if what != in {
		t.drop(in)
		t.known[what].loops++
	}
	return what
}

// failed tells of a failure.
func (t *troubles) failed(work string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.note(work, err)
}

// note is [troubles.failed], and names the trouble that the failure is part of.
func (t *troubles) note(work string, err error) (what string) {
	what = work
	if models.Unavailable(err) && models.AsError(err) == nil { // and not the network of a provider
		what = database
	}
	now := time.Now()
	one := t.known[what]
	if one == nil {
		one = &trouble{}
		t.known[what] = one
	}
	if now.Sub(one.last) > forgotten {
		*one = trouble{began: now, loops: one.loops}
	}
	one.failures, one.last = one.failures+1, now
	switch {
	case one.told.IsZero():
		t.log.Error(what, "work", work, "error", err)
	case now.Sub(one.told) >= tellAgain:
		t.log.Error(what, "work", work, "error", err, "failures", one.failures, "since", one.began)
	default:
		return what
	}
	one.told = now
	return what
}

// leave takes a loop out of the trouble that it is in, and tells when that is over.
func (t *troubles) leave(in string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drop(in)
}

func (t *troubles) drop(in string) {
	one := t.known[in]
	if one == nil {
		return
	}
	if one.loops--; one.loops <= 0 {
		delete(t.known, in)
		t.log.Info("over: "+in, "failures", one.failures, "since", one.began)
	}
}

// under reports whether there is trouble just now, and counts a failure that is part of it.
func (t *troubles) under(what string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.known[what]
	if one == nil || time.Since(one.last) > goesOn {
		return false
	}
	one.failures++
	return true
}

// jobTold is in what River tells of one job, which nothing else does.
const jobTold = "JobExecutor: "

// quiet leaves out what River tells of its everyday work, and what it tells of the database while that cannot be used: every queue
// does, twice a second, and in words alone.
type quiet struct {
	slog.Handler
	troubles *troubles
}

// Enabled implements [slog.Handler].
func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

// Handle implements [slog.Handler].
func (q quiet) Handle(ctx context.Context, record slog.Record) error {
	if !strings.Contains(record.Message, jobTold) && q.troubles.under(database) {
		return nil
	}
	return q.Handler.Handle(ctx, record)
}

// WithAttrs implements [slog.Handler].
func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quiet{q.Handler.WithAttrs(attrs), q.troubles}
}

// WithGroup implements [slog.Handler].
func (q quiet) WithGroup(name string) slog.Handler {
	return quiet{q.Handler.WithGroup(name), q.troubles}
}
