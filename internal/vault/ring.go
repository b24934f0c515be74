package vault

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// Ring holds the keys. One of them seals, the first unless [Ring.SealUnder] chose another; all of them open. A ring that
// was read from a file follows the file, see [Ring.Reload]. It is safe for concurrent use.
type Ring struct {
	held atomic.Pointer[held]

	path   string     // of the key file; empty where the keys were given as text
	mu     sync.Mutex // held while the ring is changed
	loaded stamp      // of the file as it was read last
}

// held is what a ring holds at one moment. It is never changed, only replaced.
type held struct {
	keys     []key
	sealing  int // index of the key that seals
	inSource int // how many of the keys the file or the text still has; the others are kept until the process ends
}

// Seal encrypts plain for its place.
func (r *Ring) Seal(plain []byte, at Place) []byte {
	now := r.held.Load()
	return now.keys[now.sealing].seal(plain, at)
}

// Open decrypts what Seal made for the same place. It fails with [ErrUnknownKey] or [ErrNotAuthentic]. A key that is not
// there is looked for in the key file: another process may have sealed under one that was added a moment ago.
func (r *Ring) Open(sealed []byte, at Place) ([]byte, error) {
	plain, err := r.open(sealed, at)
	if err == ErrUnknownKey {
		if changed, _ := r.Reload(); changed {
			return r.open(sealed, at)
		}
	}
	return plain, err
}

func (r *Ring) open(sealed []byte, at Place) ([]byte, error) {
	id := KeyOf(sealed)
	if id == "" {
		return nil, ErrNotAuthentic
	}
	for _, k := range r.held.Load().keys {
		if k.id.String() == id {
			plain, err := k.aead.Open(nil, nil, sealed[headerBytes:], at.additionalData())
			if err != nil {
				return nil, ErrNotAuthentic
			}
			return plain, nil
		}
	}
	return nil, ErrUnknownKey
}

// Keys names the keys the ring opens with, in the order of the file or the text; those that are no longer in it come last.
func (r *Ring) Keys() []string {
	var ids []string
	for _, k := range r.held.Load().keys {
		ids = append(ids, k.id.String())
	}
	return ids
}

// Source names the keys that the file or the text holds at the moment. The first one is meant to seal.
func (r *Ring) Source() []string { return r.Keys()[:r.held.Load().inSource] }

// Sealing names the key that new values are sealed under.
func (r *Ring) Sealing() string {
	now := r.held.Load()
	return now.keys[now.sealing].id.String()
}

// Holds reports whether the ring opens what is sealed under the named key, looking into the key file for one that is new.
func (r *Ring) Holds(id string) bool {
	if slices.Contains(r.Keys(), id) {
		return true
	}
	changed, _ := r.Reload()
	return changed && slices.Contains(r.Keys(), id)
}

// SealUnder has new values sealed under the named key from now on. It fails with [ErrUnknownKey].
func (r *Ring) SealUnder(id string) error {
	if !r.Holds(id) {
		return fmt.Errorf("key %s: %w", id, ErrUnknownKey)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	next := *r.held.Load()
	next.sealing = slices.Index(r.Keys(), id)
	r.held.Store(&next)
	return nil
}

// Path is the key file that the ring follows; empty where the keys were given as text.
func (r *Ring) Path() string { return r.path }

// Reload reads the key file again where it was replaced, and reports whether it was. Keys that the file lost are kept: what is
// sealed under them must stay readable. A file that is faulty changes nothing.
func (r *Ring) Reload() (changed bool, err error) {
	if r.path == "" {
		return false, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	seen, err := stampOf(r.path)
	if err != nil || seen == r.loaded {
		return false, err
	}
	keys, err := readKeys(r.path)
	if err != nil {
		return false, err
	}
	now := r.held.Load()
	next := held{keys: keys, inSource: len(keys)}
	for _, k := range now.keys {
		if !slices.ContainsFunc(keys, func(other key) bool { return other.id == k.id }) {
			next.keys = append(next.keys, k)
		}
	}
	sealing := now.keys[now.sealing].id
	next.sealing = slices.IndexFunc(next.keys, func(k key) bool { return k.id == sealing })
	r.held.Store(&next)
	r.loaded = seen
	return true, nil
}
