package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/patchbay/patchbay/internal/rotation"
	"github.com/patchbay/patchbay/internal/store"
	"github.com/patchbay/patchbay/internal/vault"
	"github.com/patchbay/patchbay/models"
)

type keysCommands struct {
	Status keysStatusCommand `cmd:"" help:"Tell which keys there are, how much is sealed under each, and which may be removed."`
	Rotate keysRotateCommand `cmd:"" help:"Add a new key and seal everything under it anew, while servers run. Goes on with a rotation that was interrupted."`
	Prune  keysPruneCommand  `cmd:"" help:"Remove the keys from the key file that nothing is sealed under any more."`
}

// askAgain is how often a command looks whether others have come as far as it waits for.
const askAgain = 200 * time.Millisecond

// keyWork is what the commands about keys work on.
type keyWork struct {
	db      *store.Store
	ring    *vault.Ring
	streams Streams
}

func (w *keyWork) status(ctx context.Context) (*models.KeyRingStatus, error) {
	return rotation.Status(ctx, w.db, w.ring, utcNow())
}

// withKeys opens the store for one piece of work on its keys.
func withKeys(ctx context.Context, settings *storageSettings, streams Streams, work func(*keyWork) error) error {
	db, ring, err := settings.openWithRing(ctx)
	if err != nil {
		return err
	}
	return errors.Join(work(&keyWork{db, ring, streams}), db.Close())
}

type keysStatusCommand struct {
	storageSettings
	Verify bool `help:"Open every sealed value, too, and name those that do not open."`
}

// Run prints the keys, what is sealed under them, the servers that hold them, and what is wrong.
func (k *keysStatusCommand) Run(ctx context.Context, streams Streams) error {
	return withKeys(ctx, &k.storageSettings, streams, func(w *keyWork) error {
		status, err := w.status(ctx)
		if err != nil {
			return err
		}
		uses, err := w.db.KeyUses(ctx)
		if err != nil {
			return err
		}
		if err := printKeys(streams, status, uses); err != nil {
			return err
		}
		for _, problem := range status.Problems {
			fmt.Fprintf(streams.Out, "\n%s\n%s\n", problem.What, problem.Remedy)
		}
		if !k.Verify {
			printDamaged(streams, status.Damaged)
			return nil
		}
		opened, damaged, err := w.db.CheckSealed(ctx, 0)
		if err != nil {
			return err
		}
		fmt.Fprintf(streams.Out, "\n%d sealed values open, %d do not.\n", opened, len(damaged))
		printDamaged(streams, damaged)
		if len(damaged) > 0 {
			return fmt.Errorf("%d sealed values do not open", len(damaged))
		}
		return nil
	})
}

// keyWords say what a state means.
var keyWords = map[models.KeyState]string{
	models.KeyWaiting:  "waits until every server holds it",
	models.KeySealing:  "seals",
	models.KeyReplaced: "replaced, still needed",
	models.KeyEmpty:    "replaced, not needed any more",
	models.KeyUnused:   "opens, has never sealed",
}

func printKeys(streams Streams, status *models.KeyRingStatus, uses []models.KeyUse) error {
	table := tabwriter.NewWriter(streams.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "KEY\tSTATE\tIN %s\tVALUES\tMAY BE REMOVED\n", status.Source)
	for _, key := range status.Keys {
		if key.Gone() {
			continue
		}
		var values int64
		for _, use := range uses {
			if use.KeyID == key.ID {
				values += use.Values
			}
		}
		removable := key.State == models.KeyEmpty && values == 0
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\n", key.ID, keyWords[key.State], yesNo(key.InSource), values, yesNo(removable))
	}
	fmt.Fprintln(table, "\nSEALED IN\tKEY\tVALUES")
	for _, use := range uses {
		fmt.Fprintf(table, "%s\t%s\t%d\n", use.Place, use.KeyID, use.Values)
	}
	if len(status.Replicas) > 0 {
		fmt.Fprintln(table, "\nSERVER\tKEYS\tLAST SEEN")
		for _, replica := range status.Replicas {
			fmt.Fprintf(table, "%s\t%s\t%s\n", replica.ID, strings.Join(replica.Keys, " "), replica.LastSeen.UTC().Format(time.RFC3339))
		}
	}
	return table.Flush()
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func printDamaged(streams Streams, damaged []models.DamagedValue) {
	for _, value := range damaged {
		fmt.Fprintf(streams.Out, "%s of %q: %s\n", value.Place, value.Row, value.Reason)
	}
}

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
	fmt.Fprintf(w.streams.Out, "Everything is sealed under key %s; %d values were sealed anew.\n", status.Sealing, resealed)
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
		if err := vault.RemoveKeys(k.KeyFile, removed...); err != nil {
			return settingsError{err}
		}
		_, err = fmt.Fprintf(streams.Out, "Removed key %s from %s. Backups made before the rotation need it.\n", strings.Join(removed, ", "), k.KeyFile)
		return err
	})
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
