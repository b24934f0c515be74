package e2e

import (
	"fmt"
	"time"

	"github.com/patchbay/patchbay/internal/sandbox"
)

// dueAhead has nobody ask for tokens that come due within a short time: the processes refresh each once, ahead, and do not rush
// to a provider that takes its time.
func dueAhead(f *fleet, size soakSize, result *tally) {
	f.misbehave(soaked, sandbox.Rule{Vice: "slow-answer", Amount: 200 * time.Millisecond})
	defer f.misbehave(soaked)
	list := f.register(soaked, size.ahead, time.Now().Add(time.Hour))
	before := f.providers[soaked].Total().Refreshes
	servers, database := f.cpu()
	start := time.Now()
	last := start
	f.count(soaked, result, func() {
		for i, h := range list {
			c, _ := f.stored(h)
			last = start.Add(size.aheadWithin * time.Duration(i) / time.Duration(len(list)))
			if err := f.kept.PutOff(f.t.Context(), c.ID, last); err != nil {
				f.t.Fatal(err)
			}
		}
		f.untilWithin(5*time.Minute, "all that is due is refreshed", func() bool {
			return f.providers[soaked].Total().Refreshes-before >= len(list)
		})
	})
	done := time.Now()
	serversAfter, databaseAfter := f.cpu()
	f.untilWithin(askTimeout, "the last of it is stored", func() bool {
		due, err := f.kept.CountDue(f.t.Context(), time.Now(), 1) // an answer that is kept is due at once
		return err == nil && due == 0
	})
	f.once(list, result)
	result.rounds = 1
	result.note = fmt.Sprintf("the last %.0f s after it was due, %.1f %% of a core for the servers, %.1f %% for the database server",
		done.Sub(last).Seconds(), 100*(serversAfter-servers)/done.Sub(start).Seconds(), 100*(databaseAfter-database)/done.Sub(start).Seconds())
	if most := aheadPlaces * len(f.processes); result.peak > most {
		f.t.Errorf("%d refreshes were under way at once, want at most %d", result.peak, most)
	}
}

// aheadPlaces is how many refreshes ahead at one provider a process has under way at once.
const aheadPlaces = 16
