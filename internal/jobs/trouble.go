package jobs

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/patchbay/patchbay/models"
)

// How often the log is told of trouble that goes on, and when trouble that nobody has met again is another one.
const (
	tellAgain = time.Minute
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
}

// failed tells of a failure, and names the trouble that it is part of.
func (t *troubles) failed(work string, err error) (what string) {
	what = work
	if models.Unavailable(err) && models.AsError(err) == nil { // and not the network of a provider
		what = database
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	one := t.known[what]
	if one == nil || now.Sub(one.last) > forgotten {
		one = &trouble{began: now}
		t.known[what] = one
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

// over tells that there is an end to a trouble, if there is one.
func (t *troubles) over(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one := t.known[what]; one != nil {
		delete(t.known, what)
		t.log.Info("over: "+what, "failures", one.failures, "since", one.began)
	}
}

// under reports whether there is trouble, and counts a failure that is part of it.
func (t *troubles) under(what string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.known[what]
	if one != nil {
		one.failures++
	}
	return one != nil
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
