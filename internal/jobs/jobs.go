// Package jobs does work in the background: jobs, which are rows of the database and survive the process, and loops, which
// run as long as it does. It is the only place that starts goroutines for either, and decides when they end. It knows
// nothing of what the work is.
//
// Jobs are kept and worked off by River, on the store's own database: a job is added in the transaction of what it is about,
// so there is neither without the other. A job is done at least once. One whose process died is given to another process
// about a minute later, so whoever does it has to know what was done before.
package jobs

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"

	"github.com/patchbay/patchbay/internal/store"
)

// Args say what a job is about. They are stored as they are, in JSON: they hold ids, and never a secret.
type Args = river.JobArgs

// Default is the queue of jobs that name no other.
const Default = river.QueueDefault

// How jobs are worked off.
const (
	atOnce       = 10                     // jobs of the default queue
	pollInterval = 500 * time.Millisecond // how long a new job waits at most while the queue is idle
	jobTimeout   = 30 * time.Second       // longer than anything that a job waits for
	rescueAfter  = time.Minute            // when a job that is still running is taken for lost with its process
	// maxAttempts counts failures of this server, such as a full disk: they are no reason to drop a job. What a job is for has
	// a schedule of its own, which knows when to give up.
	maxAttempts = 10_000
	maxRetry    = 5 * time.Minute
	doneFor     = time.Hour // how long rows of done jobs stay

	dropPatience  = 50 * time.Millisecond
	deletedAtOnce = 1000
)

// Jobs adds jobs, and works them off once it is started. It is safe for concurrent use.
type Jobs struct {
	troubles *troubles
	rivers   *slog.Logger // what River tells
	postgres bool
	driver   riverdriver.Driver[*sql.Tx]
	adding   *river.Client[*sql.Tx]
	workers  *river.Workers

	mu      sync.Mutex
	working *river.Client[*sql.Tx] // nil until it is started
	loops   []func(context.Context)
	stop    context.CancelFunc // of the loops
	running sync.WaitGroup
}

// New gives jobs of a database, with nobody yet to do them.
func New(db *store.Store, log *slog.Logger) (*Jobs, error) {
	pool := db.SQL()
	var driver riverdriver.Driver[*sql.Tx] = riversqlite.New(pool)
	if db.Postgres() {
		driver = riverdatabasesql.New(pool)
	}
	troubles := &troubles{log: log, known: map[string]*trouble{}}
	rivers := slog.New(quiet{log.Handler(), troubles})
	adding, err := river.NewClient(driver, &river.Config{Logger: rivers, MaxAttempts: maxAttempts, PollOnly: true})
	if err != nil {
		return nil, fmt.Errorf("open the job queue: %w", err)
	}
	return &Jobs{troubles: troubles, rivers: rivers, postgres: db.Postgres(), driver: driver, adding: adding, workers: river.NewWorkers()}, nil
}

// Add adds a job to a queue, in the transaction of what it is about. The end of ctx does not interrupt it: with it SQLite would
// roll back the transaction, which others share.
func (j *Jobs) Add(ctx context.Context, tx *store.Tx, queue string, jobs ...Args) error {
	params := make([]river.InsertManyParams, len(jobs))
	for i, args := range jobs {
		params[i] = river.InsertManyParams{Args: args, InsertOpts: &river.InsertOpts{Queue: queue}}
	}
	if _, err := j.adding.InsertManyTx(context.WithoutCancel(ctx), tx.SQL(), params); err != nil {
		return fmt.Errorf("add jobs: %w", err)
	}
	return nil
}

// Hasten makes a job due at once: the one of a queue that waits with the same args, or a new one where there is none. It reports
// true, and changes nothing, while that job is being done: how long it is to wait afterwards is not stored yet.
func (j *Jobs) Hasten(ctx context.Context, tx *store.Tx, queue string, args Args) (busy bool, err error) {
	ctx = context.WithoutCancel(ctx) // as Add does
	text, err := json.Marshal(args)
	if err != nil {
		return false, fmt.Errorf("find a job: %w", err)
	}
	same := "args = jsonb(@args)"
	if j.postgres {
		same = "args = CAST(@args AS jsonb)"
	}
	waiting, err := j.adding.JobListTx(ctx, tx.SQL(), river.NewJobListParams().Kinds(args.Kind()).Queues(queue).States(unfinished...).
		Where(same, river.NamedArgs{"args": string(text)}).First(1))
	if err != nil {
		return false, fmt.Errorf("find a job: %w", err)
	}
	if len(waiting.Jobs) == 0 {
		return false, j.Add(ctx, tx, queue, args)
	}
	job, err := j.adding.JobRetryTx(ctx, tx.SQL(), waiting.Jobs[0].ID) // which leaves one alone that is being done
	if err != nil {
		return false, fmt.Errorf("hasten a job: %w", err)
	}
	return job.State == rivertype.JobStateRunning, nil
}

