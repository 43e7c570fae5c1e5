package durable

import (
	"math/rand/v2"
	"strings"
	"time"

	"sparekey/internal/sparekeytest"
	"sparekey/internal/sparekeytest/site"
)

// keepsSaved makes a saved code in the session of a registration, and notes it
// once it was shown.
func (d *driver) keepsSaved(l *life, p *site.Person) {
	if p.Get("/account/ways") != nil || d.outcome(p.Post("/account/ways", "do", "add", "way", "saved")) != done {
		return
	}
	flow := p.At
	if p.Get(flow) != nil || d.outcome(p.Post(flow+"/act")) != done || p.Get(flow) != nil {
		return
	}
	l.kept = sparekeytest.SavedCode(p.Page)
}

// usesSaved answers a recovery with the saved code. Once that is acknowledged the
// code is used up, and the one that is shown then takes its place.
func (d *driver) usesSaved(r *rand.Rand, l *life) {
	p := d.pick(r).Person()
	if len(l.begun) >= 4 || p.Get("/recover") != nil {
		return
	}
	mailed := d.site.Office.Expect(l.email)
	if d.outcome(p.Post("/recover", "login", l.email)) != done {
		return
	}
	flow := strings.TrimPrefix(p.At, "/flow/")
	l.begin(flow)
	if d.code(mailed, flow) == "" { // until then nobody knows whom it is about
		return
	}
	if p.Get("/flow/"+flow) != nil || d.outcome(p.Post("/flow/"+flow+"/ways", "way", "saved")) != done || p.Get("/flow/"+flow) != nil {
		return
	}
	code := l.kept
	l.kept = ""
	switch d.outcome(p.Post("/flow/"+flow+"/answer", "code", code)) {
	case refused:
		if p.Status == 422 {
			l.broken = append(l.broken, "flow "+flow+": the saved code that was acknowledged last was refused")
		}
		return
	case unknown:
		return
	}
	l.used = append(l.used, code)
	if p.Get("/flow/"+flow) == nil {
		l.kept = sparekeytest.SavedCode(p.Page)
	}
}

// savedCodes holds the saved codes of a life against what the servers say: each
// that was used is refused, and the last one is not.
func (d *driver) savedCodes(node *site.Server, database sparekeytest.Rows, l *life) {
	for _, code := range l.used {
		if d.opens(node, database, l.email, code) {
			d.t.Errorf("%s: a saved code that was used is good", l.email)
		}
	}
	if l.kept != "" && !d.opens(node, database, l.email, l.kept) {
		d.t.Errorf("%s: the saved code that was acknowledged last is not good", l.email)
	}
}

// opens reports whether a saved code proves anything in a recovery.
func (d *driver) opens(node *site.Server, database sparekeytest.Rows, email, code string) bool {
	p := node.Person()
	d.must(p.Get("/recover"))
	d.must(p.Post("/recover", "login", email))
	at := p.At
	for database.Text(`SELECT subject || '.' FROM flows WHERE id = '`+strings.TrimPrefix(at, "/flow/")+`'`) == "." {
		time.Sleep(5 * time.Millisecond) // nobody knows yet whom it is about
	}
	d.must(p.Get(at))
	d.must(p.Post(at+"/ways", "way", "saved"))
	d.must(p.Get(at))
	err := p.Post(at+"/answer", "code", code)
	if err != nil && p.Status != 422 {
		d.t.Fatalf("answer by a saved code: %v", err)
	}
	return err == nil
}

func (d *driver) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}
