package jobs

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
)

type testJob struct {
	Name string `json:"name"`
}

func (testJob) Kind() string { return "test" }

func newJobs(t *testing.T, db *store.Store) *Jobs {
	t.Helper()
	j, err := New(db, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { must(t, j.Stop(context.Background())) })
	return j
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for what the background does.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func add(t *testing.T, db *store.Store, j *Jobs, queue string, names ...string) {
	t.Helper()
	must(t, db.Write(t.Context(), func(tx *store.Tx) error {
		for _, name := range names {
			if err := j.Add(t.Context(), tx, queue, testJob{name}); err != nil {
				return err
			}
		}
		return nil
	}))
}

// log is what was done.
type log struct {
	mu    sync.Mutex
	names []string
}

func (l *log) add(name string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.names = append(l.names, name)
	return len(l.names)
}

func (l *log) count(name string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(l.names), func(n string) bool { return n != name }))
}

func TestAJobIsThereIfAndOnlyIfItsChangeIs(t *testing.T) {
	db := storetest.Open(t)
	j := newJobs(t, db)
	var done log
	Handle(j, func(_ context.Context, job testJob) (time.Duration, error) {
		done.add(job.Name)
		return 0, nil
	})
	undone := errors.New("undone")
	err := db.Write(t.Context(), func(tx *store.Tx) error {
		must(t, j.Add(t.Context(), tx, Default, testJob{"undone"}))
		return undone
	})
	if !errors.Is(err, undone) {
		t.Fatal(err)
	}
	add(t, db, j, Default, "kept")
	must(t, j.Start(t.Context()))
	eventually(t, "the job is done", func() bool { return done.count("kept") > 0 })
	if done.count("undone") > 0 {
		t.Error("the job of a change that was taken back is done")
	}
}

func TestAJobThatFailsOrIsNotOverGoesOn(t *testing.T) {
	db := storetest.Open(t)
	j := newJobs(t, db)
	var done log
	Handle(j, func(_ context.Context, job testJob) (time.Duration, error) {
		done.add(job.Name)
		switch {
		case job.Name == "fails" && done.count("fails") < 3:
			return 0, errors.New("no space left")
		case job.Name == "panics" && done.count("panics") < 2:
			panic("of the test")
		case job.Name == "waits" && done.count("waits") < 3:
			return time.Millisecond, nil
		}
		return 0, nil
	})
	must(t, j.Start(t.Context()))
	add(t, db, j, Default, "fails", "panics", "waits")
	eventually(t, "all are done", func() bool {
		return done.count("fails") == 3 && done.count("panics") == 2 && done.count("waits") == 3
	})
}

func TestAJobThatWaitsIsHastened(t *testing.T) {
	db := storetest.Open(t)
	j := newJobs(t, db)
	var done log
	begun, finish := make(chan struct{}), make(chan struct{})
	Handle(j, func(_ context.Context, job testJob) (time.Duration, error) {
		if job.Name == "long" {
			close(begun)
			<-finish
		}
		if done.add(job.Name); job.Name == "waits" && done.count("waits") == 1 {
			return time.Hour, nil
		}
		return 0, nil
	})
	must(t, j.Start(t.Context()))
	hasten := func(name string) (busy bool) {
		must(t, db.Write(t.Context(), func(tx *store.Tx) (err error) {
			busy, err = j.Hasten(t.Context(), tx, Default, testJob{name})
			return err
		}))
		return busy
	}
	add(t, db, j, Default, "waits", "long")
	eventually(t, "the first waits", func() bool { return done.count("waits") == 1 })
	eventually(t, "it is known to wait", func() bool { return !hasten("waits") })
	eventually(t, "it is done again", func() bool { return done.count("waits") == 2 })
	<-begun
	if !hasten("long") {
		t.Error("a job that is being done was hastened")
	}
	close(finish)
	if hasten("new") {
		t.Error("a job that is not there is being done")
	}
	eventually(t, "it was added", func() bool { return done.count("new") == 1 })
	if done.count("long") != 1 || done.count("waits") != 2 {
		t.Errorf("done too often: %q", done.names)
	}
}

