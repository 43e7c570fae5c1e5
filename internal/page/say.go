package page

import (
	"time"

	"sparekey/internal/lang"
)

// Say gives what a page says above its form, or as a whole, for programs that
// draw pages of their own: the note, and its words as plain text in the page's
// language. Of a page that says nothing the note is nil.
func (p *Pages) Say(d Page) (*Note, string) {
	p.adopt(d)
	switch d := d.(type) {
	case *Problem:
		return &Note{ID: d.ID, Field: d.Field}, d.T(d.message(), d.args()...)
	case *Ended:
		return &Note{ID: d.id()}, d.T(d.id())
	case *Paused:
		return &Note{ID: "paused"}, d.T("paused", d.args()...)
	case *Leaving:
		return &Note{ID: "in.leaving"}, d.T("in.leaving", d.args()...)
	}
	n := d.note()
	if n == nil {
		return nil, ""
	}
	b := d.base()
	return n, b.T(n.ID, n.Args...)
}

// adopt fills in what is the same on all pages.
func (p *Pages) adopt(d Page) *Base {
	b := d.base()
	b.page, b.pages = d, p
	if b.Printer == nil {
		b.Printer = p.opts.Catalogue.Printer(lang.Fallback)
	}
	if b.Now.IsZero() {
		b.Now = time.Now()
	}
	return b
}
