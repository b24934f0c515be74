package connections

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/patchbay/patchbay/internal/oauth"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

const (
	// DefaultLease is for how long the one who refreshes keeps all others off, if he does not end it before. Whoever holds it is
	// gone after that, or stopped: it is longer than a provider is awaited and the result stored.
	DefaultLease = 30 * time.Second
	// askPart is the part of the lease in which the provider may be asked.
	askPart = 0.5

	// patience is how long a caller waits for a refresh while the token at hand still lives.
	patience = 3 * time.Second

	// leasePoll is how often somebody who waits for another process looks for its result; half of that at least.
	leasePoll = 60 * time.Millisecond
)

// fresh is what a refresh gives to everyone who waits for it; beside a failure, what is at hand.
type fresh struct {
	connection  *models.Connection
	credentials models.Credentials
	renewed     bool // by this refresh
}

// refresh runs one refresh of a connection at a time; whoever comes meanwhile waits for its result.
func (s *Service) refresh(ctx context.Context, seen *models.Connection, at models.Credentials, want Freshness) (*models.Connection, models.Credentials, error) {
	var enough <-chan time.Time
	if !want.Force && s.usable(seen, at, want) {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		enough = timer.C
	}
	for tries := 0; ; tries++ {
		flight := s.fly(ctx, seen, want)
		select {
		case <-ctx.Done():
			return nil, models.Credentials{}, ctx.Err()
		case <-enough:
			return s.given(seen, at, want)
		case result := <-flight:
			got, _ := result.Val.(fresh)
			if result.Err != nil && (got.connection == nil || got.connection.State != models.StateDisabled && (want.Force || !s.usable(got.connection, got.credentials, want))) {
				return nil, models.Credentials{}, result.Err
			}
			want.Force = want.Force && !got.renewed && got.connection.ObtainedAt.Equal(seen.ObtainedAt)
			// A flight that another began was content with less, or an answer that was kept came too late.
			again := !got.renewed || !got.connection.Usable(s.now()) && tries == 0
			if result.Err == nil && again && s.due(got.connection, got.credentials, want) {
				continue
			}
			connection := *got.connection
			return s.given(&connection, got.credentials, want)
		}
	}
}

// fly joins the flight of a connection, or begins it. The caller may go away; the others, and the token that the provider has
// given out by then, stay.
func (s *Service) fly(ctx context.Context, seen *models.Connection, want Freshness) <-chan flightResult {
	return s.refreshes.DoChan(seen.UUID, func() (result any, err error) {
		if !s.begin() {
			return fresh{}, errEnding
		}
		defer s.underWay.Done()
		defer func() { // a fault at one connection must not end the program
			if cause := recover(); cause != nil {
				s.log.Error("panic in a refresh", "connection", seen.UUID, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
				result, err = fresh{}, fmt.Errorf("panic in a refresh of connection %s", seen.UUID)
			}
		}()
		return s.refreshOnce(context.WithoutCancel(ctx), seen, want)
	})
}

// errEnding says that the program ends.
var errEnding = &models.Error{Kind: models.KindProviderTimeout, Code: models.CodeRefreshTimeout, Message: "The server is shutting down. Ask again."}

// refreshOnce refreshes a connection, or waits for another process that does.
func (s *Service) refreshOnce(ctx context.Context, seen *models.Connection, want Freshness) (fresh, error) {
	leave, err := s.bulkhead.enter(ctx, seen.Integration)
	if err != nil {
		return fresh{}, err
	}
	defer leave()
	for {
		began := time.Now()
		r, leased, err := s.lease(ctx, seen, want)
		switch {
		case err != nil:
			return fresh{}, err
		case leased:
			return s.refreshLeased(ctx, r, began)
		case !r.Leased || want.ahead:
			return fresh{connection: r.Connection, credentials: r.Credentials}, nil
		}
		select {
		case <-s.ending:
			return fresh{}, errEnding
		case <-time.After(leasePoll/2 + rand.N(leasePoll/2)):
		}
	}
}

// lease takes the lease of a connection whose refresh is due; a flight that has just ended may have done it. Who only looks
// does not hold up those who write.
func (s *Service) lease(ctx context.Context, seen *models.Connection, want Freshness) (r *store.Refresh, leased bool, err error) {
	due := func() bool {
		want := want
		want.Force = want.Force && r.Connection.ObtainedAt.Equal(seen.ObtainedAt)
		return r.Reply != nil || s.due(r.Connection, r.Credentials, want)
	}
	if r, err = s.store.ForRefresh(ctx, seen.UUID); err != nil {
		return nil, false, err
	}
	if !due() {
		r.Leased = false // nothing to wait for
		return r, false, nil
	}
	if r.Leased {
		return r, false, nil
	}
	err = s.write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if r, err = tx.LockForRefresh(ctx, seen.UUID); err != nil {
			return err
		}
		if leased = due() && !r.Leased; !leased {
			return nil
		}
		return tx.Lease(r, s.leaseLife)
	})
	return r, leased, err
}