// TestAQueueThatHangsDelaysNoOther is about what a webhook endpoint that does not answer does to the others.
func TestAQueueThatHangsDelaysNoOther(t *testing.T) {
	db := storetest.Open(t)
	j := newJobs(t, db)
	var done log
	var hanging, most atomic.Int64
	release := make(chan struct{})
	Handle(j, func(_ context.Context, job testJob) (time.Duration, error) {
		if job.Name == "hangs" {
			most.Store(max(most.Load(), hanging.Add(1)))
			<-release
			hanging.Add(-1)
		}
		done.add(job.Name)
		return 0, nil
	})
	must(t, j.Start(t.Context()))
	must(t, j.AddQueue("slow", 2))
	must(t, j.AddQueue("slow", 2))
	must(t, j.AddQueue("quick", 2))
	add(t, db, j, "slow", "hangs", "hangs", "hangs", "hangs")
	eventually(t, "the slow queue is full", func() bool { return hanging.Load() == 2 })
	add(t, db, j, "quick", "goes")
	eventually(t, "the quick one is done", func() bool { return done.count("goes") == 1 })
	if dropped, err := j.DropQueue(t.Context(), "slow"); err != nil || dropped {
		t.Errorf("dropped a queue at work: %v, %v", dropped, err)
	}
	close(release)
	eventually(t, "it is dropped once its jobs are over", func() bool {
		dropped, err := j.DropQueue(t.Context(), "slow")
		return err == nil && dropped
	})
	if most.Load() != 2 || done.count("hangs") != 2 {
		t.Errorf("%d at once, %d done", most.Load(), done.count("hangs"))
	}
}

func TestStopWaitsForWhatIsUnderWay(t *testing.T) {
	db := storetest.Open(t)
	j := newJobs(t, db)
	begun, finish, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	looped := false
	Handle(j, func(ctx context.Context, job testJob) (time.Duration, error) {
		close(begun)
		<-finish
		defer close(over)
		return 0, ctx.Err()
	})
	j.Loop(func(ctx context.Context) {
		<-ctx.Done()
		select {
		case <-over:
			looped = true // what loops flush at their end includes what the last jobs did
		default:
		}
	})
	must(t, j.Start(t.Context()))
	add(t, db, j, Default, "long")
	<-begun
	stopped := make(chan error)
	go func() { stopped <- j.Stop(context.Background()) }()
	select {
	case <-stopped:
		t.Error("it did not wait")
	case <-time.After(20 * time.Millisecond):
	}
	close(finish)
	if err := <-stopped; err != nil || !looped {
		t.Errorf("stopped: %v, the loop came to its end: %v", err, looped)
	}
}

func TestStopEndsWhatDoesNotEndByItselfAndLosesNothing(t *testing.T) {
	db := storetest.Open(t)
	first := newJobs(t, db)
	begun := make(chan struct{})
	Handle(first, func(ctx context.Context, job testJob) (time.Duration, error) {
		close(begun)
		<-ctx.Done()
		return 0, ctx.Err()
	})
	must(t, first.Start(t.Context()))
	add(t, db, first, Default, "long")
	<-begun
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	must(t, first.Stop(short))
	second := newJobs(t, db)
	var done log
	Handle(second, func(_ context.Context, job testJob) (time.Duration, error) {
		done.add(job.Name)
		return 0, nil
	})
	must(t, second.Start(t.Context()))
	eventually(t, "it is done after the restart", func() bool { return done.count("long") == 1 })
}

func TestACallerWhoGoesAwayWhileAJobIsAddedUndoesNothing(t *testing.T) {
	db := storetest.Open(t)
	j := newJobs(t, db)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, db.Write(t.Context(), func(tx *store.Tx) error { return j.Add(gone, tx, Default, testJob{}) }))
}
