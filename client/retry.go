package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

const (
	maxTries  = 3
	firstWait = 500 * time.Millisecond // at most, after the first try; doubled after each
	maxWait   = 30 * time.Second       // a server that asks for more is not waited for
)

// withRetries calls try until it succeeds, fails for good, or has been called often enough.
func withRetries(ctx context.Context, r request, try func() (*answer, error)) (*answer, error) {
	for tries := 1; ; tries++ {
		answer, err := try()
		if err == nil || tries == maxTries || ctx.Err() != nil || !r.repeatable(err) {
			return answer, err
		}
		wait, worthwhile := waitAfter(ctx, tries, err)
		if !worthwhile {
			return nil, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("%w; the wait before another try was ended: %w", err, ctx.Err())
		}
	}
}

// repeatable reports whether r may be sent again after err. After a lost connection, and after what a proxy says that lost
// its own, nobody knows whether r was carried out; 429 and 503 say that it was not.
func (r *request) repeatable(err error) bool {
	// A POST is told apart by its Idempotency-Key, and a merge patch that is applied twice changes nothing the second time
	// (RFC 7396 §2). With If-Match, and for DELETE, the repetition of what was carried out would fail as if someone else had
	// been faster.
	harmless := r.ifMatch == nil && r.method != http.MethodDelete
	e, answered := errors.AsType[*Error](err)
	if !answered {
		return harmless
	}
	switch e.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return true
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
		return harmless
	}
	return e.Code == CodeIdempotencyInProgress // the server is still working on the try before
}

// waitAfter gives how long to wait after a failed try, and whether that is worthwhile. The time is random, so that clients
// that failed together do not come back together, and never less than the server asks for.
func waitAfter(ctx context.Context, tries int, err error) (wait time.Duration, worthwhile bool) {
	var asked time.Duration
	if e, ok := errors.AsType[*Error](err); ok {
		asked = e.RetryAfter
	}
	half := firstWait << (tries - 1) / 2
	wait = max(asked, half) + rand.N(half)
	deadline, bounded := ctx.Deadline()
	return wait, asked <= maxWait && (!bounded || wait < time.Until(deadline))
}

// parseRetryAfter reads a Retry-After header, seconds or a date (RFC 9110 §10.2.3); 0 where it is neither or past.
func parseRetryAfter(value string) time.Duration {
	// Beyond 32 bits ParseUint gives the largest number, 136 years.
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return max(0, time.Until(at))
}
