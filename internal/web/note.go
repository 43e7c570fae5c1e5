package web

import (
	"net/http"
	"strconv"
	"strings"

	"sparekey/internal/page"
)

// An accepted form leads on with a 303, and what it did is said by the page that
// comes then, once: it travels in a cookie, as one of few words.

// tell leads to a page that says what has happened. Count is for the notes that
// say how many, else 0.
func (s *Server) tell(r *request, to, id string, count int) error {
	if r.api {
		r.told = toldNote(id, count)
		return s.see(r, to)
	}
	setCookie(r.w, noteCookie, id+"."+strconv.Itoa(count), noteLife)
	return s.see(r, to)
}

// told gives what the page has to say if it can say one of those notes, and
// forgets it.
func told(r *request, may ...string) *page.Note {
	c, err := r.Cookie(noteCookie)
	if err != nil || r.Method != http.MethodGet || r.api { // a page is to say it
		return nil
	}
	for _, id := range may {
		if text, ok := strings.CutPrefix(c.Value, id+"."); ok {
			count, err := strconv.Atoi(text)
			if err != nil || count < 0 {
				continue
			}
			dropCookie(r.w, noteCookie)
			return toldNote(id, count)
		}
	}
	return nil
}

func toldNote(id string, count int) *page.Note {
	n := &page.Note{ID: id, Good: id != "dev.gone", Calm: id == "dev.gone"}
	if count > 0 {
		n.Args = []any{"Count", count}
	}
	return n
}
