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
	db, ring, err := settings.openExistingWithRing(ctx)
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
