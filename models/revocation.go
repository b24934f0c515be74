package models

import "time"

// PendingRevocation is a grant that is still to be ended at its provider: its connection is gone, and nobody but this row
// holds its credentials any more.
type PendingRevocation struct {
	ID             int64 `gorm:"primaryKey"`
	UUID           string
	Integration    string
	UserID         string
	ConnectionUUID string // of the connection that was deleted; empty where there never was one
	Version        int64  // that it had
	Host           string // scheme and host that may be sent the credentials
	Tries          int
	Error          string // why the last try failed, in a sentence
	DateCreated    time.Time
	NextTry        time.Time
}
