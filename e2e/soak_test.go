package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// soakSize is how much a soak does.
type soakSize struct {
	processes []int // that share a database, a fleet each

	callers     int // of one expired token at once
	repeats     int
	expiring    int           // tokens that end at once
	ahead       int           // tokens that come due for the refresh ahead …
	aheadWithin time.Duration // … within this time
	kills       int
	stops       int // of a process that holds a refresh
	restarts    int // of the database
	silent      int // refreshes that hang
}

// The short form is for every run of the tests; the heavy one, PATCHBAY_SOAK=heavy, is for task soak.
var (
	shortSoak = soakSize{processes: []int{2}, callers: 1000, repeats: 1, expiring: 100, ahead: 50, aheadWithin: time.Second, kills: 4, stops: 1, restarts: 2, silent: 100}
	heavySoak = soakSize{processes: []int{1, 2, 4}, callers: 1000, repeats: 20, expiring: 5000, ahead: 10_000, aheadWithin: time.Minute, kills: 200, stops: 20, restarts: 25, silent: 100}
)

func isHeavy() bool { return os.Getenv("PATCHBAY_SOAK") == "heavy" }

// TestSoak has processes refresh tokens under load, kills and faults, and counts at the provider what they did. The fleets of
// the short form work side by side, as they mostly wait; those of the heavy one have the machine to themselves.
func TestSoak(t *testing.T) {
	size := shortSoak
	if isHeavy() {
		size = heavySoak
	}
	kinds := []database{sqlite, postgresql}
	results := make([]soakTable, len(kinds)*len(size.processes))
	t.Cleanup(func() {
		t.Logf("counted at the provider, compared with the database:\n%s", slices.Concat(results...))
	})
	for i, kind := range kinds {
		for j, n := range size.processes {
			t.Run(fmt.Sprintf("%s, %d processes", kind.name, n), func(t *testing.T) {
				if !isHeavy() {
					t.Parallel()
				}
				startFleet(t, kind, n).soak(t, size, &results[i*len(size.processes)+j])
			})
		}
	}
}

// soak goes through the rounds.
func (f *fleet) soak(whole *testing.T, size soakSize, results *soakTable) {
	for _, round := range soakRounds {
		if len(f.processes) < round.processes || round.postgres && f.postgres == nil {
			continue
		}
		whole.Run(round.name, func(t *testing.T) {
			f.t = t
			defer func() { f.t = whole }()
			f.setLease(round.lease)
			result := tally{round: round.name, database: f.kind, processes: len(f.processes)}
			start := time.Now()
			round.run(f, size, &result)
			result.took = time.Since(start)
			*results = append(*results, result)
			if isHeavy() {
				t.Logf("\n%s", soakTable{result})
			}
		})
	}
}

// soakRounds are what a fleet goes through, in this order.
var soakRounds = []struct {
	name      string
	processes int  // it needs
	postgres  bool // it needs
	lease     time.Duration
	run       func(*fleet, soakSize, *tally)
}{
	{"callers of one token", 1, false, 0, manyCallers},
	{"many expire at once", 1, false, 0, manyExpire},
	{"due ahead, nobody asks", 1, false, 0, dueAhead},
	{"odd replies", 1, false, 0, oddReplies},
	{"replies lost", 1, false, 0, lostReplies},
	{"trouble that passes", 1, false, 0, passingTrouble},
	{"tokens that died", 1, false, 0, deadTokens},
	{"provider silent", 1, false, 0, silentProvider},
	{"database restarted", 1, true, shortLease, databaseRestarts},
	{"kill -9, reuse tolerated", 1, false, killLease, killsTolerated},
	{"kill -9, reuse ends grant", 1, false, killLease, killsFatal},
	{"holder stopped", 2, false, shortLease, stoppedHolder},
}

// tally is a line of the table: what a round did.
type tally struct {
	processes       int
	database, round string

	rounds    int // times it was done, or kills
	refreshes int // that the provider carried out
	expiries  int // that asked for one
	doubles   int // refreshes beyond one for an expiry
	refusals  int // refreshes that the provider did not carry out
	reused    int // used refresh tokens that the provider saw again
	lost      int // connections that hold an old token and do not say so
	reconnect int // connections that say they need to be reconnected
	starts    int // of a killed process that failed
	peak      int // requests at the provider at once
	took      time.Duration
	note      string
}

type soakTable []tally

func (table soakTable) String() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "processes\tdatabase\tround\trounds\texpiries\trefreshes\trefusals\tdoubles\treused\tlost\treconnect\tpeak\ttook\t")
	for _, r := range table {
		fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%.1fs\t%s\n",
			r.processes, r.database, r.round, r.rounds, r.expiries, r.refreshes, r.refusals, r.doubles, r.reused, r.lost, r.reconnect, r.peak, r.took.Seconds(), r.note)
	}
	w.Flush()
	return text.String()
}
