package auth

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

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

// forget drops the buckets that are full again, and all of them where none is: then they are made up.
func (l *limiter) forget(now time.Time) {
	for key, bucket := range l.buckets {
		if bucket.TokensAt(now) >= float64(l.burst) {
			delete(l.buckets, key)
		}
	}
	if len(l.buckets) >= maxBuckets {
		clear(l.buckets)
	}
}
