package auth

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// Meter counts the calls of API keys, for the audit: per key, operation, connection and ten minutes. Counts are kept in
// memory for a moment and written in batches, so that a read costs no write; a crash can lose the counts of that moment.
// It is safe for concurrent use.
type Meter struct {
	store *store.Store
	now   func() time.Time

	mu     sync.Mutex
	counts map[call]int64
	failed error // of the last flush
}

// call is what calls are counted by.
type call struct {
	window                        time.Time
	apiKey, operation, connection string
}

// FlushInterval is how often [Meter.Flush] has to be called.
const FlushInterval = 500 * time.Millisecond

// NewMeter gives a meter. What it counts has to be flushed.
func NewMeter(s *store.Store, now func() time.Time) *Meter {
	return &Meter{store: s, now: now, counts: map[call]int64{}}
}

// Count counts a call about a connection, or about none where the uuid is empty. It fails while counts cannot be written:
// what is not audited must not be answered.
func (m *Meter) Count(apiKey, operation, connectionUUID string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failed != nil {
		return fmt.Errorf("the audit cannot be written: %w", m.failed)
	}
	m.counts[call{m.now().UTC().Truncate(models.APICallWindow), apiKey, operation, connectionUUID}]++
	return nil
}

// Flush writes what was counted since the last time.
func (m *Meter) Flush(ctx context.Context) error {
	m.mu.Lock()
	counts := m.counts
	m.counts = map[call]int64{}
	m.mu.Unlock()
	if len(counts) == 0 {
		return nil
	}
	calls := make([]models.APICalls, 0, len(counts))
	for c, n := range counts {
		calls = append(calls, models.APICalls{Window: c.window, APIKey: c.apiKey, Operation: c.operation, ConnectionUUID: c.connection, Calls: n})
	}
	err := m.store.Write(ctx, func(tx *store.Tx) error { return tx.AddAPICalls(calls, m.now().UTC()) })
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failed = err
	if err != nil { // kept for the next flush
		for c, n := range counts {
			m.counts[c] += n
		}
	}
	return err
}

// Calls gives the newest counted calls about a connection, at most limit.
func (m *Meter) Calls(ctx context.Context, connectionUUID string, limit int) ([]models.APICalls, error) {
	return m.store.APICallsOf(ctx, connectionUUID, limit)
}
