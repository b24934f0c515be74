package models

import "time"

// EncryptionKey is a key that values of the database are or were sealed under, by its id, which tells nothing about it.
type EncryptionKey struct {
	ID         string `gorm:"primaryKey"`
	FirstUsed  time.Time
	ReplacedAt *time.Time // nil for the one that seals; a key that was replaced never seals again
	EmptiedAt  *time.Time // when it was sure that nothing is sealed under it any more
}

// Replica is a server that runs, or ran lately, on the database.
type Replica struct {
	ID       string `gorm:"primaryKey"`
	Host     string
	Version  string
	Started  time.Time
	LastSeen time.Time
	Keys     []string `gorm:"serializer:json"` // ids of those it opens with
	Sealing  string   // id of the one it seals under
}

// ReplicaAlive is how long after its last sign a server counts as running. It gives one every [ReplicaBeat].
const (
	ReplicaAlive = 45 * time.Second
	ReplicaBeat  = 10 * time.Second
)

// Alive reports whether the server counts as running.
func (r *Replica) Alive(now time.Time) bool { return now.Sub(r.LastSeen) < ReplicaAlive }

// Resealing is how far one column is sealed under the newest key.
type Resealing struct {
	Place      string `gorm:"primaryKey"` // table and column
	KeyID      string // the key that everything gets sealed under
	Position   string // what identifies the row that was looked at last
	Total      int64  // values to seal anew, as counted when the pass began
	Resealed   int64
	BeganAt    time.Time
	FinishedAt *time.Time
}

// DamagedValue is a sealed value that does not open: altered, cut, moved from its row, or sealed under a lost key.
type DamagedValue struct {
	Place   string `gorm:"primaryKey"` // table and column
	Row     string `gorm:"primaryKey"` // what identifies the row
	KeyID   string // the key it says it is sealed under; empty where it is no sealed value at all
	Reason  string
	FoundAt time.Time
}

// KeyUse counts the values of one column that say they are sealed under one key.
type KeyUse struct {
	Place  string // table and column
	KeyID  string // empty for what is no sealed value
	Values int64
}

// KeyRingStatus is how a server, or a command, sees the encryption keys.
type KeyRingStatus struct {
	Source     string // the key file, or the variable that holds the keys
	Sealing    string // id of the key that seals
	Keys       []KeyStatus
	Resealings []Resealing // by place; of the rotation that is under way or was the last
	Damaged    []DamagedValue
	Replicas   []Replica // seen lately
	Problems   []Problem
}

// KeyState says what a key is for.
type KeyState string

// The states of a key, in the order of its life.
const (
	KeyWaiting  KeyState = "waiting"  // opens, and will seal when every server holds it
	KeySealing  KeyState = "sealing"  // new values are sealed under it
	KeyReplaced KeyState = "replaced" // values may still be sealed under it
	KeyEmpty    KeyState = "empty"    // nothing is sealed under it: it may be removed
	KeyUnused   KeyState = "unused"   // opens, and has never sealed
)

// KeyStatus is one key of the ring or of the database.
type KeyStatus struct {
	ID         string
	State      KeyState
	Held       bool // this ring opens with it
	InSource   bool // the key file or the variable has it
	FirstUsed  *time.Time
	ReplacedAt *time.Time
}

// Gone reports whether the key is neither needed nor there.
func (k *KeyStatus) Gone() bool { return !k.Held && k.State == KeyEmpty }

// Problem is what is wrong, in plain words, and what to do about it.
type Problem struct{ What, Remedy string }

// Rotating reports whether a key that was replaced may still be needed.
func (s *KeyRingStatus) Rotating() bool { return len(s.InState(KeyReplaced)) > 0 }

// InState names the keys of a state.
func (s *KeyRingStatus) InState(state KeyState) []string {
	var ids []string
	for _, key := range s.Keys {
		if key.State == state {
			ids = append(ids, key.ID)
		}
	}
	return ids
}
