package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchbay/patchbay/internal/rotation"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

// askAgain is how often a command looks whether others have come as far as it waits for.
const askAgain = 200 * time.Millisecond

type keysRotateCommand struct {
	storageSettings
	Wait time.Duration `default:"30s" help:"How long to wait for servers that do not hold the new key yet."`
}

// Run adds a key, unless a rotation is under way, and takes part in it until everything is sealed anew.
func (k *keysRotateCommand) Run(ctx context.Context, streams Streams) error {
	if k.EncryptionKey != "" {
		return settingsError{fmt.Errorf("the keys come from %s: make a key by `openssl rand -base64 32`, put it there before the present one, separated by a comma, and restart every server; the new key takes over by itself, and `patchbay keys status` tells when the old one may go", rotation.Variable)}
	}
	return withKeys(ctx, &k.storageSettings, streams, func(w *keyWork) error {
		keyID, err := k.newKey(ctx, w)
		if err != nil {
			return err
		}
		if err := k.promote(ctx, w, keyID); err != nil {
			return err
		}
		return w.reseal(ctx)
	})
}

// newKey names the first key of the file, and adds one unless the first still has work to do.
func (k *keysRotateCommand) newKey(ctx context.Context, w *keyWork) (string, error) {
	status, err := w.status(ctx)
	if err != nil {
		return "", err
	}
	if waiting := status.InState(models.KeyWaiting); len(waiting) > 0 {
		fmt.Fprintf(w.streams.Out, "Key %s was added before; going on with it.\n", waiting[0])
		return waiting[0], nil
	}
	if status.Rotating() && len(status.Damaged) == 0 {
		fmt.Fprintf(w.streams.Out, "Values are being sealed under key %s; going on with it.\n", status.Sealing)
		return status.Sealing, nil
	}
	if replica, foreign := rotation.Foreign(status, utcNow()); foreign != "" {
		return "", settingsError{fmt.Errorf("the server %s holds key %s, which %s does not: copy the key file from there, a rotation is under way", replica, foreign, k.KeyFile)}
	}
	keyID, err := vault.AddKey(k.KeyFile)
	if err != nil {
		return "", settingsError{err}
	}
	if _, err := w.ring.Reload(); err != nil {
		return "", err
	}
	fmt.Fprintf(w.streams.Out, "Added key %s to %s. Keep a copy of the file apart from the database and its backups.\n", keyID, k.KeyFile)
	return keyID, nil
}

// promote waits until every running server holds the key. One of them may be first.
func (k *keysRotateCommand) promote(ctx context.Context, w *keyWork, keyID string) error {
	for ends := time.Now().Add(k.Wait); ; {
		_, err := w.db.Promote(ctx, keyID, utcNow())
		var waiting *store.WaitingError
		if !errors.As(err, &waiting) {
			return err
		}
		if time.Now().After(ends) {
			return fmt.Errorf("%w. Everything goes on by itself then; nothing is sealed under it until then", err)
		}
		if err := sleep(ctx, askAgain); err != nil {
			return err
		}
	}
}

// reseal takes steps until there is nothing left to do at the moment.
func (w *keyWork) reseal(ctx context.Context) error {
	for more := true; more; {
		var err error
		if more, err = w.db.Reseal(ctx, utcNow()); err != nil {
			return err
		}
	}
	status, err := w.status(ctx)
	if err != nil {
		return err
	}
	var resealed int64
	for _, pass := range status.Resealings {
		resealed += pass.Resealed
	}
	fmt.Fprintf(w.streams.Out, "Everything is sealed under key %s; values sealed anew: %d.\n", status.Sealing, resealed)
	if len(status.Damaged) > 0 {
		printDamaged(w.streams, status.Damaged)
		return fmt.Errorf("%d values do not open and were left as they are", len(status.Damaged))
	}
	if status.Rotating() {
		fmt.Fprintln(w.streams.Out, "The keys before it may be removed by `patchbay keys prune`, after some seconds. Backups made before now need them.")
	}
	return nil
}

type keysPruneCommand struct {
	storageSettings
	Yes           bool          `help:"Do not ask, for scripts: the removed keys are kept elsewhere, or not needed for backups."`
	GiveUpDamaged bool          `help:"Remove keys, too, that damaged values are sealed under: those are lost then."`
	Wait          time.Duration `default:"30s" help:"How long to wait until it is sure that nothing is sealed under the former keys."`
}

