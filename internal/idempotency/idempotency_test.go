package idempotency

import (
	"context"
	"encoding/base64"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/store/storetest"
	"github.com/patchbay/patchbay/models"
)

// database is one that can be opened again.
type database struct {
	location string
	at       time.Time
}

var empty = storetest.NewTemplate(func(context.Context, *store.Store) error { return nil })

func newDatabase(t *testing.T) *database {
	t.Helper()
	return &database{empty.Copy(t), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
}

func (d *database) open(t *testing.T) (*Keys, *store.Store) {
	t.Helper()
	s := empty.OpenAt(t, d.location)
	return New(s, func() time.Time { return d.at }), s
}

func newKeys(t *testing.T) (*Keys, *database) {
	t.Helper()
	d := newDatabase(t)
	keys, s := d.open(t)
	t.Cleanup(func() { must(t, s.Close()) })
	return keys, d
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// begins takes a key that is free.
func begins(t *testing.T, k *Keys, apiKey, key string, content ...string) *Request {
	t.Helper()
	request, answer, err := k.Begin(t.Context(), apiKey, key, parts(content)...)
	if err != nil || answer != nil || request == nil {
		t.Fatalf("begin: %+v, %v", answer, err)
	}
	return request
}

// fails tries to take a key that is not.
func fails(t *testing.T, k *Keys, name, code string, content ...string) *models.Error {
	t.Helper()
	request, answer, err := k.Begin(t.Context(), "backend", "k", parts(content)...)
	if !models.HasCode(err, code) || request != nil || answer != nil {
		t.Fatalf("%s: %+v, %v", name, answer, err)
	}
	return models.AsError(err)
}

func parts(texts []string) [][]byte {
	list := make([][]byte, len(texts))
	for i, text := range texts {
		list[i] = []byte(text)
	}
	return list
}

var created = Answer{Status: 201, ETag: `"1.1"`, Location: "/x", Body: []byte("{ \"token\":\n\"<secret>\" }")}

func TestAnAnswerIsKeptForItsRequest(t *testing.T) {
	k, d := newKeys(t)
	request := begins(t, k, "backend", "k", "/path", "body")
	if e := fails(t, k, "under way", models.CodeIdempotencyProgress, "/path", "body"); e.RetryAfter <= 0 || e.Kind != models.KindConflict {
		t.Errorf("%+v", e)
	}
	fails(t, k, "another body under way", models.CodeIdempotencyReused, "/path", "body2")
	must(t, request.Finish(t.Context(), created))
	for range 2 {
		_, answer, err := k.Begin(t.Context(), "backend", "k", []byte("/path"), []byte("body"))
		must(t, err)
		if diff := cmp.Diff(&created, answer); diff != "" {
			t.Errorf("-kept +given\n%s", diff)
		}
	}
	for name, content := range map[string][]string{
		"another body": {"/path", "body2"}, "another path": {"/path2", "body"}, "moved": {"/pathb", "ody"}, "swapped": {"body", "/path"}, "less": {"/path"}, "more": {"/path", "body", ""},
	} {
		fails(t, k, name, models.CodeIdempotencyReused, content...)
	}
	begins(t, k, "frontend", "k", "/path", "body")
	begins(t, k, "backend", "K", "/path", "body")
	d.at = d.at.Add(24*time.Hour - time.Microsecond)
	if _, answer, err := k.Begin(t.Context(), "backend", "k", []byte("/path"), []byte("body")); err != nil || answer == nil {
		t.Errorf("at the end of a day: %v", err)
	}
	d.at = d.at.Add(time.Microsecond)
	begins(t, k, "backend", "k", "/path", "body2")
}

func TestAReleasedKeyIsFree(t *testing.T) {
	k, d := newKeys(t)
	must(t, begins(t, k, "backend", "k", "one").Release(t.Context()))
	begins(t, k, "backend", "k", "two") // whose server dies
	d.at = d.at.Add(progressLife - time.Microsecond)
	fails(t, k, "soon after", models.CodeIdempotencyProgress, "two")
	d.at = d.at.Add(time.Microsecond)
	begins(t, k, "backend", "k", "two")
}

func TestOneOfManyTakesAKey(t *testing.T) {
	k, _ := newKeys(t)
	var took atomic.Int64
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			switch request, _, err := k.Begin(t.Context(), "backend", "k", []byte("body")); {
			case request != nil:
				took.Add(1)
			case !models.HasCode(err, models.CodeIdempotencyProgress):
				t.Error(err)
			}
		})
	}
	group.Wait()
	if took.Load() != 1 {
		t.Errorf("%d took it", took.Load())
	}
}

func TestAnswersOutliveTheServerAndAreSealed(t *testing.T) {
	d := newDatabase(t)
	k, s := d.open(t)
	must(t, begins(t, k, "backend", "visible key", "body").Finish(t.Context(), created))
	if text := storetest.Contents(t, s, d.location); !strings.Contains(text, "visible key") || strings.Contains(text, "<secret>") || strings.Contains(text, base64.StdEncoding.EncodeToString(created.Body)) {
		t.Error("the database holds the answer in the clear, or the key not at all")
	}
	must(t, s.Close())
	k, s = d.open(t)
	defer s.Close()
	_, answer, err := k.Begin(t.Context(), "backend", "visible key", []byte("body"))
	must(t, err)
	if diff := cmp.Diff(&created, answer); diff != "" {
		t.Errorf("-kept +given\n%s", diff)
	}
}
