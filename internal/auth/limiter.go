package auth

import (
	"cmp"
	"context"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// sharedLimiter limits tries for all processes on the database together. What this process refuses by itself costs the database
// nothing.
type sharedLimiter struct {
	store *store.Store
	what  string
	local *limiter
}

// wait takes one try of key and gives 0, or gives how long until there is one.
func (l *sharedLimiter) wait(ctx context.Context, key string) (time.Duration, error) {
	if wait := l.local.wait(key); wait > 0 {
		return wait, nil
	}
	hash := models.Secret(l.what + "|" + key).Hash() // an email address is nobody's business
	return l.store.TakeTry(ctx, hash, l.local.every, l.local.burst, l.local.now())
}

// limiter gives every key a bucket of tries. Buckets are per process.
type limiter struct {
	now     func() time.Time
	every   time.Duration
	burst   int
	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

// maxBuckets bounds the memory that made-up keys can take.
const maxBuckets = 10_000

func newLimiter(now func() time.Time, every time.Duration, burst int) *limiter {
	return &limiter{now: now, every: every, burst: burst, buckets: map[string]*rate.Limiter{}}
}

// wait takes one try of key and gives 0, or gives how long until there is one.
func (l *limiter) wait(key string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	bucket := l.buckets[key]
	if bucket == nil {
		if len(l.buckets) >= maxBuckets {
			l.forget(now)
		}
		bucket = rate.NewLimiter(rate.Every(l.every), l.burst)
		l.buckets[key] = bucket
	}
	if bucket.AllowN(now, 1) {
		return 0
	}
	return time.Duration((1 - bucket.TokensAt(now)) * float64(l.every))
}

// forget drops the quarter of the buckets that are nearest to full: dropping those gives the fewest tries back.
func (l *limiter) forget(now time.Time) {
	keys := slices.SortedFunc(maps.Keys(l.buckets), func(a, b string) int {
		return cmp.Compare(l.buckets[b].TokensAt(now), l.buckets[a].TokensAt(now))
	})
	for _, key := range keys[:maxBuckets/4] {
		delete(l.buckets, key)
	}
}

// network gives the part of an address that one subscriber has to himself: of IPv6 the first 64 bits.
func network(ip string) string {
	address, err := netip.ParseAddr(ip)
	if err != nil || address.Unmap().Is4() {
		return ip
	}
	prefix, _ := address.WithZone("").Prefix(64) // 64 bits fit
	return prefix.String()
}
