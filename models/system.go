package models

import (
	"strconv"
	"strings"
	"time"
)

// SystemStatus is what a server knows about itself and what it depends on. It holds no secrets.
type SystemStatus struct {
	Version  string
	Started  time.Time
	Database DatabaseFacts
	KeyRing  KeyRingStatus
	Work     []Workload
	Problems []Problem

	RootURL        string
	Sandbox        bool
	TrustedProxies []string
}

// DatabaseFacts describe the database.
type DatabaseFacts struct {
	Kind          string // "SQLite 3.50" or "PostgreSQL 15.18"
	Place         string // a path, or an address without user and password
	Bytes         int64  // on disk
	SchemaVersion int64
}

// WebhookStanding is how the endpoints that are told of events stand, and what they were sent.
type WebhookStanding struct {
	Endpoints int // of all
	Failing   int // those among them that nothing reaches
	GivenUp   int // those that the server disabled
	Disabled  int // those that a person disabled
	Waiting   int64
	Failed    int64 // given up after their last try, which was lately; see [WebhookLately]
}

// WebhookLately is how far back failed deliveries are counted.
const WebhookLately = 24 * time.Hour

// Problem is what of it needs somebody; nil while all is well.
func (s *WebhookStanding) Problem() *Problem {
	var faults []string
	if s.Failing > 0 {
		faults = append(faults, counted(s.Failing, "webhook endpoint fails", "webhook endpoints fail"))
	}
	if s.GivenUp > 0 {
		faults = append(faults, counted(s.GivenUp, "webhook endpoint was disabled by the server", "webhook endpoints were disabled by the server"))
	}
	if faults == nil {
		return nil
	}
	problem := &Problem{
		What:   strings.Join(faults, ", and ") + ": your application is not told of everything.",
		Remedy: "Look under Webhooks at what came back, and mend that.",
	}
	if s.GivenUp > 0 {
		problem.Remedy += " Then enable what was disabled."
	}
	return problem
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// Workload is how one part of the background work stands.
type Workload struct {
	Name    string
	Waiting int64
	Oldest  *time.Time // since when the oldest waits; nil where nothing does
	Problem *Problem   // nil while all is well
}
