package connections

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/patchbay/patchbay/internal/jobs"
	"github.com/patchbay/patchbay/internal/oauth"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// Revocation says what became of a grant at the provider.
type Revocation string

// The outcomes of a revocation.
const (
	Revoked               Revocation = "revoked"
	RevocationUnsupported Revocation = "unsupported" // the provider offers none; the end user can remove the app there
	RevocationRetrying    Revocation = "retrying"    // the provider is in trouble and is asked again for a day
	RevocationFailed      Revocation = "failed"
	RevocationSuperseded  Revocation = "superseded" // the user has connected again, and many providers end all of a user's grants with one
)

// How long a revocation may take.
const (
	revokeTimeout = 10 * time.Second // of one try; who deletes a connection waits for the first
	revokeFor     = 24 * time.Hour   // of all tries; most access tokens have ended by then
	minRevokeWait = 30 * time.Second // longer than the first try, which nobody else is to make at the same time
	maxRevokeWait = time.Hour
)

// revokeJob ends one grant.
type revokeJob struct {
	Revocation string `json:"revocation"` // its uuid
}

// Kind implements [jobs.Args].
func (revokeJob) Kind() string { return "revocation" }

// Delete deletes a connection with its credentials, and then revokes the grant at the provider: at once, or, while the provider
// is in trouble, in the background. It fails with unknown_connection; a revocation that fails is no error, but message says
// why.
func (s *Service) Delete(ctx context.Context, actor models.Actor, uuid string) (deleted *models.Connection, revocation Revocation, message string, err error) {
	var left *grant
	deleted, err = s.change(ctx, uuid, func(tx *store.Tx, c *models.Connection) error {
		credentials, err := tx.Credentials(ctx, uuid)
		if err != nil {
			return err
		}
		if err := tx.DeleteConnection(c); err != nil {
			return err
		}
		if left, err = s.leave(ctx, tx, c, credentials); err != nil {
			return err
		}
		return s.record(tx, s.entry(actor, models.AuditConnectionDeleted, c), models.EventConnectionDeleted, "")
	})
	if err != nil {
		return nil, "", "", err
	}
	revocation, message = s.end(ctx, actor, left)
	return deleted, revocation, message, nil
}

// grant is access at a provider that no connection needs any more.
type grant struct {
	*models.PendingRevocation
	credentials models.Credentials
}

// leave keeps the credentials of a connection that is going, for as long as it takes to revoke them, whatever happens to this
// process. It gives nil for what cannot be revoked.
func (s *Service) leave(ctx context.Context, tx *store.Tx, of *models.Connection, credentials models.Credentials) (*grant, error) {
	in, err := s.Integration(of.Integration)
	if err != nil || !oauth.Revocable(in, credentials) {
		return nil, nil
	}
	now := s.now()
	left := &grant{&models.PendingRevocation{
		UUID: uuid.NewString(), Integration: of.Integration, UserID: of.UserID, ConnectionUUID: of.UUID, Version: of.Version,
		Host: hostOf(in.Auth.RevocationURL), DateCreated: now, NextTry: now.Add(minRevokeWait),
	}, credentials}
	if err := tx.CreateRevocation(left.PendingRevocation, credentials); err != nil {
		return nil, err
	}
	return left, s.jobs.Add(ctx, tx, jobs.Default, revokeJob{left.UUID})
}

// revoke ends a grant whose credentials nobody holds any more, as [Service.Delete] does.
func (s *Service) revoke(ctx context.Context, of *models.Connection, credentials models.Credentials) {
	ctx = context.WithoutCancel(ctx)
	var left *grant
	err := s.store.Write(ctx, func(tx *store.Tx) (err error) {
		left, err = s.leave(ctx, tx, of, credentials)
		return err
	})
	if err != nil {
		s.log.Error("store a revocation", "integration", of.Integration, "userId", of.UserID, "error", err)
	}
	s.end(ctx, models.Actor{Name: models.SystemActor}, left)
}