// Run removes the keys that are not needed from the key file.
func (k *keysPruneCommand) Run(ctx context.Context, streams Streams) error {
	if k.EncryptionKey != "" {
		return settingsError{fmt.Errorf("the keys come from %s: take those out that `patchbay keys status` says may be removed, and restart every server", rotation.Variable)}
	}
	return withKeys(ctx, &k.storageSettings, streams, func(w *keyWork) error {
		status, err := k.empty(ctx, w)
		if err != nil {
			return err
		}
		var removed []string
		for _, key := range status.Keys {
			if key.State == models.KeyEmpty && key.InSource {
				removed = append(removed, key.ID)
			}
		}
		if len(removed) == 0 {
			_, err := fmt.Fprintf(streams.Out, "Every key of %s is needed.\n", k.KeyFile)
			return err
		}
		if err := k.confirm(streams, removed); err != nil {
			return err
		}
		if err := k.checkUnused(ctx, w, removed); err != nil { // as late as can be
			return err
		}
		if err := vault.RemoveKeys(k.KeyFile, removed...); err != nil {
			return settingsError{err}
		}
		_, err = fmt.Fprintf(streams.Out, "Removed key %s from %s. Backups made before the rotation need it.\n", strings.Join(removed, ", "), k.KeyFile)
		return err
	})
}

// confirm says what will not work any more, and asks; the answer comes from a terminal or from standard input.
func (k *keysPruneCommand) confirm(streams Streams, removed []string) error {
	if k.Yes {
		return nil
	}
	fmt.Fprintf(streams.Err, "Key %s will be removed from %s, for good: no copy is made.\n"+
		"The database does not need it any more. Backups made before the rotation do: without it they cannot be restored.\n"+
		"To keep it for them, copy the key file to where you keep keys, apart from the backups, before you go on.\n"+
		"Remove it? Type yes: ", strings.Join(removed, ", "), k.KeyFile)
	answer, err := bufio.NewReader(streams.In).ReadString('\n')
	if err != nil {
		fmt.Fprintln(streams.Err)
	}
	if strings.TrimSpace(answer) != "yes" {
		return settingsError{errors.New("no key was removed: the answer was not yes; a script says --yes")}
	}
	return nil
}

// checkUnused fails where values are sealed under keys that count as empty: a removed key cannot be had back. Those that were
// given up are known to be damaged.
func (k *keysPruneCommand) checkUnused(ctx context.Context, w *keyWork, removed []string) error {
	if k.GiveUpDamaged {
		return nil
	}
	uses, err := w.db.KeyUses(ctx)
	if err != nil {
		return err
	}
	for _, use := range uses {
		if slices.Contains(removed, use.KeyID) {
			return fmt.Errorf("%d values of %s are still sealed under key %s, so no key was removed: see `patchbay keys status --verify`; values that were given up need --give-up-damaged here, too", use.Values, use.Place, use.KeyID)
		}
	}
	return nil
}

// empty waits until the keys that were replaced are known to be empty.
func (k *keysPruneCommand) empty(ctx context.Context, w *keyWork) (*models.KeyRingStatus, error) {
	for ends := time.Now().Add(k.Wait); ; {
		more, err := w.db.Reseal(ctx, utcNow())
		if err != nil {
			return nil, err
		}
		status, err := w.status(ctx)
		if err != nil || !status.Rotating() {
			return status, err
		}
		concluded, err := w.db.Concluded(ctx)
		switch {
		case err != nil:
			return nil, err
		case more:
			continue // without a pause
		case concluded && !k.GiveUpDamaged:
			printDamaged(w.streams, status.Damaged)
			return nil, fmt.Errorf("%d values under key %s do not open: mend them from a backup or replace them, or give them up by --give-up-damaged", len(status.Damaged), strings.Join(status.InState(models.KeyReplaced), ", "))
		case concluded:
			if err := w.db.GiveUp(ctx, utcNow()); err != nil {
				return nil, err
			}
		case time.Now().After(ends):
			return nil, errors.New("values are still sealed under a former key: see `patchbay keys status`, and try again")
		}
		if err := sleep(ctx, askAgain); err != nil {
			return nil, err
		}
	}
}

// sleep waits for a time, or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
