package sandbox

import (
	"container/list"
	"time"
)

// shelf keeps values for a time after they were last put, and at most so many of them: the oldest goes first. What has
// ended is swept when something is put. It is not safe for concurrent use.
type shelf[V any] struct {
	life  time.Duration
	most  int
	byKey map[string]*list.Element
	order *list.List // of *item[V], oldest first, which is also the order in which they end
}

type item[V any] struct {
	key   string
	value V
	ends  time.Time
}

func newShelf[V any](life time.Duration, most int) *shelf[V] {
	return &shelf[V]{life: life, most: most, byKey: make(map[string]*list.Element), order: list.New()}
}

// put adds or replaces a value; its time begins anew.
func (s *shelf[V]) put(now time.Time, key string, value V) {
	s.remove(key)
	s.byKey[key] = s.order.PushBack(&item[V]{key, value, now.Add(s.life)})
	for {
		oldest := s.order.Front().Value.(*item[V])
		if s.order.Len() <= s.most && oldest.ends.After(now) {
			return
		}
		s.remove(oldest.key)
	}
}

func (s *shelf[V]) get(now time.Time, key string) (value V, ok bool) {
	if element, found := s.byKey[key]; found && element.Value.(*item[V]).ends.After(now) {
		return element.Value.(*item[V]).value, true
	}
	return value, false
}

func (s *shelf[V]) remove(key string) {
	if element, found := s.byKey[key]; found {
		s.order.Remove(element)
		delete(s.byKey, key)
	}
}
