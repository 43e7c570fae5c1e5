package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// The library knows 254 regions and some 1,400 kinds of numbers in them. Far
// fewer mean that it has changed its shape, and a short table must not pass for
// the whole one.
const (
	fewestRegions = 240
	fewestKinds   = 1200
)

// A tabler writes the table and keeps count. Its lines are fields with tabs
// between them; internal/ident/plan.go reads them, and says what they mean.
type tabler struct {
	text           strings.Builder
	regions, kinds int
	lines          int
	err            error // the first one
}

func table() (text string, lines int, err error) {
	collection, err := phonenumbers.MetadataCollection()
	if err != nil {
		return "", 0, err
	}
	byRegion := map[string]*phonenumbers.PhoneMetadata{} // 001 has several
	for _, m := range collection.GetMetadata() {
		byRegion[m.GetId()+strconv.Itoa(int(m.GetCountryCode()))] = m
	}
	t := &tabler{}
	for _, code := range slices.Sorted(maps.Keys(phonenumbers.GetSupportedCallingCodes())) {
		regions := phonenumbers.GetRegionCodesForCountryCode(code)
		for i, region := range regions {
			m := byRegion[region+strconv.Itoa(code)]
			if m == nil {
				return "", 0, fmt.Errorf("the library has no metadata of %s", region)
			}
			if i == 0 {
				t.code(m)
			}
			t.region(m)
		}
	}
	switch {
	case t.err != nil:
		return "", 0, t.err
	case t.regions < fewestRegions, t.kinds < fewestKinds:
		return "", 0, fmt.Errorf("the library has %d regions and %d kinds of numbers, want at least %d and %d",
			t.regions, t.kinds, fewestRegions, fewestKinds)
	}
	return t.text.String(), t.lines, nil
}

// code writes what all regions of a country code share, which stands in the
// metadata of the first.
func (t *tabler) code(m *phonenumbers.PhoneMetadata) {
	t.line("code", strconv.Itoa(int(m.GetCountryCode())), lengths(m.GetGeneralDesc().GetPossibleLengthLocalOnly()),
		t.start(m.GetNationalPrefixForParsing()), m.GetNationalPrefixTransformRule())
	formats := m.GetIntlNumberFormat()
	if len(formats) == 0 {
		formats = m.GetNumberFormat()
	}
	for _, f := range formats {
		begin := ""
		if all := f.GetLeadingDigitsPattern(); len(all) > 0 {
			begin = all[len(all)-1] // the most detailed
		}
		t.line("format", t.whole(f.GetPattern()), t.start(begin), f.GetFormat())
	}
}

// region writes which numbers a region has, and which of them get text messages
// at the price of one: its kinds in the order in which the library asks, but
// mobile numbers before those that are at home on a wall. Where numbers of the
// two look alike, they may be mobile.
func (t *tabler) region(m *phonenumbers.PhoneMetadata) {
	t.regions++
	t.line("region", m.GetId(), t.start(m.GetLeadingDigits()))
	t.kind("all", m, m.GetGeneralDesc())
	for _, d := range []*phonenumbers.PhoneNumberDesc{m.GetPremiumRate(), m.GetTollFree(), m.GetSharedCost()} {
		t.kind("refused", m, d)
	}
	t.kind("taken", m, m.GetVoip())
	for _, d := range []*phonenumbers.PhoneNumberDesc{m.GetPersonalNumber(), m.GetPager(), m.GetUan(), m.GetVoicemail()} {
		t.kind("refused", m, d)
	}
	if m.GetSameMobileAndFixedLinePattern() {
		t.kind("taken", m, m.GetFixedLine())
		return
	}
	t.kind("taken", m, m.GetMobile())
	t.kind("refused", m, m.GetFixedLine())
}

// kind writes the lengths and the pattern of a kind of numbers, if the region
// has it. Those without lengths of their own have those of all.
func (t *tabler) kind(name string, m *phonenumbers.PhoneMetadata, d *phonenumbers.PhoneNumberDesc) {
	possible := d.GetPossibleLength()
	if len(possible) == 0 {
		possible = m.GetGeneralDesc().GetPossibleLength()
	}
	if !has(d) || slices.Contains(possible, -1) {
		return
	}
	t.kinds++
	t.line(name, lengths(possible), t.whole(d.GetNationalNumberPattern()))
}

// has tells whether there are numbers of a kind: where there are none, the
// pattern is missing or NA.
func has(d *phonenumbers.PhoneNumberDesc) bool {
	return d.GetNationalNumberPattern() != "" && d.GetNationalNumberPattern() != "NA"
}

// lengths writes numbers of digits, as 7,9,10.
func lengths(all []int32) string {
	var texts []string
	for _, n := range all {
		texts = append(texts, strconv.Itoa(int(n)))
	}
	return strings.Join(texts, ",")
}

// whole is the pattern for all of a number.
func (t *tabler) whole(pattern string) string {
	return t.compiled("^(?:" + pattern + ")$")
}

// start is the pattern for how a number begins, or empty if there is none.
func (t *tabler) start(pattern string) string {
	if pattern == "" {
		return ""
	}
	return t.compiled("^(?:" + pattern + ")")
}

// compiled is the pattern, which is fit to be compiled: the program does so
// only when it needs it.
func (t *tabler) compiled(pattern string) string {
	if _, err := regexp.Compile(pattern); err != nil && t.err == nil {
		t.err = err
	}
	return pattern
}

func (t *tabler) line(fields ...string) {
	if strings.ContainsAny(strings.Join(fields, ""), "\t\r\n") && t.err == nil {
		t.err = fmt.Errorf("a tab or a line break in %q", fields)
	}
	t.lines++
	t.text.WriteString(strings.Join(fields, "\t") + "\n")
}
