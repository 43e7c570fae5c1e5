package sparekey

import (
	"strings"
	"time"
)

// A Session is a signed-in browser. Its token is known to the browser alone;
// the database keeps a hash.
type Session struct {
	ID      string
	Account string
	How     []WayKind // the proofs that opened it
	Created time.Time
	Seen    time.Time // when it was last used, to the hour
	Expires time.Time // at the latest; SessionIdle may end it before
	From    string    // the client's address when it was opened
	On      string    // the browser and system, from a closed list
	Shared  bool      // on a shared computer
}

// Live reports whether s can still be used at now.
func (s *Session) Live(now time.Time) bool {
	idle := SessionIdle
	if s.Shared {
		idle = SharedLife
	}
	return now.Before(s.Expires) && now.Before(s.Seen.Add(idle))
}

// JoinWays writes ways as one text for a column; SplitWays reads it back.
func JoinWays(ways []WayKind) string {
	texts := make([]string, len(ways))
	for i, w := range ways {
		texts[i] = string(w)
	}
	return strings.Join(texts, " ")
}

// SplitWays reads what JoinWays wrote.
func SplitWays(text string) []WayKind {
	var ways []WayKind
	for _, w := range strings.Fields(text) {
		ways = append(ways, WayKind(w))
	}
	return ways
}