// unfinished are the states of jobs that are still to be done.
var unfinished = []rivertype.JobState{rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled}

// Handle says who does the jobs of a kind, before j is started. Work that is not over gives after how long it is to go on, or
// an error, which is logged and never holds a secret; then it goes on a while later.
func Handle[A Args](j *Jobs, work func(ctx context.Context, args A) (again time.Duration, err error)) {
	river.AddWorker(j.workers, &worker[A]{work: work})
}

type worker[A Args] struct {
	river.WorkerDefaults[A]
	work func(context.Context, A) (time.Duration, error)
}

// Work implements [river.Worker].
func (w *worker[A]) Work(ctx context.Context, job *river.Job[A]) error {
	again, err := w.work(ctx, job.Args)
	if err == nil && again > 0 {
		return river.JobSnooze(again)
	}
	return err
}

// NextRetry implements [river.Worker].
func (w *worker[A]) NextRetry(job *river.Job[A]) time.Time {
	return time.Now().Add(min(time.Duration(job.Attempt)*pollInterval, maxRetry))
}

// Every does work at intervals from the start of j until its end; a failure is logged, as [Jobs.Failed] does, and does not end
// it.
func (j *Jobs) Every(interval time.Duration, name string, work func(context.Context) error) {
	j.Loop(func(ctx context.Context) {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		in := "" // what trouble
		for {
			select {
			case <-ticker.C:
				if err := work(ctx); err == nil {
					j.troubles.leave(in)
					in = ""
				} else if ctx.Err() == nil {
					in = j.troubles.loopFailed(in, name, err)
				}
			case <-ctx.Done():
				return
			}
		}
	})
}

// Failed logs that work in the background has failed. Where it does again and again, or all work does because the database cannot
// be used, the log tells of it once a minute, with a count.
func (j *Jobs) Failed(name string, err error) { j.troubles.failed(name, err) }

// Loop runs work from the start of j until its end, which work is told by its context and which waits for it.
func (j *Jobs) Loop(work func(context.Context)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.loops = append(j.loops, work)
}

// Start begins to do jobs and loops. They go on when ctx ends, until [Jobs.Stop].
func (j *Jobs) Start(ctx context.Context) error {
	working, err := river.NewClient(j.driver, &river.Config{
		Workers: j.workers, Queues: map[string]river.QueueConfig{Default: {MaxWorkers: atOnce}},
		PollOnly: true, FetchPollInterval: pollInterval, JobTimeout: jobTimeout, RescueStuckJobsAfter: rescueAfter,
		MaxAttempts: maxAttempts, CompletedJobRetentionPeriod: doneFor, CancelledJobRetentionPeriod: doneFor, Logger: j.rivers,
	})
	if err != nil {
		return fmt.Errorf("set up background jobs: %w", err)
	}
	ctx = context.WithoutCancel(ctx)
	if err := working.Start(ctx); err != nil {
		return fmt.Errorf("start background jobs: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.working = working
	ctx, j.stop = context.WithCancel(ctx)
	for _, work := range j.loops {
		j.running.Go(func() { work(ctx) })
	}
	return nil
}

// Stop takes on no more jobs and waits for those under way, until ctx ends: then they are told to stop, and go on with the
// next start. Then it ends the loops and waits for them.
func (j *Jobs) Stop(ctx context.Context) error {
	j.mu.Lock()
	working, stop := j.working, j.stop
	j.mu.Unlock()
	if working == nil {
		return nil
	}
	err := working.Stop(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		err = working.StopAndCancel(hard)
	}
	stop()
	j.running.Wait()
	return err
}

// AddQueue begins to do the jobs of a queue, so many at once in this process, whatever other queues wait for. It may be called
// from a loop.
func (j *Jobs) AddQueue(name string, atOnce int) error {
	err := j.working.Queues().Add(name, river.QueueConfig{MaxWorkers: atOnce})
	var known *river.QueueAlreadyAddedError
	if err != nil && !errors.As(err, &known) {
		return fmt.Errorf("add queue %s: %w", name, err)
	}
	return nil
}

// DropQueue ends what [Jobs.AddQueue] began, and forgets the queue's jobs. It reports false while jobs are under way: they are
// not waited for, so it has to be called again.
func (j *Jobs) DropQueue(ctx context.Context, name string) (dropped bool, err error) {
	short, cancel := context.WithTimeout(ctx, dropPatience)
	defer cancel()
	err = j.working.Queues().Remove(short, name)
	if errors.Is(err, context.DeadlineExceeded) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("drop queue %s: %w", name, err)
	}
	for {
		deleted, err := j.working.JobDeleteMany(ctx, river.NewJobDeleteManyParams().Queues(name).First(deletedAtOnce))
		if err != nil {
			return false, fmt.Errorf("drop the jobs of queue %s: %w", name, err)
		}
		if len(deleted.Jobs) < deletedAtOnce {
			return true, nil
		}
	}
}
