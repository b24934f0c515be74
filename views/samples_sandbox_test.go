package views

import "time"

func sandboxPage() SandboxPage {
	dead := Vice{"dead-400", "Status 400 invalid_grant, as the standard has it.", "The connection needs to be reconnected.", ""}
	slow := Vice{"slow", "The provider takes its time.", "The refresh takes as long.", "Time before the tokens are issued: 5 seconds."}
	return SandboxPage{
		Shell: shell("Sandbox behaviour", NavIntegrations), Integration: Link{"sandbox", "/integrations/sandbox"}, ConnectionsHref: "/connections?integration=sandbox",
		InForce: []ViceInForce{{slow, "Refreshing a token. 3 requests to go."}},
		Groups:  []ViceGroup{{"Dead refresh tokens", []Vice{dead}}, {"Slow and broken connections", []Vice{slow, {Name: "silent", Does: "No answer ever comes.", Expect: "It is tried again."}}}},
		Chosen:  "slow", At: []Option{{"refresh", "Refreshing a token", true}}, Often: []Option{{"always", "Always", false}, {"1", "The next time", true}}, Beside: true,
		Ledger: []LedgerRow{
			{Time: before(time.Minute), Request: "refresh", Grant: "J4VQ2M", Shown: "0f1e2d3c4b5a", Reused: true, Answer: "400 invalid_grant", Vices: "slow, dead-400"},
			{Time: before(time.Hour), Request: "exchange", Grant: "J4VQ2M", Shown: "aabbccddeeff", Access: "001122334455", Refresh: "66778899aabb", Answer: "200"},
			{Time: before(time.Hour), Request: "elsewhere", Answer: "POST"},
		},
	}
}

func refusedSandboxPage() SandboxPage {
	p := sandboxPage()
	p.Seconds = hostile[0]
	p.Errors = []FieldError{{"vice", "Choose a vice."}, {"seconds", "Enter seconds from 0 to 3600, or nothing."}, {"at", "A revocation gives out nothing."}}
	return p
}
