package views

import "time"

// SandboxPage makes the built-in provider misbehave, and shows what it was asked.
type SandboxPage struct {
	Shell
	Integration     Link // the sandbox's
	ConnectionsHref string
	InForce         []ViceInForce
	Groups          []ViceGroup
	Chosen          string // name of a vice
	At              []Option
	Often           []Option
	Seconds         string // as typed
	Beside          bool   // what is in force stays
	Errors          []FieldError
	Ledger          []LedgerRow
}

// ViceGroup is vices of one kind.
type ViceGroup struct {
	Name  string
	Vices []Vice
}

// has reports whether the group holds a vice.
func (g ViceGroup) has(name string) bool {
	for _, v := range g.Vices {
		if v.Name == name {
			return true
		}
	}
	return false
}

// Vice is a way to misbehave; Does and Expect are sentences, Amount is one about the time it takes, or empty.
type Vice struct{ Name, Does, Expect, Amount string }

// sentences say all there is to say.
func (v Vice) sentences() string { return join(join(v.Does, v.Expect), v.Amount) }

// ViceInForce is a vice with when it shows, as a sentence.
type ViceInForce struct {
	Vice
	When string
}

// LedgerRow is a request that the sandbox answered. Tokens are fingerprints.
type LedgerRow struct {
	Time    time.Time
	Request string
	Grant   string
	Shown   string
	Reused  bool   // what was shown was used before
	Access  string // that was issued
	Refresh string
	Answer  string
	Vices   string
}
