package models

import (
	"hash/fnv"
	"time"
)

// RefreshRules say when the tokens of an integration are refreshed. The zero value is that of most providers.
type RefreshRules struct {
	Margin               time.Duration // before the end of an access token; 0 is 15 minutes
	AccessTokenLife      time.Duration // of access tokens that come without an end; 0 where they live until they are refused
	RefreshTokenIdleLife time.Duration // after which an unused refresh token ends; 0 where it does not
}

const (
	refreshMargin   = 15 * time.Minute
	refreshFraction = 4 // … or this part of its life, where that is shorter

	// KeepAlive is how often the tokens of a connection that nobody uses are refreshed at the least: a grant that has ended is
	// noticed within it.
	KeepAlive = 24 * time.Hour
	// UsedLately is how long after its last use a connection is kept at hand, refreshed before its token ends.
	UsedLately = 24 * time.Hour

	idleFraction = 3           // an idle refresh token is used after this part of its life, so that two failures cost nothing
	leastWait    = time.Minute // whatever an integration says
	spreadPart   = 3           // tokens that end together are refreshed ahead over this part of their margin
)

// margin is how long before its end a token of the given life is refreshed.
func (r RefreshRules) margin(life time.Duration) time.Duration {
	if r.Margin > 0 {
		return min(r.Margin, life/2)
	}
	return min(refreshMargin, life/refreshFraction)
}

// Schedule sets when the tokens that c has held since ObtainedAt are refreshed: RefreshAt for whoever uses them, and AheadAt in
// the background, a little before, so that users seldom wait, and not at one time for all that end together.
func (c *Connection) Schedule(rules RefreshRules, now time.Time) {
	c.RefreshAt, c.AheadAt = nil, nil
	if !c.Refreshable {
		return
	}
	keep, idle := KeepAlive, rules.RefreshTokenIdleLife > 0
	if idle {
		keep = min(keep, max(rules.RefreshTokenIdleLife/idleFraction, leastWait))
	}
	spread := c.spread()
	ahead := now.Add(keep - scale(keep/10, spread))
	switch life := c.life(rules); {
	case life > 0:
		margin := rules.margin(life)
		due := c.ObtainedAt.Add(life - margin)
		c.RefreshAt = &due
		before := due.Add(-scale(margin/spreadPart, spread))
		used := now.Sub(c.UsedAt) < UsedLately
		if used && before.Before(ahead) || !idle && before.After(ahead) {
			ahead = before
		}
		if soonest := now.Add(leastWait); ahead.Before(soonest) {
			ahead = soonest
		}
	case c.ExpiresAt != nil: // it came too late
		due := now
		c.RefreshAt, ahead = &due, now
	}
	c.AheadAt = &ahead
}

// life is how long the access token lives from when it was obtained; 0 where nobody knows.
func (c *Connection) life(rules RefreshRules) time.Duration {
	if c.ExpiresAt == nil {
		if rules.AccessTokenLife == 0 {
			return 0
		}
		return max(rules.AccessTokenLife, leastWait)
	}
	return max(0, c.ExpiresAt.Sub(c.ObtainedAt))
}

// spread is a number from 0 to 1 that differs from connection to connection.
func (c *Connection) spread() float64 {
	hash := fnv.New32a()
	hash.Write([]byte(c.UUID))
	return float64(hash.Sum32()) / (1 << 32)
}

func scale(d time.Duration, by float64) time.Duration { return time.Duration(float64(d) * by) }