// end tries once to end a grant, even when the caller goes away meanwhile, and stores how it went.
func (s *Service) end(ctx context.Context, actor models.Actor, left *grant) (Revocation, string) {
	if left == nil {
		return RevocationUnsupported, ""
	}
	ctx = context.WithoutCancel(ctx)
	outcome, message := s.tryRevoke(ctx, left)
	left.Tries++
	left.Error = message
	now := s.now()
	if outcome == RevocationRetrying {
		left.NextTry = now.Add(revokeWait(left.Tries))
		if left.NextTry.After(left.DateCreated.Add(revokeFor)) {
			outcome = RevocationFailed
		}
	}
	err := s.store.Write(ctx, func(tx *store.Tx) error {
		if outcome == RevocationRetrying {
			return tx.SaveRevocation(left.PendingRevocation)
		}
		there, err := tx.DeleteRevocation(left.PendingRevocation)
		if err != nil || !there {
			return err
		}
		entry := models.AuditEntry{
			Time: now, Actor: actor.Name, IP: actor.IP, RequestID: actor.RequestID, Action: models.AuditConnectionRevoked,
			Integration: left.Integration, UserID: left.UserID, ConnectionUUID: left.ConnectionUUID, Version: left.Version, After: string(outcome),
		}
		if message != "" {
			entry.After += ": " + message
		}
		return tx.Audit(entry)
	})
	if err != nil { // the job tries again
		s.log.Error("store the outcome of a revocation", "connection", left.ConnectionUUID, "error", err)
	}
	return outcome, message
}

// hostOf gives scheme and host of an address.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func (s *Service) tryRevoke(ctx context.Context, left *grant) (Revocation, string) {
	in, err := s.Integration(left.Integration)
	if err != nil || !oauth.Revocable(in, left.credentials) {
		return RevocationFailed, "The integration is no longer configured, or has no revocation endpoint any more."
	}
	// Without connections an integration may be changed, or another take its name, and the credentials are not for that one.
	if hostOf(in.Auth.RevocationURL) != left.Host {
		return RevocationFailed, "The integration's revocation endpoint is on another host than it was."
	}
	if left.ConnectionUUID != "" {
		if _, err := s.Find(ctx, left.Integration, left.UserID); err == nil {
			return RevocationSuperseded, ""
		}
	}
	ctx, cancel := context.WithTimeout(ctx, revokeTimeout)
	defer cancel()
	err = s.oauth.Revoke(ctx, in, left.credentials)
	e := models.AsError(err)
	switch {
	case err == nil:
		return Revoked, ""
	case errors.Is(err, context.Canceled), e != nil && (e.Kind == models.KindProviderFailed || e.Kind == models.KindProviderTimeout):
		return RevocationRetrying, err.Error()
	}
	return RevocationFailed, err.Error()
}

// revokeWait gives how long to wait after so many tries: twice as long each time, and a little more or less, so that what
// failed together does not come back together.
func revokeWait(tries int) time.Duration {
	wait := min(minRevokeWait<<min(tries-1, 10), maxRevokeWait)
	return time.Duration(float64(wait) * (0.9 + 0.2*rand.Float64()))
}

// revokeAgain does a [revokeJob].
func (s *Service) revokeAgain(ctx context.Context, job revokeJob) (again time.Duration, err error) {
	pending, credentials, err := s.store.Revocation(ctx, job.Revocation)
	if err != nil || pending == nil {
		return 0, err
	}
	if wait := pending.NextTry.Sub(s.now()); wait > 0 {
		return wait, nil
	}
	left := &grant{pending, credentials}
	if outcome, _ := s.end(ctx, models.Actor{Name: models.SystemActor}, left); outcome != RevocationRetrying {
		return 0, nil
	}
	return left.NextTry.Sub(s.now()), nil
}
