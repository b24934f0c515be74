// Package rotation replaces encryption keys while servers run. It takes up a key that was added to the key ring, has it seal
// as soon as every running server can open what it seals, and has everything sealed under it anew. It decides when; what
// is written, and that it is safe, is the store's.
package rotation

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

// Interval is how often a server looks after its keys: a key file that was replaced is in force within it.
const Interval = time.Second

// stepsFor bounds how long a server seals anew in one go.
const stepsFor = 500 * time.Millisecond

// Keeper looks after the keys of one server.
type Keeper struct {
	store   *store.Store
	ring    *vault.Ring
	now     func() time.Time
	log     *slog.Logger
	replica models.Replica

	mu      sync.Mutex
	beats   time.Time // when the next sign is due
	fault   error     // of the key file, as it was read last
	waiting string    // what was logged last about a key that waits
}

// Join makes the keeper of a server that starts: from now on no key seals that the server does not hold. It fails with
// [store.ErrWrongKey].
func Join(ctx context.Context, db *store.Store, ring *vault.Ring, replica models.Replica, now func() time.Time, log *slog.Logger) (*Keeper, error) {
	replica.Started = now()
	k := &Keeper{store: db, ring: ring, now: now, log: log, replica: replica}
	return k, k.beat(ctx)
}

// Leave takes the server out of those whose keys matter.
func (k *Keeper) Leave(ctx context.Context) error { return k.store.Leave(ctx, k.replica.ID) }

// Tick does what is due: it is called every [Interval].
func (k *Keeper) Tick(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	changed, err := k.ring.Reload()
	if err != nil && (k.fault == nil || k.fault.Error() != err.Error()) {
		k.log.ErrorContext(ctx, "the key file cannot be read; the keys that were read before stay in force", "error", err)
	}
	k.fault = err
	if changed {
		k.log.InfoContext(ctx, "key file read again", "keys", k.ring.Source())
	}
	if changed || !k.now().Before(k.beats) {
		if err := k.beat(ctx); err != nil {
			return err
		}
	}
	if err := k.promote(ctx); err != nil {
		return err
	}
	return k.reseal(ctx)
}

func (k *Keeper) beat(ctx context.Context) error {
	k.replica.LastSeen = k.now()
	if err := k.store.Beat(ctx, k.replica); err != nil {
		return err
	}
	k.beats = k.replica.LastSeen.Add(models.ReplicaBeat)
	return nil
}

// promote has the first key of the ring seal, once every server holds it.
func (k *Keeper) promote(ctx context.Context) error {
	first := k.ring.Source()[0]
	if first == k.ring.Sealing() {
		return nil
	}
	changed, err := k.store.Promote(ctx, first, k.now())
	var waiting *store.WaitingError
	switch {
	case errors.As(err, &waiting):
		if k.waiting != first {
			k.waiting = first
			k.log.WarnContext(ctx, "a new encryption key waits", "reason", err.Error())
		}
		return nil
	case errors.Is(err, store.ErrReplacedKey): // this copy of the key file is in another order
		return nil
	case changed:
		k.log.InfoContext(ctx, "a new encryption key seals", "key", first)
		return errors.Join(err, k.beat(ctx))
	}
	return err
}

func (k *Keeper) reseal(ctx context.Context) error {
	for began, more := time.Now(), true; more && time.Since(began) < stepsFor; {
		var err error
		if more, err = k.store.Reseal(ctx, k.now()); err != nil {
			return err
		}
	}
	return nil
}

// Status tells about the keys as this server sees them.
func (k *Keeper) Status(ctx context.Context) (*models.KeyRingStatus, error) {
	status, err := Status(ctx, k.store, k.ring, k.now())
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fault != nil {
		status.Problems = append(status.Problems, models.Problem{
			What:   "The key file cannot be read: " + k.fault.Error() + ".",
			Remedy: "Mend it before the next start. Until then the keys that were read before stay in force.",
		})
	}
	return status, nil
}
