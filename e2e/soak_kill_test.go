package e2e

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/patchbay/patchbay/internal/sandbox"
	"github.com/patchbay/patchbay/models"
)

// killsTolerated kills processes while a provider rotates refresh tokens and accepts a used one: nothing may be lost.
func killsTolerated(f *fleet, size soakSize, result *tally) {
	kills(f, size, result, sandbox.Rule{Vice: "reuse-tolerated", Amount: time.Hour})
	if result.lost+result.reconnect > 0 {
		f.t.Errorf("%d lost, %d need to be reconnected", result.lost, result.reconnect)
	}
}

// killsFatal kills processes while a provider ends a grant whose refresh token is used again: connections may die of it,
// and say so.
func killsFatal(f *fleet, size soakSize, result *tally) {
	kills(f, size, result)
	if result.lost > 0 {
		f.t.Errorf("%d hold an old token and do not say so", result.lost)
	}
}

// underFire is how many connections are refreshed while processes are killed.
const underFire = 8

// kills ends random processes at random points of refreshes, as a power cut would, and starts them again.
func kills(f *fleet, size soakSize, result *tally, rules ...sandbox.Rule) {
	// Half of the time of a refresh is before the tokens are issued and half after: kills fall on both sides.
	f.misbehave(soaked, append(rules,
		sandbox.Rule{Vice: "slow", Amount: 4 * time.Millisecond}, sandbox.Rule{Vice: "slow-answer", Amount: 4 * time.Millisecond})...)
	defer f.misbehave(soaked)
	// A connection that dies is replaced, and a kill may cost as many as are under fire.
	list := f.register(soaked, underFire*(1+size.kills), time.Now().Add(time.Hour))
	random := rand.New(rand.NewPCG(1, uint64(size.kills)))
	var used []held
	f.count(soaked, result, func() {
		stop := f.keepAsking(list)
		for range size.kills {
			process := f.processes[random.IntN(len(f.processes))]
			before := f.providers[soaked].Total().Refreshes
			f.until("refreshes go on", func() bool { return f.providers[soaked].Total().Refreshes > before })
			pause(f, time.Duration(random.IntN(int(60*time.Millisecond))))
			process.kill()
			f.restart(process, result)
			result.rounds++
		}
		used = stop()
	})
	f.clear(used)
	result.expiries = len(used)
	result.note = fmt.Sprintf("of %d connections", len(used))
	if result.starts > 0 {
		result.note += fmt.Sprintf("; %d starts failed", result.starts)
	}
	result.lost, result.reconnect = f.compare(used)
}

// restart starts a process as a supervisor would: again where it ends at once, which the table tells.
func (f *fleet) restart(process *server, result *tally) {
	f.t.Helper()
	for range maxStarts {
		err := process.tryStart()
		if err == nil {
			return
		}
		process.kill()
		result.starts++
	}
	f.t.Fatalf("a process did not start in %d tries:\n%s", maxStarts, process.log)
}

// maxStarts is how often a supervisor tries.
const maxStarts = 5

// keepAsking forces refreshes of the first connections, one caller each, at changing processes, until it is stopped. Whose
// connection needs to be reconnected goes on with the next. It gives the connections that were asked for.
func (f *fleet) keepAsking(list []held) (stop func() []held) {
	var next atomic.Int64
	var stopped atomic.Bool
	var wg sync.WaitGroup
	for i := range underFire {
		wg.Go(func() {
			mine := int(next.Add(1)) - 1
			for n := i; !stopped.Load(); n++ {
				got := f.ask(f.t.Context(), f.processes[n%len(f.processes)], list[mine], true)
				if got.code == models.CodeNeedsReconnect {
					if mine = int(next.Add(1)) - 1; mine >= len(list) {
						return
					}
				}
			}
		})
	}
	return func() []held { stopped.Store(true); wg.Wait(); return list[:min(int(next.Load()), len(list))] }
}

