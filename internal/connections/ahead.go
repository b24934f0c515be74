package connections

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

type flightResult = singleflight.Result

const (
	// aheadPlaces is how many connections of one integration a process refreshes at once in the background.
	aheadPlaces = 16
	// aheadBatch is how many of them are looked up at once.
	aheadBatch = 8 * aheadPlaces
)

// RefreshDue begins, for every integration that has connections to be refreshed in the background, to refresh them, and returns
// without waiting: one that hangs holds up no other. It is called again and again, and goes on where the last call has not ended.
func (s *Service) RefreshDue(ctx context.Context) error {
	var names []string
	for _, in := range s.Integrations() {
		names = append(names, in.Name)
	}
	names, err := s.store.DueIntegrations(ctx, names, s.now())
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, busy := s.ahead.LoadOrStore(name, true); busy || !s.begin() {
			continue
		}
		go func() {
			defer s.underWay.Done()
			defer s.ahead.Delete(name)
			if err := s.refreshAhead(ctx, name); err != nil && ctx.Err() == nil {
				s.jobs.Failed("refresh ahead: "+name, err)
			}
		}()
	}
	return nil
}

// refreshAhead refreshes what is due of an integration until nothing is left, or nothing gets on.
func (s *Service) refreshAhead(ctx context.Context, integration string) error {
	for {
		due, err := s.store.Due(ctx, integration, s.now(), aheadBatch)
		if err != nil || len(due) == 0 {
			return err
		}
		// Other processes look at the same ones.
		rand.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] })
		var group errgroup.Group
		group.SetLimit(aheadPlaces)
		var gotOn atomic.Bool
		for i := range due {
			if ctx.Err() != nil {
				break
			}
			group.Go(func() error {
				result := <-s.fly(ctx, &due[i], Freshness{ahead: true})
				if got, _ := result.Val.(fresh); got.connection != nil && (got.connection.AheadAt == nil || got.connection.AheadAt.After(s.now())) {
					gotOn.Store(true)
				}
				switch {
				case result.Err == nil, models.AsError(result.Err) != nil: // the connection tells
					return nil
				case store.DoesNotOpen(result.Err): // which holds up no other
					gotOn.Store(true)
					s.log.Error("refresh ahead", "connection", due[i].UUID, "error", result.Err)
					return s.store.PutOff(ctx, due[i].ID, s.now().Add(models.KeepAlive))
				}
				return result.Err
			})
		}
		if err := errors.Join(group.Wait(), ctx.Err()); err != nil || !gotOn.Load() {
			return err
		}
	}
}

// uses collects which connections are used, to be written from time to time.
type uses struct {
	mu  sync.Mutex
	ids map[int64]struct{}
}

// useResolution is how exactly a connection's last use is remembered: that it is used is written no more often.
const useResolution = time.Hour

// maxUses bounds what is collected; what is over it is noted at the next use.
const maxUses = 10_000

// note notes a use of a connection.
func (u *uses) note(c *models.Connection, now time.Time) {
	if now.Sub(c.UsedAt) < useResolution {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ids == nil {
		u.ids = map[int64]struct{}{}
	}
	if len(u.ids) < maxUses {
		u.ids[c.ID] = struct{}{}
	}
}

// putBack collects again what was taken and could not be written.
func (u *uses) putBack(ids []int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, id := range ids {
		u.ids[id] = struct{}{}
	}
}

// take gives what was collected, up to a number, and forgets it.
func (u *uses) take(most int) []int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	var ids []int64
	for id := range u.ids {
		if len(ids) == most {
			break
		}
		ids = append(ids, id)
		delete(u.ids, id)
	}
	return ids
}

// NoteUses writes which connections were used since the last call. A crash loses the last ones, which costs nothing but that a
// token may not be refreshed ahead.
func (s *Service) NoteUses(ctx context.Context) error {
	const batch = 500 // parameters of one statement
	for {
		ids := s.used.take(batch)
		if len(ids) == 0 {
			return nil
		}
		if err := s.store.Used(ctx, ids, s.now()); err != nil {
			s.used.putBack(ids)
			return err
		}
	}
}
