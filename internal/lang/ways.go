package lang

import "slices"

// Ways names ways to verify, each once, as in "your password and your app". It
// is empty if none of them has a name.
func (p *Printer) Ways(kinds []string) string {
	var names []string
	for _, kind := range kinds {
		// A kind that has no name in the catalogue is better not said.
		if id := "mail.way." + kind; p.Has(id) && !slices.Contains(names, p.T(id)) {
			names = append(names, p.T(id))
		}
	}
	if len(names) == 0 {
		return ""
	}
	said, last := names[0], len(names)-1
	for i, name := range names[1:] {
		join := "mail.comma"
		if i+1 == last {
			join = "mail.and"
		}
		said = p.T(join, "A", said, "B", name)
	}
	return said
}
