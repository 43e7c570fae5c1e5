package password

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Lengths of a new password in code points of its NFC. There are no rules about
// which characters, and none is ever cut off or trimmed.
const (
	shortest = 8
	longest  = 256
)

// The codes of a [Refusal], which are also the names of its message.
const (
	CodeShape  = "pw.shape"  // it is not valid UTF-8
	CodeShort  = "pw.short"  // it has fewer than Min characters
	CodeLong   = "pw.long"   // it has more than Max characters
	CodeSimple = "pw.simple" // little but repeats and runs
	CodeCommon = "pw.common" // attackers try it first
	CodeSelf   = "pw.self"   // too close to the login, the address or the site
)

// A Refusal says why a new password is not taken. It does not contain it.
type Refusal struct {
	Code string // one of the codes above
	Have int    // how many characters it has
	Min  int    // how many it must have
	Max  int    // how many it may have
}

// Error gives the code.
func (r *Refusal) Error() string { return "password refused: " + r.Code }

// About is what a password must not be made of, and how long it must be.
type About struct {
	Login string // the login name, or ""
	Email string // the address; it counts, and so does its local part
	Site  string // the site's name
	Host  string // the site's host
	Min   int    // characters; less than 8 means 8
}

// Refuse says what is wrong with a new password: a [*Refusal], or nil. The
// first of these counts: shape, too short, too long, simple, common, self. Any
// other error means that the program was built without [Common]'s list.
//
// Only new passwords come here. One that is checked is never refused: what was
// once taken must go on opening the account.
func Refuse(pw string, about About) error {
	list, err := Common()
	if err != nil {
		return err
	}
	pw = norm.NFC.String(pw)
	r := &Refusal{Have: utf8.RuneCountInString(pw), Min: max(shortest, about.Min), Max: longest}
	switch {
	case !utf8.ValidString(pw):
		r.Code = CodeShape
	case r.Have < r.Min:
		r.Code = CodeShort
	case r.Have > r.Max:
		r.Code = CodeLong
	case simple(pw, r.Min):
		r.Code = CodeSimple
	case list.Has(pw) || list.Has(unit(pw)):
		r.Code = CodeCommon
	case about.near(pw):
		r.Code = CodeSelf
	default:
		return nil
	}
	return r
}

// simple tells whether a password is a short unit over and over, or has so many
// runs that what is left to guess is half of the shortest password or less.
func simple(pw string, shortest int) bool {
	return utf8.RuneCountInString(unit(pw)) < shortest || fresh(pw)*2 <= shortest
}

// unit gives the part of which the whole is a repetition, the last time perhaps
// cut off: "abc" of "abcabcab". It is the whole if there is none.
func unit(pw string) string {
	runes := []rune(pw)
	for size := 1; size*2 <= len(runes); size++ {
		repeats := true
		for i := size; i < len(runes) && repeats; i++ {
			repeats = runes[i] == runes[i-size]
		}
		if repeats {
			return string(runes[:size])
		}
	}
	return pw
}

// A step is how one character follows from the one before; several may be true
// of the same two.
type step uint8

const (
	up    step = 1 << iota // the next one of the alphabet
	down                   // the one before
	right                  // the next key on the keyboard
	left                   // the key before
)

// keyboard are the rows of keys along which fingers slide.
var keyboard = []string{
	"1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", // English
	"qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn", // German, French
	"йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю", // Russian
}

// fresh counts the characters that do not follow from those before them: not
// the same again, and not one more in a direction taken already. "abcdefgh" has
// two, "aaaabbbb" too, a random password nearly all.
func fresh(pw string) (n int) {
	var before rune
	var direction step
	for i, r := range strings.ToLower(pw) {
		if i > 0 && r == before {
			direction = 0
			continue
		}
		taken := stepTo(before, r)
		if i == 0 || taken&direction == 0 {
			n++
			direction = taken
		} else {
			direction &= taken
		}
		before = r
	}
	return n
}

// stepTo gives the ways in which b follows a.
func stepTo(a, b rune) (s step) {
	switch b - a {
	case 1:
		s |= up
	case -1:
		s |= down
	}
	pair, back := string([]rune{a, b}), string([]rune{b, a})
	for _, row := range keyboard {
		if strings.Contains(row, pair) {
			s |= right
		}
		if strings.Contains(row, back) {
			s |= left
		}
	}
	return s
}

// shortestWord is how many characters a name must have to count: a shorter one
// is in many good passwords by chance.
const shortestWord = 4

// near tells whether one of the names makes up at least half of the password,
// or the password is a part of one.
func (a About) near(pw string) bool {
	p, length := fold(pw), utf8.RuneCountInString(pw)
	local, _, _ := strings.Cut(a.Email, "@")
	words := []string{a.Email, a.Host} // as a whole: their parts are everybody's
	for _, name := range []string{a.Login, local, a.Site} {
		words = append(words, name)
		words = append(words, strings.FieldsFunc(name, func(r rune) bool { return !unicode.In(r, unicode.L, unicode.M, unicode.N) })...)
	}
	for _, word := range words {
		w := fold(word)
		size := utf8.RuneCountInString(w)
		if size < shortestWord {
			continue
		}
		if strings.Contains(p, w) && size*2 >= length {
			return true
		}
		if utf8.RuneCountInString(p) >= shortestWord && strings.Contains(w, p) {
			return true
		}
	}
	return false
}

// leet are the characters that people put in the place of a letter. The letter
// l goes the way of the digit 1, which stands for i as well.
var leet = strings.NewReplacer(
	"0", "o", "1", "i", "l", "i", "!", "i", "|", "i", "3", "e", "4", "a", "@", "a", "5", "s", "$", "s", "7", "t", "8", "b",
)

// fold gives a text without case, accents, separators and spelling tricks, to
// compare names with passwords.
func fold(s string) string {
	plain := leet.Replace(strings.ToLower(norm.NFKD.String(s)))
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if !unicode.In(r, unicode.L, unicode.N) {
			return -1
		}
		return r
	}, plain))
}