// refreshLeased asks the provider, keeps its answer before reading it, and stores what it brings.
func (s *Service) refreshLeased(ctx context.Context, r *store.Refresh, began time.Time) (fresh, error) {
	in, err := s.Integration(r.Connection.Integration)
	if err != nil {
		e := models.AsError(err)
		return s.refreshFailed(ctx, r, models.Credentials{}, &oauth.RefreshFailure{Reason: e.Message}, err)
	}
	used := r.Credentials.RefreshToken
	var reply oauth.Reply
	if r.Reply == nil || json.Unmarshal(r.Reply, &reply) != nil {
		within := time.Duration(float64(s.leaseLife) * askPart)
		if reply, err = s.oauth.AskRefresh(ctx, in, used, began, within); err == nil {
			s.keepReply(ctx, r, reply)
		}
	}
	renewed, failure := oauth.ReadRefresh(in, used, reply, err)
	if failure != nil {
		return s.refreshFailed(ctx, r, renewed, failure, failure.Error())
	}
	return s.saveRefreshed(ctx, r, in, renewed)
}

// keepReply keeps an answer until it is understood and stored: should this process not get to it, the next one will. That this
// fails is no reason not to go on.
func (s *Service) keepReply(ctx context.Context, r *store.Refresh, reply oauth.Reply) {
	text, err := json.Marshal(reply)
	if err == nil {
		err = s.write(ctx, func(ctx context.Context, tx *store.Tx) error {
			stored, err := tx.LockForRefresh(ctx, r.Connection.UUID)
			if err != nil || stored.Credentials.RefreshToken != r.Credentials.RefreshToken {
				return err
			}
			return tx.KeepReply(stored.Connection, text, s.now())
		})
	}
	if err != nil && !models.HasCode(err, models.CodeUnknownConnection) {
		s.log.Error("keep the answer to a refresh", "connection", r.Connection.UUID, "error", err)
	}
}

// saveRefreshed stores what a refresh gave, unless other credentials took the place of those it used meanwhile: they are newer
// than what the provider knew. That the lease was lost is no reason: as long as the refresh token that was used is stored, there
// is no newer one.
func (s *Service) saveRefreshed(ctx context.Context, r *store.Refresh, in *models.Integration, renewed models.Credentials) (fresh, error) {
	result := fresh{credentials: renewed, renewed: true}
	err := s.persist(ctx, r, func(ctx context.Context, tx *store.Tx) error {
		stored, err := tx.LockForRefresh(ctx, r.Connection.UUID)
		if err != nil {
			return err
		}
		result.connection = stored.Connection
		if stored.Credentials.RefreshToken != r.Credentials.RefreshToken {
			result.credentials = stored.Credentials
			return nil
		}
		if err := s.renew(tx, stored.Connection, in.Auth.Refresh, renewed); err != nil {
			return err
		}
		return tx.Emit(s.event(models.EventConnectionRefreshed, stored.Connection, ""))
	})
	if models.HasCode(err, models.CodeUnknownConnection) { // deleted meanwhile, and what was just given out with it
		s.revoke(ctx, r.Connection, renewed)
	}
	return result, err
}

// refreshFailed judges a failed refresh: whether the grant is lost or only its provider is in trouble. It gives the failure with
// what is at hand, or none when it has been overtaken: by new credentials, or by somebody who took the lease over.
func (s *Service) refreshFailed(ctx context.Context, r *store.Refresh, rotated models.Credentials, failure *oauth.RefreshFailure, answer error) (fresh, error) {
	var result fresh
	err := s.persist(ctx, r, func(ctx context.Context, tx *store.Tx) error {
		stored, err := tx.LockForRefresh(ctx, r.Connection.UUID)
		if err != nil {
			return err
		}
		result = fresh{connection: stored.Connection, credentials: stored.Credentials}
		if stored.Credentials.RefreshToken != r.Credentials.RefreshToken {
			answer = nil
			return nil
		}
		if stored.Fence != r.Fence {
			return nil
		}
		if rotated.RefreshToken != "" {
			result.credentials.RefreshToken = rotated.RefreshToken
		}
		return s.saveFailure(tx, result, rotated.RefreshToken != "", failure)
	})
	switch {
	case err != nil:
		return fresh{}, err
	case answer != nil && result.connection.State == models.StateNeedsReconnect:
		answer = needsReconnect(result.connection)
	case answer != nil && result.connection.RefreshAt != nil:
		if e := models.AsError(answer); e != nil {
			told := *e
			told.RetryAfter = max(0, result.connection.RefreshAt.Sub(s.now()))
			answer = &told
		}
	}
	return result, answer
}

// writeTime bounds a write of a refresh: a database that does not answer must not make a lease end unnoticed.
const writeTime = 10 * time.Second

func (s *Service) write(ctx context.Context, change func(context.Context, *store.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	return s.store.Write(ctx, func(tx *store.Tx) error { return change(ctx, tx) })
}

// persist writes what must not be lost, for as long as it takes: the only copy of a rotated refresh token is in memory while the
// disk is full or the database away. It gives up when that has no prospect, or when the program ends.
func (s *Service) persist(ctx context.Context, r *store.Refresh, change func(context.Context, *store.Tx) error) error {
	const most = 10 * time.Minute
	wait, enough := 50*time.Millisecond, time.After(most)
	for {
		err := s.write(ctx, change)
		if err == nil || models.HasCode(err, models.CodeUnknownConnection) {
			return err
		}
		s.jobs.Failed("store the outcome of a refresh; it is tried again", err)
		select {
		case <-time.After(wait):
			wait = min(2*wait, 2*time.Second)
			continue
		case <-s.ending:
		case <-enough:
		}
		s.log.Error("the outcome of a refresh was not stored", "connection", r.Connection.UUID, "error", err)
		return err
	}
}
