// Package idempotency keeps the answers of requests that carry an Idempotency-Key, so that a client that lost an answer
// can ask again without doing the work twice. It knows neither the requests nor what they do.
package idempotency

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// Keys keeps answers. It is safe for concurrent use.
type Keys struct {
	store *store.Store
	now   func() time.Time
}

// New gives a keeper of answers.
func New(s *store.Store, now func() time.Time) *Keys {
	return &Keys{s, func() time.Time { return now().UTC() }}
}

// How long answers are kept, and how long a request whose server died keeps its key.
const (
	answerLife   = 24 * time.Hour
	progressLife = 2 * time.Minute
)

// MaxKeyBytes bounds a key.
const MaxKeyBytes = 255

// Request is a request under a key, taken by [Keys.Begin].
type Request struct {
	keys             *Keys
	apiKey, key, sum string
}

// Answer is what a request was answered with.
type Answer struct {
	Status   int `json:"-"`
	ETag     string
	Location string
	Body     []byte
}

// Begin takes a key of a caller for a request, or gives the answer that the same request has had. It fails with
// idempotency_key_reused for another request, and with idempotency_in_progress while the first one is under way.
func (k *Keys) Begin(ctx context.Context, apiKey, key string, content ...[]byte) (*Request, *Answer, error) {
	digest := sha256.New()
	for _, part := range content {
		sum := sha256.Sum256(part)
		digest.Write(sum[:])
	}
	request := &Request{k, apiKey, key, hex.EncodeToString(digest.Sum(nil))}
	var found *store.IdempotentAnswer
	err := k.store.Write(ctx, func(tx *store.Tx) (err error) {
		taken := store.IdempotentAnswer{RequestHash: request.sum, ExpiresAt: k.now().Add(progressLife)}
		found, err = tx.ClaimIdempotencyKey(apiKey, key, taken, k.now())
		return err
	})
	switch {
	case err != nil:
		return nil, nil, err
	case found == nil:
		return request, nil, nil
	case found.RequestHash != request.sum:
		return nil, nil, &models.Error{Kind: models.KindInvalid, Code: models.CodeIdempotencyReused, Message: "This Idempotency-Key was used for another request; use a new one for each."}
	case found.Status == 0:
		return nil, nil, &models.Error{Kind: models.KindConflict, Code: models.CodeIdempotencyProgress, RetryAfter: time.Second, Message: "The first request with this Idempotency-Key is still under way."}
	}
	answer := &Answer{Status: found.Status}
	if err := json.Unmarshal(found.Answer, answer); err != nil {
		return nil, nil, fmt.Errorf("parse a kept answer: %w", err)
	}
	return nil, answer, nil
}

// Finish keeps the answer of the request.
func (r *Request) Finish(ctx context.Context, answer Answer) error {
	text, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("encode an answer: %w", err)
	}
	return r.keys.store.Write(ctx, func(tx *store.Tx) error {
		return tx.SaveIdempotentAnswer(r.apiKey, r.key, store.IdempotentAnswer{
			RequestHash: r.sum, Status: answer.Status, Answer: text, ExpiresAt: r.keys.now().Add(answerLife),
		})
	})
}

// Release gives the key back, because the request did nothing that must not be done again.
func (r *Request) Release(ctx context.Context) error {
	return r.keys.store.ReleaseIdempotencyKey(ctx, r.apiKey, r.key)
}
