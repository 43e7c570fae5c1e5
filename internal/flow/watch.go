package flow

import "sync"

// watchers are the screens that wait on this node, by the codes that they show.
type watchers struct {
	mu sync.Mutex
	by map[string]map[chan struct{}]bool
}

// Watch gives a channel on which it is told, soon, that something may have come of
// one of these codes, on whichever node. End ends it.
func (s *Service) Watch(codes ...string) (told <-chan struct{}, end func()) {
	w, c := &s.waiting, make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.by == nil {
		w.by = map[string]map[chan struct{}]bool{}
	}
	for _, code := range codes {
		if w.by[code] == nil {
			w.by[code] = map[chan struct{}]bool{}
		}
		w.by[code][c] = true
	}
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, code := range codes {
			if delete(w.by[code], c); len(w.by[code]) == 0 {
				delete(w.by, code)
			}
		}
	}
}

// Seen tells the screens that show a code that something may have come of it.
func (s *Service) Seen(code string) {
	w := &s.waiting
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.by[code] {
		select {
		case c <- struct{}{}:
		default: // it has been told and has not looked yet
		}
	}
}
