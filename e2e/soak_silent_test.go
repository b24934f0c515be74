package e2e

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/patchbay/patchbay/internal/sandbox"
)

// silentProvider has refreshes hang at one provider while those at another go on: their latency stays.
func silentProvider(f *fleet, size soakSize, result *tally) {
	f.misbehave(sick, sandbox.Rule{Vice: "silent"})
	list := f.registerEnded(sick, size.silent)
	healthy := f.register(soaked, 30, time.Now().Add(time.Hour))
	f.count(soaked, result, func() {
		f.latency(healthy, result) // connections are opened
		alone := f.latency(healthy, result)
		var wg sync.WaitGroup
		wg.Go(func() { f.askAll(list, len(list), false) })
		f.until("the silent provider is asked", func() bool { return f.providers[sick].Peak() >= min(len(list), silentAtLeast) })
		beside := f.latency(healthy, result)
		f.providers[sick].ResetPeak()
		result.note = fmt.Sprintf("p50 %.1f ms alone, %.1f ms beside %d that hang", ms(alone), ms(beside), f.providers[sick].Peak())
		if beside > 3*alone+50*time.Millisecond {
			f.t.Errorf("healthy refreshes took %v, and %v beside silent ones", alone, beside)
		}
		f.misbehave(sick)
		f.webs[sick].CloseClientConnections()
		wg.Wait()
	})
	result.rounds = 1
	lost, _ := f.compare(slices.Concat(list, healthy))
	result.doubles, result.lost = max(0, result.refreshes-result.expiries), lost
	if lost > 0 || result.doubles > 0 {
		f.t.Errorf("%d lost, %d doubles", lost, result.doubles)
	}
}

// latency gives the median time of a forced refresh, in the calmest of three sweeps: other work on the machine is not meant.
func (f *fleet) latency(list []held, result *tally) time.Duration {
	f.t.Helper()
	var medians []time.Duration
	for range 3 {
		var took []time.Duration
		for _, got := range f.askAll(list, 4, true) {
			if got.code != "" {
				f.t.Errorf("a healthy provider: %s", got.code)
			}
			took = append(took, got.took)
		}
		slices.Sort(took)
		medians = append(medians, took[len(took)/2])
		result.expiries += len(list)
	}
	return slices.Min(medians)
}

// silentAtLeast is how many requests a silent provider has to hold at once; a fleet may bound them.
const silentAtLeast = 2

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }
