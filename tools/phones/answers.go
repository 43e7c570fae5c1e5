package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// kinds are the kinds of numbers, by the names that the answers have.
var kinds = map[phonenumbers.PhoneNumberType]string{
	phonenumbers.FIXED_LINE: "fixed", phonenumbers.MOBILE: "mobile", phonenumbers.FIXED_LINE_OR_MOBILE: "fixed or mobile",
	phonenumbers.TOLL_FREE: "toll free", phonenumbers.PREMIUM_RATE: "premium rate", phonenumbers.SHARED_COST: "shared cost",
	phonenumbers.VOIP: "voip", phonenumbers.PERSONAL_NUMBER: "personal", phonenumbers.PAGER: "pager", phonenumbers.UAN: "uan",
	phonenumbers.VOICEMAIL: "voicemail", phonenumbers.UNKNOWN: "none",
}

// An asker asks the library about numbers, each once, or once for each region
// that it is an example of.
type asker struct {
	text  strings.Builder
	asked map[string]bool // by digits, and by digits and example
	lines int
	draw  *rand.Rand
	err   error // the first one
}

// questions asks about the examples of every region and kind, about numbers
// that its patterns fit, with and without what is dialled before them at home,
// about slips of the pen in all of these, and about digits at random.
//
// A line is what was asked; of which region it is the example, and its kind; the
// kind that the library finds; the number as E.164 and as the international
// format have it; its country code; its region. Where the library cannot read
// what was asked, the rest of the line is empty.
func questions() (text string, lines int, err error) {
	a := &asker{asked: map[string]bool{}, draw: rand.New(rand.NewPCG(1, 2))} // the same ones each time
	collection, err := phonenumbers.MetadataCollection()
	if err != nil {
		return "", 0, err
	}
	for _, m := range collection.GetMetadata() {
		a.examples(m)
	}
	for _, m := range collection.GetMetadata() {
		a.drawn(m)
	}
	for _, code := range slices.Sorted(maps.Keys(phonenumbers.GetSupportedCallingCodes())) {
		for range 60 {
			a.ask(strconv.Itoa(code)+a.digits(1+a.draw.IntN(18)), "")
		}
	}
	for n := range 1000 {
		a.ask(strconv.Itoa(n), "")
		a.ask(strconv.Itoa(n)+a.digits(9), "")
	}
	for n := range 300 {
		a.ask(a.digits(n), "")
	}
	return a.text.String(), a.lines, a.err
}

// examples asks about the examples of a region.
func (a *asker) examples(m *phonenumbers.PhoneMetadata) {
	code := strconv.Itoa(int(m.GetCountryCode()))
	for kind, d := range descriptions(m) {
		if d.GetExampleNumber() == "" {
			continue
		}
		if number := phonenumbers.GetExampleNumberForType(m.GetId(), kind); number != nil {
			kind = phonenumbers.GetNumberType(number) // of those that may be both, the one
		}
		a.ask(code+d.GetExampleNumber(), m.GetId()+" "+kinds[kind])
	}
}

// drawn asks about numbers that the patterns of a region fit, and about others
// that are one slip away.
func (a *asker) drawn(m *phonenumbers.PhoneMetadata) {
	code := strconv.Itoa(int(m.GetCountryCode()))
	for _, d := range descriptions(m) {
		if !has(d) {
			continue
		}
		for i := range 12 {
			number := a.fitting(d.GetNationalNumberPattern())
			a.ask(code+number, "")
			a.ask(code+a.slip(number), "")
			if i < 6 {
				a.ask(code+a.fitting(m.GetNationalPrefixForParsing())+number, "")
				a.ask(code+m.GetNationalPrefix()+number, "")
			}
		}
	}
	for range 20 {
		a.ask(code+a.fitting(m.GetNationalPrefixForParsing())+a.digits(a.draw.IntN(12)), "")
		a.ask(code+a.fitting(m.GetLeadingDigits())+a.digits(3+a.draw.IntN(8)), "")
	}
	for _, f := range slices.Concat(m.GetNumberFormat(), m.GetIntlNumberFormat()) {
		for _, leading := range f.GetLeadingDigitsPattern() {
			a.ask(code+a.fitting(leading)+a.digits(2+a.draw.IntN(8)), "")
		}
		a.ask(code+a.fitting(f.GetPattern()), "")
	}
}

