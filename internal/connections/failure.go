package connections

import (
	"math/rand/v2"
	"time"

	"github.com/patchbay/patchbay/internal/oauth"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

const (
	// maxRefusals is how often in a row a provider may refuse without saying that the grant has ended, before it counts as ended.
	maxRefusals = 5

	// Bounds of how long a provider that failed is left alone; twice as long after each failure.
	minBackOff = 30 * time.Second
	maxBackOff = 15 * time.Minute
	// maxRetryAfter bounds what a provider can ask for by Retry-After.
	maxRetryAfter = time.Hour
)

// saveFailure stores what a failed refresh means for the connection, with one event for each turn for the worse.
func (s *Service) saveFailure(tx *store.Tx, at fresh, rotated bool, failure *oauth.RefreshFailure) error {
	c := at.connection
	impatient := c.State == models.StateError && c.RefreshAt != nil && c.RefreshAt.After(s.now()) // somebody forced it
	before, state := c.State, models.StateError
	c.Failures++
	if failure.Verdict == oauth.Refused && !impatient {
		c.Refusals++
	}
	if failure.Verdict == oauth.Dead || c.Refusals >= maxRefusals || before == models.StateNeedsReconnect {
		state = models.StateNeedsReconnect
	}
	again := s.now().Add(backOff(c.Failures, failure.RetryAfter)).Truncate(time.Microsecond)
	c.RefreshAt, c.AheadAt = &again, &again
	c.StateReason, c.StateAnswer = failure.Reason, failure.Answer
	if state == models.StateNeedsReconnect || before == models.StateDisabled {
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
	if before == models.StateDisabled {
		c.StateBefore = state
		return tx.SaveState(c, s.now())
	}
	if before == state {
		return nil
	}
	c.State = state
	if err := tx.SaveState(c, s.now()); err != nil || state != models.StateNeedsReconnect {
		return err
	}
	entry := s.entry(models.Actor{Name: models.SystemActor}, models.AuditNeedsReconnect, c)
	entry.After = c.StateReason
	return s.record(tx, entry, models.EventConnectionNeedsReconnect, c.StateReason)
}

// backOff gives how long to leave a provider alone after so many failures in a row: longer each time, not at one time for all,
// and as long as it asks for, within bounds.
func backOff(failures int, asked time.Duration) time.Duration {
	wait := min(minBackOff<<min(failures-1, 10), maxBackOff)
	return max(wait+rand.N(wait/5), min(asked, maxRetryAfter))
}
