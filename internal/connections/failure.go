package connections

import (
	"math/rand/v2"
	"time"

	"github.com/patchbay/patchbay/internal/oauth"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

const (
	// Refusals that may mean that the grant has ended are further apart: five of them take more than an hour.
	minRefusalBackOff = 5 * time.Minute
	maxRefusalBackOff = time.Hour

	// Bounds of how long a provider that failed is left alone; twice as long after each failure.
	minBackOff = 30 * time.Second
	maxBackOff = 15 * time.Minute
	// maxRetryAfter bounds what a provider can ask for by Retry-After.
	maxRetryAfter = time.Hour
)

// saveFailure stores what a failed refresh means for the connection, with one event for each turn for the worse.
func (s *Service) saveFailure(tx *store.Tx, at fresh, rotated bool, failure *oauth.RefreshFailure) error {
	c := at.connection
	state := &c.State
	if c.State == models.StateDisabled { // meanwhile; this is what ends it being disabled
		state = &c.StateBefore
	}
	before := *state
	c.Failures++
	impatient := before == models.StateError && c.RefreshAt != nil && c.RefreshAt.After(s.now()) // somebody forced it
	if failure.Verdict == oauth.Refused && !impatient {
		c.Refusals++
	}
	wait := backOff(c.Failures, minBackOff, maxBackOff)
	if failure.Verdict == oauth.Refused {
		wait = backOff(c.Refusals, minRefusalBackOff, maxRefusalBackOff)
	}
	again := s.now().Add(max(wait, min(failure.RetryAfter, maxRetryAfter))).Truncate(time.Microsecond)
	c.RefreshAt, c.AheadAt = &again, &again
	c.StateReason, c.StateAnswer = failure.Reason, failure.Answer
	*state = models.StateError
	if failure.Verdict == oauth.Dead {
		c.Refusals = 0
	}
	if failure.Verdict == oauth.Dead || c.Unclear() || before == models.StateNeedsReconnect {
		*state = models.StateNeedsReconnect
	}
	if *state == models.StateNeedsReconnect || c.State == models.StateDisabled {
		c.AheadAt = nil
	}
	if err := tx.SaveFailure(c); err != nil {
		return err
	}
	if rotated {
		if err := tx.SaveCredentials(c, at.credentials, s.now()); err != nil {
			return err
		}
	}
	if *state == before {
		return nil
	}
	if err := tx.SaveState(c, s.now()); err != nil || *state != models.StateNeedsReconnect {
		return err
	}
	entry := s.entry(models.Actor{Name: models.SystemActor}, models.AuditNeedsReconnect, c)
	entry.After = c.StateReason
	return s.record(tx, entry, models.EventConnectionNeedsReconnect, c.StateReason)
}

// backOff gives how long to leave a provider alone after so many failures in a row: twice as long each time, within bounds, and not
// equally long for all.
func backOff(failures int, least, most time.Duration) time.Duration {
	wait := min(least<<min(max(failures-1, 0), 10), most)
	return wait + rand.N(wait/5)
}