// descriptions gives what the metadata of a region says of each kind, in order.
func descriptions(m *phonenumbers.PhoneMetadata) func(yield func(phonenumbers.PhoneNumberType, *phonenumbers.PhoneNumberDesc) bool) {
	return func(yield func(phonenumbers.PhoneNumberType, *phonenumbers.PhoneNumberDesc) bool) {
		of := map[phonenumbers.PhoneNumberType]*phonenumbers.PhoneNumberDesc{
			phonenumbers.FIXED_LINE: m.GetFixedLine(), phonenumbers.MOBILE: m.GetMobile(), phonenumbers.TOLL_FREE: m.GetTollFree(),
			phonenumbers.PREMIUM_RATE: m.GetPremiumRate(), phonenumbers.SHARED_COST: m.GetSharedCost(), phonenumbers.VOIP: m.GetVoip(),
			phonenumbers.PERSONAL_NUMBER: m.GetPersonalNumber(), phonenumbers.PAGER: m.GetPager(), phonenumbers.UAN: m.GetUan(),
			phonenumbers.VOICEMAIL: m.GetVoicemail(), phonenumbers.UNKNOWN: m.GetGeneralDesc(),
		}
		for _, kind := range slices.Sorted(maps.Keys(of)) {
			if !yield(kind, of[kind]) {
				return
			}
		}
	}
}

// ask writes what the library says of the number that begins with a country
// code, unless it was asked before.
func (a *asker) ask(digits, example string) {
	if a.asked[digits+example] {
		return
	}
	a.asked[digits] = true
	a.asked[digits+example] = true
	answer := []string{digits, example, "", "", "", "", ""}
	if number, err := phonenumbers.Parse("+"+digits, ""); err == nil {
		kind := phonenumbers.UNKNOWN
		if phonenumbers.IsValidNumber(number) {
			kind = phonenumbers.GetNumberType(number)
		}
		copy(answer[2:], []string{
			kinds[kind], phonenumbers.Format(number, phonenumbers.E164), phonenumbers.Format(number, phonenumbers.INTERNATIONAL),
			strconv.Itoa(int(number.GetCountryCode())), phonenumbers.GetRegionCodeForNumber(number),
		})
	}
	if line := strings.Join(answer, "\t"); strings.Count(line, "\t") == len(answer)-1 && !strings.Contains(line, "\n") {
		a.text.WriteString(line + "\n")
		a.lines++
	} else if a.err == nil {
		a.err = fmt.Errorf("a tab or a line break in %q", answer)
	}
}

func (a *asker) digits(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + a.draw.IntN(10))
	}
	return string(b)
}

// slip makes a slip of the pen: a wrong digit, one too many or one too few.
func (a *asker) slip(number string) string {
	if number == "" {
		return a.digits(1)
	}
	at := a.draw.IntN(len(number))
	switch a.draw.IntN(6) {
	case 0:
		return number[:at] + number[at+1:]
	case 1:
		return number[:at] + a.digits(1) + number[at:]
	}
	return number[:at] + a.digits(1) + number[at+1:]
}

// fitting draws digits that fit a pattern.
func (a *asker) fitting(pattern string) string {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		if a.err == nil {
			a.err = err
		}
		return ""
	}
	var b strings.Builder
	a.fit(&b, tree)
	return b.String()
}

// most is how often something is repeated at most where a pattern says no end.
const most = 3

func (a *asker) fit(b *strings.Builder, re *syntax.Regexp) {
	repeat := func(least, most int) {
		for range least + a.draw.IntN(most-least+1) {
			a.fit(b, re.Sub[0])
		}
	}
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			b.WriteRune(r)
		}
	case syntax.OpCharClass:
		at := 2 * a.draw.IntN(len(re.Rune)/2)
		b.WriteRune(re.Rune[at] + a.draw.Int32N(re.Rune[at+1]-re.Rune[at]+1))
	case syntax.OpCapture, syntax.OpConcat:
		for _, sub := range re.Sub {
			a.fit(b, sub)
		}
	case syntax.OpAlternate:
		a.fit(b, re.Sub[a.draw.IntN(len(re.Sub))])
	case syntax.OpQuest:
		repeat(0, 1)
	case syntax.OpStar:
		repeat(0, most)
	case syntax.OpPlus:
		repeat(1, most)
	case syntax.OpRepeat:
		if re.Max < 0 {
			repeat(re.Min, re.Min+most)
		} else {
			repeat(re.Min, re.Max)
		}
	case syntax.OpBeginText, syntax.OpEndText, syntax.OpEmptyMatch:
	default:
		if a.err == nil {
			a.err = fmt.Errorf("no number can be drawn for %q", re)
		}
	}
}
