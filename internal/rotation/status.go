package rotation

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

const (
	// seenLately is how far back servers are listed.
	seenLately = time.Hour
	// damagedShown bounds the list of values that do not open.
	damagedShown = 50
)

// Variable holds the keys where there is no key file.
const Variable = "PATCHBAY_ENCRYPTION_KEY"

// Status tells about the keys of a ring and of the database, and what is wrong with them.
func Status(ctx context.Context, db *store.Store, ring *vault.Ring, now time.Time) (*models.KeyRingStatus, error) {
	status := &models.KeyRingStatus{Source: cmp.Or(ring.Path(), Variable)}
	known, err := db.EncryptionKeys(ctx)
	if err != nil {
		return nil, err
	}
	if len(known) > 0 {
		status.Sealing = known[0].ID
	}
	status.Keys = keyStates(ring, known)
	passes, err := db.Resealings(ctx)
	if err != nil {
		return nil, err
	}
	for _, column := range store.SealedColumns() {
		if pass, found := passes[column.Place()]; found && pass.KeyID == status.Sealing {
			status.Resealings = append(status.Resealings, pass)
		}
	}
	if status.Damaged, err = db.DamagedValues(ctx, damagedShown); err != nil {
		return nil, err
	}
	if status.Replicas, err = db.Replicas(ctx, now.Add(-seenLately)); err != nil {
		return nil, err
	}
	status.Problems = problems(status, now)
	return status, nil
}

// keyStates gives every key of the ring in its order, then those that only the database knows.
func keyStates(ring *vault.Ring, known []models.EncryptionKey) []models.KeyStatus {
	source := ring.Source()
	var keys []models.KeyStatus
	for i, id := range ring.Keys() {
		state := models.KeyUnused
		if i == 0 {
			state = models.KeyWaiting
		}
		keys = append(keys, models.KeyStatus{ID: id, State: state, Held: true, InSource: slices.Contains(source, id)})
	}
	for _, key := range known {
		i := slices.IndexFunc(keys, func(k models.KeyStatus) bool { return k.ID == key.ID })
		if i < 0 {
			keys = append(keys, models.KeyStatus{ID: key.ID})
			i = len(keys) - 1
		}
		keys[i].FirstUsed, keys[i].ReplacedAt = &key.FirstUsed, key.ReplacedAt
		switch {
		case key.ReplacedAt == nil:
			keys[i].State = models.KeySealing
		case key.EmptiedAt == nil:
			keys[i].State = models.KeyReplaced
		default:
			keys[i].State = models.KeyEmpty
		}
	}
	return keys
}

// problems finds what a person has to do something about.
func problems(status *models.KeyRingStatus, now time.Time) []models.Problem {
	var found []models.Problem
	for _, key := range status.Keys {
		if !key.InSource && (key.State == models.KeySealing || key.State == models.KeyReplaced) {
			found = append(found, models.Problem{
				What:   fmt.Sprintf("%s does not hold key %s any more, but values are sealed under it.", status.Source, key.ID),
				Remedy: "Put it back before the next start: without it the server does not start.",
			})
		}
		if key.State == models.KeyWaiting {
			if missing := missing(status.Replicas, key.ID, now); len(missing) > 0 {
				found = append(found, models.Problem{
					What:   fmt.Sprintf("The new key %s waits, because not every server holds it: %s.", key.ID, strings.Join(missing, ", ")),
					Remedy: "Give these servers the same keys. The key then takes over by itself.",
				})
			}
		}
	}
	if n := len(status.Damaged); n > 0 {
		problem := models.Problem{
			What:   fmt.Sprintf("%d sealed values do not open. What they belong to cannot be used.", n),
			Remedy: "Restore them from a backup, or replace them: reconnect the connection, or delete it.",
		}
		if n == 1 {
			problem.What, problem.Remedy = "A sealed value does not open. What it belongs to cannot be used.", "Restore it from a backup, or replace it: reconnect the connection, or delete it."
		}
		found = append(found, problem)
	}
	return found
}

func missing(replicas []models.Replica, keyID string, now time.Time) []string {
	var ids []string
	for _, replica := range replicas {
		if replica.Alive(now) && !slices.Contains(replica.Keys, keyID) {
			ids = append(ids, replica.ID)
		}
	}
	return ids
}

// Foreign names a running server with a new key that this ring does not hold, and the key; both are empty where there is none.
// Whoever adds a key then would leave two of them waiting for each other.
func Foreign(status *models.KeyRingStatus, now time.Time) (replica, keyID string) {
	for _, r := range status.Replicas {
		for _, id := range r.Keys {
			known := slices.ContainsFunc(status.Keys, func(k models.KeyStatus) bool { return k.ID == id })
			if r.Alive(now) && !known {
				return r.ID, id
			}
		}
	}
	return "", ""
}
