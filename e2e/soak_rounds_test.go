package e2e

import (
	"slices"
	"time"

	"github.com/patchbay/patchbay/internal/sandbox"
	"github.com/patchbay/patchbay/models"
)

// misbehave gives the provider of an integration vices; with none it behaves.
func (f *fleet) misbehave(integration string, rules ...sandbox.Rule) {
	f.t.Helper()
	if err := f.providers[integration].Misbehave(integration, rules...); err != nil {
		f.t.Fatal(err)
	}
}

// count runs a part of a round and adds to the tally what the provider of an integration saw of it.
func (f *fleet) count(integration string, result *tally, part func()) {
	f.t.Helper()
	p := f.providers[integration]
	before := p.Total()
	p.ResetPeak()
	part()
	after := p.Total()
	result.refreshes += after.Refreshes - before.Refreshes
	result.reused += after.Reused - before.Reused
	result.refusals += after.Refused - before.Refused
	result.peak = max(result.peak, p.Peak())
}

// once checks that connections, which expired once each, were refreshed once each.
func (f *fleet) once(list []held, result *tally) {
	f.t.Helper()
	for _, h := range list {
		state, ok := f.providers[h.integration].Grant(h.grant)
		if !ok {
			f.t.Fatalf("%s: the provider does not know the grant", h.user)
		}
		result.expiries++
		result.doubles += max(0, state.Refreshes-1)
		if state.Refreshes != 1 || state.Reused != 0 || state.Ended != "" {
			f.t.Errorf("%s expired once, and at the provider there were %+v", h.user, state)
		}
	}
	f.keptAll(list, result)
}

// manyCallers has one expired token asked for by many callers at once, over all processes: they get one token.
func manyCallers(f *fleet, size soakSize, result *tally) {
	f.misbehave(soaked, sandbox.Rule{Vice: "slow-answer", Amount: 200 * time.Millisecond})
	defer f.misbehave(soaked)
	for range size.repeats {
		list := f.registerEnded(soaked, 1)
		callers := slices.Repeat(list, size.callers)
		f.count(soaked, result, func() {
			answers := f.askAll(callers, len(callers), false)
			for _, got := range answers {
				if got.token != answers[0].token || got.code != "" {
					f.t.Errorf("a caller got the error %q, or another token than the first", got.code)
					break
				}
			}
		})
		f.once(list, result)
		result.rounds++
	}
}

// manyExpire has many tokens end at once; two callers ask for each, at two processes where there are as many.
func manyExpire(f *fleet, size soakSize, result *tally) {
	f.misbehave(soaked, sandbox.Rule{Vice: "slow-answer", Amount: 20 * time.Millisecond})
	defer f.misbehave(soaked)
	list := f.registerEnded(soaked, size.expiring)
	f.count(soaked, result, func() {
		twice := make([]held, 0, 2*len(list))
		for i := range list { // neighbours go to different processes
			twice = append(twice, list[i], list[i])
		}
		for i, got := range f.askAll(twice, 256, false) {
			if got.code != "" {
				f.t.Errorf("%s: %s", twice[i].user, got.code)
			}
		}
	})
	f.once(list, result)
	result.rounds = 1
	if most := placesOfIntegration * len(f.processes); result.peak > most {
		f.t.Errorf("%d refreshes were under way at once, want at most %d", result.peak, most)
	}
}

// placesOfIntegration is how many refreshes at one provider a process has under way at once.
const placesOfIntegration = 100

// lostVices are those that issue tokens which do not arrive.
var lostVices = []string{"gzip-bomb", "huge-body", "lost-before", "lost-within", "truncated"}

// vicesOf gives the vices of a group, but for those whose tokens do not arrive.
func vicesOf(group string) []string {
	var names []string
	for _, v := range sandbox.Vices() {
		if v.Group == group && !slices.Contains(lostVices, v.Name) {
			names = append(names, v.Name)
		}
	}
	return names
}

// oddReplies has a connection refreshed for every odd answer, then by a good one: none is lost on the way.
func oddReplies(f *fleet, _ soakSize, result *tally) {
	f.refreshThrough(vicesOf("Odd answers"), result)
}

