package ident

import (
	"math/bits"
	"regexp"
	"sync"
)

// A plan is what numbers there are behind a country code, which may be that of
// several countries.
type plan struct {
	code    string
	local   lengths  // of numbers that are dialled without their area
	trunk   *pattern // what is dialled at home before a number, as the 0 of +44 (0)20; nil if nothing
	rule    string   // what takes the place of the trunk if its last group has something; empty for nothing
	formats []format
	regions []region // the main one first
}

// A format is how some numbers are shown. Of several, the first that fits counts.
type format struct {
	whole, start *pattern // start is nil if the whole tells all
	shown        string
}

// A region is the numbers of a country.
type region struct {
	name  string
	start *pattern // how they begin, if that tells them from those of the others; else nil
	all   kind
	kinds []kind // of several that a number fits, the first is its own
}

// A kind is the numbers of one kind, and whether they get text messages at the
// price of one.
type kind struct {
	lengths lengths
	whole   *pattern
	taken   bool
}

// national gives the digits behind the country code without what is dialled
// before them at home. What would be no number without it keeps it.
func (p *plan) national(digits string) string {
	if p.trunk == nil {
		return digits
	}
	at := p.trunk.compiled().FindStringSubmatchIndex(digits)
	if at == nil {
		return digits
	}
	all, rest := p.regions[0].all, digits[at[1]:]
	if p.rule != "" && at[len(at)-2] >= 0 {
		rest = string(p.trunk.compiled().ExpandString(nil, p.rule, digits, at)) + rest
	}
	possible := all.lengths.has(len(rest)) || len(rest) > all.lengths.longest()
	if !possible || p.local.has(len(rest)) || all.whole.fits(digits) && !all.whole.fits(rest) {
		return digits
	}
	return rest
}

// region gives the region that a number is in, or nil. Where there is one only,
// it need not be one of its numbers.
func (p *plan) region(digits string) *region {
	if len(p.regions) == 1 {
		return &p.regions[0]
	}
	for i := range p.regions {
		r := &p.regions[i]
		if r.start != nil && r.start.fits(digits) || r.start == nil && r.kind(digits) != nil {
			return r
		}
	}
	return nil
}

// kind gives the kind of a number, or nil if the region has no such number.
func (r *region) kind(digits string) *kind {
	if !r.all.fits(digits) {
		return nil
	}
	for i := range r.kinds {
		if r.kinds[i].fits(digits) {
			return &r.kinds[i]
		}
	}
	return nil
}

func (k *kind) fits(digits string) bool { return k.lengths.has(len(digits)) && k.whole.fits(digits) }

// show gives the international format of a number.
func (p *plan) show(digits string) string {
	for _, f := range p.formats {
		if f.whole.fits(digits) && (f.start == nil || f.start.fits(digits)) {
			digits = f.whole.compiled().ReplaceAllString(digits, f.shown)
			break
		}
	}
	return "+" + p.code + " " + digits
}

// lengths is a set of numbers of digits.
type lengths uint32

func (l lengths) has(n int) bool { return l>>n&1 != 0 }
func (l lengths) longest() int   { return bits.Len32(uint32(l)) - 1 }

// A pattern is compiled when it is needed first. Most countries never are.
type pattern struct {
	text string
	once sync.Once
	re   *regexp.Regexp
}

func (p *pattern) compiled() *regexp.Regexp {
	p.once.Do(func() { p.re = regexp.MustCompile(p.text) }) // tools/phones has compiled each
	return p.re
}

func (p *pattern) fits(digits string) bool { return p.compiled().MatchString(digits) }

// plans are those of all country codes.
type plans map[string]*plan

// split finds the plan of a number by its country code, and gives the digits
// behind the code. No code is the beginning of another.
func (p plans) split(digits string) (*plan, string) {
	for i := 1; i <= 3 && i <= len(digits); i++ {
		if found := p[digits[:i]]; found != nil {
			return found, digits[i:]
		}
	}
	return nil, ""
}
