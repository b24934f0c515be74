package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/models"
)

// together runs work many times at once and gives what came of each.
func together(n int, work func(i int) error) []error {
	errs := make([]error, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { errs[i] = work(i) })
	}
	group.Wait()
	return errs
}

func noLostUpdate(t *testing.T, s *store.Store) {
	c := Connection("slack", "42")
	Create(t, s, c)
	const writers = 20
	must(t, errors.Join(together(writers, func(int) error {
		return s.Write(t.Context(), func(tx *store.Tx) error {
			stored, err := tx.Connection(t.Context(), c.UUID)
			if err != nil {
				return err
			}
			stored.AdditionalConfig += "x"
			return tx.SaveConfig(stored, Now)
		})
	})...))
	got, err := s.Connection(t.Context(), c.UUID)
	if err != nil || got.AdditionalConfig != models.Config("{}"+strings.Repeat("x", writers)) || got.Version != writers+1 {
		t.Errorf("%+v, %v", got, err)
	}
}

func endpoint(t *testing.T, s *store.Store) *models.WebhookEndpoint {
	t.Helper()
	e := &models.WebhookEndpoint{UUID: uuid.NewString(), URL: "https://example.com", Enabled: true, DateCreated: Now, LastModified: Now, Secret: "secret"}
	must(t, s.Write(t.Context(), func(tx *store.Tx) error { return tx.CreateWebhookEndpoint(e) }))
	return e
}

func endpointChanges(t *testing.T, s *store.Store) {
	e := endpoint(t, s)
	const writers = 20
	must(t, errors.Join(together(writers, func(int) error {
		return s.Write(t.Context(), func(tx *store.Tx) error {
			stored, err := tx.WebhookEndpoint(t.Context(), e.UUID)
			if err != nil {
				return err
			}
			stored.Description += "x"
			return tx.SaveWebhookEndpoint(stored)
		})
	})...))
	if got, err := s.WebhookEndpoint(t.Context(), e.UUID); err != nil || got.Description != strings.Repeat("x", writers) {
		t.Errorf("%+v, %v", got, err)
	}
}

func endpointGoes(t *testing.T, s *store.Store) {
	e := endpoint(t, s)
	changed := make(chan error, 1)
	must(t, s.Write(t.Context(), func(tx *store.Tx) error {
		if err := tx.DeleteWebhookEndpoint(e); err != nil {
			return err
		}
		go func() {
			changed <- s.Write(t.Context(), func(tx *store.Tx) error {
				return tx.Emit(models.Event{Time: Now, Type: models.EventConnectionUpdated})
			})
		}()
		for deadline := time.Now().Add(10 * time.Second); !waitsFor(t, s, tx); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				return errors.New("the change does not wait for this transaction")
			}
		}
		return nil
	}))
	if err := <-changed; err != nil {
		t.Errorf("a change whose event nobody is to be told of any more: %v", err)
	}
}

func oneFirst(t *testing.T, s *store.Store) {
	claimed, admins, keys := 0, 0, 0
	count := func(n *int, errs []error, taken string) {
		for _, err := range errs {
			switch {
			case err == nil:
				*n++
			case taken == "" || !models.HasCode(err, taken):
				t.Error(err)
			}
		}
	}
	notFirst := &models.Error{Code: "not_first"}
	count(&claimed, together(10, func(int) error {
		return s.Write(t.Context(), func(tx *store.Tx) error {
			found, err := tx.ClaimIdempotencyKey("backend", "k", store.IdempotentAnswer{RequestHash: "h", ExpiresAt: Now.Add(time.Minute)}, Now)
			if found != nil {
				return notFirst
			}
			return err
		})
	}), notFirst.Code)
	count(&admins, together(10, func(i int) error {
		return s.Write(t.Context(), func(tx *store.Tx) error {
			if n, err := tx.CountAdmins(t.Context()); err != nil || n > 0 {
				return errors.Join(err, notFirst)
			}
			return tx.CreateAdmin(&models.Admin{Email: fmt.Sprint(i), DateCreated: Now})
		})
	}), notFirst.Code)
	count(&keys, together(10, func(i int) error {
		return s.Write(t.Context(), func(tx *store.Tx) error {
			err := tx.CreateAPIKey(&models.APIKey{Name: "backend", Hash: fmt.Sprint(i), DateCreated: Now, Scopes: models.Scopes, Integrations: []string{}})
			if _, readErr := tx.APIKeyByName(t.Context(), "backend"); readErr != nil {
				return fmt.Errorf("after %w: %w", err, readErr)
			}
			return err
		})
	}), models.CodeAPIKeyExists)
	if claimed != 1 || admins != 1 || keys != 1 {
		t.Errorf("claimed %d times, %d admins, %d keys", claimed, admins, keys)
	}
}

// Several processes count calls of the same connections, each in an order of its own.
func countsMeet(t *testing.T, s *store.Store) {
	const processes, kinds = 8, 50
	must(t, errors.Join(together(processes, func(int) error {
		calls := make([]models.APICalls, kinds)
		for i := range calls {
			calls[i] = models.APICalls{Window: Now, APIKey: fmt.Sprint("key", i%2), Operation: fmt.Sprint(i), ConnectionUUID: "u", Calls: 1}
		}
		rand.Shuffle(kinds, func(i, j int) { calls[i], calls[j] = calls[j], calls[i] })
		return s.Write(t.Context(), func(tx *store.Tx) error { return tx.AddAPICalls(calls, Now) })
	})...))
	counted, err := s.APICallsOf(t.Context(), "u", 100)
	if err != nil || len(counted) != kinds {
		t.Fatalf("%d, %v", len(counted), err)
	}
	for _, c := range counted {
		if c.Calls != processes {
			t.Errorf("%+v", c)
		}
	}
}

// Who follows the events meets each of them once, whoever writes meanwhile.
func eventsFollowed(t *testing.T, s *store.Store) {
	const writers, writes = 8, 10
	done := make(chan error, 1)
	go func() {
		done <- errors.Join(together(writers, func(i int) error {
			var err error
			for n := range writes {
				err = errors.Join(err, s.Write(t.Context(), func(tx *store.Tx) error {
					event := models.Event{Time: Now, Type: models.EventConnectionUpdated, Detail: fmt.Sprint(i, ".", n)}
					return errors.Join(tx.Emit(event), tx.Emit(event))
				}))
			}
			return err
		})...)
	}()
	seen := map[string]int{}
	request := models.PageRequest{Limit: 3}
	read := func() int {
		page, err := s.Events(t.Context(), models.EventFilter{}, request)
		must(t, err)
		for _, event := range page.Rows {
			seen[event.Detail]++
		}
		request.Cursor = page.Next
		return len(page.Rows)
	}
	for ended := false; !ended; {
		select {
		case err := <-done:
			must(t, err)
			ended = true
		default:
			read()
		}
	}
	for read() > 0 {
	}
	for i := range writers {
		for n := range writes {
			if got := seen[fmt.Sprint(i, ".", n)]; got != 2 {
				t.Errorf("event %d.%d met %d times", i, n, got)
			}
		}
	}
}