// lostReplies loses the answers of refreshes after the tokens were issued, by a provider that tolerates the repetition.
func lostReplies(f *fleet, _ soakSize, result *tally) {
	names := lostVices
	if isHeavy() { // this one is waited for until the provider has had its time
		names = append(slices.Clone(names), "drip")
	}
	f.refreshThrough(names, result, sandbox.Rule{Vice: "reuse-tolerated", Amount: time.Hour})
}

// passingTrouble has every trouble of a provider come and go.
func passingTrouble(f *fleet, _ soakSize, result *tally) {
	f.refreshThrough(append(vicesOf("Trouble at the provider"), "redirect-302", "redirect-307"), result)
	if followed := f.providers[soaked].Total().Followed; followed != 0 {
		f.t.Errorf("%d redirects were followed", followed)
	}
}

// deadTokens has refresh tokens be dead in every dialect: the connections come to say so, and the provider is not asked
// without end.
func deadTokens(f *fleet, _ soakSize, result *tally) {
	names := vicesOf("Dead refresh tokens")
	list := f.registerEnded(soaked, len(names))
	for i, h := range list {
		if err := f.providers[soaked].MisbehaveGrant(h.grant, sandbox.Rule{Vice: names[i]}); err != nil {
			f.t.Fatal(err)
		}
	}
	f.count(soaked, result, func() {
		for range maxRefusals {
			f.exec("UPDATE connections SET refresh_at = obtained_at WHERE state = 'error'") // the pauses pass
			f.askAll(list, len(list), false)
		}
	})
	if refused := result.refusals; refused > maxRefusals*len(list) {
		f.t.Errorf("the provider refused %d refreshes of %d dead tokens", refused, len(list))
	}
	result.rounds, result.expiries = len(list), len(list)
	if result.lost, result.reconnect = f.compare(list); result.reconnect != len(list) {
		f.t.Errorf("of %d connections whose token is dead, %d say that they need to be reconnected", len(list), result.reconnect)
	}
}

// maxRefusals is how often a refresh may be refused, with pauses, before a connection says that its token has died.
const maxRefusals = 5

// refreshThrough refreshes a connection for each of the vices, which shows once, and then as the rules have it.
func (f *fleet) refreshThrough(vices []string, result *tally, rules ...sandbox.Rule) {
	f.t.Helper()
	f.misbehave(soaked, rules...)
	defer f.misbehave(soaked)
	list := f.registerEnded(soaked, len(vices))
	for i, h := range list {
		if err := f.providers[soaked].MisbehaveGrant(h.grant, sandbox.Rule{Vice: vices[i], Times: 1}); err != nil {
			f.t.Fatal(err)
		}
	}
	f.count(soaked, result, func() {
		for i, h := range list {
			if code := f.force(h); code != "" {
				f.t.Errorf("after %s: %s", vices[i], code)
			}
		}
	})
	result.rounds, result.expiries = len(list), len(list)
	f.keptAll(list, result)
}

// keptAll checks that every connection holds the newest token.
func (f *fleet) keptAll(list []held, result *tally) {
	f.t.Helper()
	lost, reconnect := f.compare(list)
	result.lost, result.reconnect = result.lost+lost, result.reconnect+reconnect
	if lost+reconnect > 0 {
		f.t.Errorf("of %d connections %d are lost and %d need to be reconnected", len(list), lost, reconnect)
	}
}

// force asks for a new token until it is given or refused for good, and gives the code of the last error.
func (f *fleet) force(h held) (code string) {
	for tries := range 8 {
		got := f.ask(f.t.Context(), f.processes[tries%len(f.processes)], h, true)
		if code = got.code; code == "" || code == models.CodeNeedsReconnect {
			break
		}
	}
	return code
}

// until waits for something that other processes bring about.
func (f *fleet) until(what string, done func() bool) {
	f.t.Helper()
	f.untilWithin(askTimeout, what, done)
}

func (f *fleet) untilWithin(limit time.Duration, what string, done func() bool) {
	f.t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(limit); !done(); <-ticker.C {
		if time.Now().After(deadline) {
			f.t.Fatalf("waited in vain until %s", what)
		}
	}
}
