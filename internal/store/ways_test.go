package store

import (
	"errors"
	"testing"
	"time"

	"sparekey"
)

// A54: nothing is dropped without which the ways that are not young could no
// longer recover the account (DESIGN rule 11), whatever it asks for by now: who
// holds a session for a moment, and turns "Ask for two proofs" on, must not be
// able to drop what the owner would come back with.
func TestDroppable(t *testing.T) {
	way := func(kind sparekey.WayKind, id string) sparekey.Held { return sparekey.Held{Way: kind, Place: id} }
	young := func(h sparekey.Held) sparekey.Held { h.Young = true; return h }
	asleep := func(h sparekey.Held) sparekey.Held { h.Asleep = time.Unix(1, 0); return h }
	dropped := func(h sparekey.Held) sparekey.Held { h.Dropped = time.Unix(1, 0); return h }
	mail, other := way(sparekey.ByMail, "mail"), way(sparekey.ByMail, "other")
	saved, app, key := way(sparekey.BySaved, "saved"), way(sparekey.ByTOTP, "app"), way(sparekey.ByPasskey, "key")
	password := way(sparekey.ByPassword, "password")
	one, two, high := sparekey.Demand{}, sparekey.Demand{Two: true}, sparekey.Demand{High: true}
	for name, c := range map[string]struct {
		held   []sparekey.Held
		id     string
		demand sparekey.Demand
		want   error
	}{
		"the only one":                             {[]sparekey.Held{mail, password}, "mail", one, sparekey.ErrLastWay},
		"one of two":                               {[]sparekey.Held{mail, saved}, "saved", one, nil},
		"one of two that are due":                  {[]sparekey.Held{mail, saved}, "saved", two, sparekey.ErrLastWay},
		"one of three where two are due":           {[]sparekey.Held{mail, saved, app}, "saved", two, nil},
		"the only one beside young ones":           {[]sparekey.Held{mail, young(other), young(saved)}, "mail", one, sparekey.ErrLastWay},
		"the same where two are due since":         {[]sparekey.Held{mail, young(other), young(saved)}, "mail", two, sparekey.ErrLastWay},
		"the same in high":                         {[]sparekey.Held{mail, young(other), young(saved)}, "mail", high, sparekey.ErrLastWay},
		"a young one":                              {[]sparekey.Held{mail, young(other), young(saved)}, "saved", two, nil},
		"one that sleeps":                          {[]sparekey.Held{mail, asleep(saved)}, "saved", two, nil},
		"the last address":                         {[]sparekey.Held{mail, saved, key}, "mail", one, sparekey.ErrLastWay},
		"the last address but for one that sleeps": {[]sparekey.Held{mail, asleep(other), saved}, "mail", one, sparekey.ErrLastWay},
		"one of two addresses":                     {[]sparekey.Held{mail, other}, "mail", one, nil},
		"a password":                               {[]sparekey.Held{mail, password}, "password", one, sparekey.ErrChanged},
		"one that was dropped":                     {[]sparekey.Held{mail, dropped(saved)}, "saved", one, sparekey.ErrChanged},
		"one that is not there":                    {[]sparekey.Held{mail}, "saved", one, sparekey.ErrChanged},
	} {
		h, err := Droppable(c.held, c.id, c.demand)
		if !errors.Is(err, c.want) || err == nil && h.Place != c.id {
			t.Errorf("%s: got %q, %v, want %v", name, h.Place, err, c.want)
		}
	}
}
