package models

import "time"

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

// Workload is how one part of the background work stands.
type Workload struct {
	Name    string
	Waiting int64
	Oldest  *time.Time // since when the oldest waits; nil where nothing does
	Problem *Problem   // nil while all is well
}