// databaseRestarts has the database stop in the middle of refreshes, in order and as in a crash, and come back.
func databaseRestarts(f *fleet, size soakSize, result *tally) {
	f.misbehave(soaked, sandbox.Rule{Vice: "reuse-tolerated", Amount: time.Hour}, sandbox.Rule{Vice: "slow-answer", Amount: 4 * time.Millisecond})
	defer f.misbehave(soaked)
	list := f.register(soaked, underFire, time.Now().Add(time.Hour))
	random := rand.New(rand.NewPCG(2, 0))
	f.count(soaked, result, func() {
		stop := f.keepAsking(list)
		for i := range size.restarts {
			before := f.providers[soaked].Total().Refreshes
			f.until("refreshes go on", func() bool { return f.providers[soaked].Total().Refreshes >= before+underFire })
			pause(f, time.Duration(random.IntN(int(200*time.Millisecond))))
			f.postgres.Stop(f.t, []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT}[i%2])
			f.postgres.Start(f.t)
			result.rounds++
		}
		stop()
	})
	f.clear(list)
	result.expiries = len(list)
	f.keptAll(list, result)
}

// clear refreshes connections until each is given a token or refused for good: what a fault left behind is found by the next
// refresh.
func (f *fleet) clear(list []held) {
	f.t.Helper()
	for _, h := range list {
		f.until("what was left behind is cleared", func() bool {
			code := f.force(h)
			return code == "" || code == models.CodeNeedsReconnect
		})
	}
}

// pause lets a random time pass, so that what follows falls on any point of what others do.
func pause(f *fleet, d time.Duration) {
	select {
	case <-time.After(d):
	case <-f.t.Context().Done():
	}
}

// stoppedHolder stops a process that holds a refresh whose tokens are issued, until another one has refreshed in its place,
// and lets it go on: the newest token stays.
func stoppedHolder(f *fleet, size soakSize, result *tally) {
	f.misbehave(soaked, sandbox.Rule{Vice: "reuse-tolerated", Amount: time.Hour})
	defer f.misbehave(soaked)
	for range size.stops {
		h := f.register(soaked, 1, time.Now().Add(time.Hour))[0]
		f.stopWithin(h, result)
		result.rounds, result.expiries = result.rounds+1, result.expiries+1
		lost, reconnect := f.compare([]held{h})
		result.lost, result.reconnect = result.lost+lost, result.reconnect+reconnect
	}
	if result.lost+result.reconnect > 0 {
		f.t.Errorf("%d lost, %d need to be reconnected", result.lost, result.reconnect)
	}
}

func (f *fleet) stopWithin(h held, result *tally) {
	f.t.Helper()
	p, holder, other := f.providers[h.integration], f.processes[0], f.processes[1]
	// The answer takes so long that the process is stopped while it waits, and does not hold the lock of a database.
	if err := p.MisbehaveGrant(h.grant, sandbox.Rule{Vice: "slow-answer", Amount: time.Second, Times: 1}); err != nil {
		f.t.Fatal(err)
	}
	f.count(h.integration, result, func() {
		var wg sync.WaitGroup
		var late answer
		wg.Go(func() { late = f.ask(f.t.Context(), holder, h, true) })
		f.until("the tokens are issued", func() bool { state, _ := p.Grant(h.grant); return state.Refreshes == 1 })
		signal(f, holder, syscall.SIGSTOP)
		got := f.ask(f.t.Context(), other, h, true)
		signal(f, holder, syscall.SIGCONT)
		// SQLite's lock may have been held by the background of the process that was stopped; nobody can write until it goes on.
		for deadline := time.Now().Add(askTimeout); f.postgres == nil && got.code == "unavailable" && time.Now().Before(deadline); {
			got = f.ask(f.t.Context(), other, h, true)
		}
		wg.Wait()
		if got.code != "" || !p.Live(got.token) {
			f.t.Errorf("beside a stopped process: %q", got.code)
		}
		if late.code != "" {
			f.t.Errorf("the process that was stopped: %q", late.code)
		}
	})
}

func signal(f *fleet, s *server, which syscall.Signal) {
	f.t.Helper()
	if err := s.cmd.Process.Signal(which); err != nil {
		f.t.Fatal(err)
	}
}
