package connections

import (
	"context"
	"sync"

	"github.com/patchbay/patchbay/internal/oauth"
	"github.com/patchbay/patchbay/models"
)

// bulkheadPlaces is how many refreshes of one integration are under way at once in a process. What is more waits for its turn: a
// provider that hangs takes its own places and nobody else's.
const bulkheadPlaces = 100

// bulkhead bounds the refreshes under way by integration.
type bulkhead struct {
	mu     sync.Mutex
	places map[string]chan struct{}
}

// enter waits for a place, no longer than a provider is awaited, and gives the way to leave it. It fails with refresh_timeout.
func (b *bulkhead) enter(ctx context.Context, integration string) (leave func(), err error) {
	b.mu.Lock()
	if b.places == nil {
		b.places = map[string]chan struct{}{}
	}
	places := b.places[integration]
	if places == nil {
		places = make(chan struct{}, bulkheadPlaces)
		b.places[integration] = places
	}
	b.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, oauth.CallTimeout)
	defer cancel()
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	case <-ctx.Done():
		return nil, &models.Error{
			Kind: models.KindProviderTimeout, Code: models.CodeRefreshTimeout,
			Message: integration + " is so slow that too many refreshes wait for it.",
		}
	}
}
