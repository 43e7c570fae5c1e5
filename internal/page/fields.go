package page

import "strings"

const fewest = 8 // characters of a password when a page is not told

// min8 is n, or the usual when a page is not told.
func min8(n int) int {
	if n == 0 {
		return fewest
	}
	return n
}

// A secretView is a password field as the templates draw it.
type secretView struct {
	*Base
	Name, Label  string
	Autocomplete string
	Hint         string
	Bad          string
	Described    string // ids of what describes it
	Twin         string // id of the field it must equal
	New          bool
	Fewest       int
	Forgot       bool // "Forgot password?" stands beside the label
	Login        string
}

// Secret is the field of the password to sign in with.
func (d *SignIn) Secret() secretView {
	return d.secret(secretView{
		Name: "password", Label: "f.password", Autocomplete: "current-password",
		Forgot: true, Login: d.Login,
	})
}

// Secret is the field of the password to be.
func (d *Register) Secret() secretView {
	return d.secret(secretView{
		Name: "password", Label: "f.password", Autocomplete: "new-password",
		Hint: d.T("pw.hint", "Min", d.Fewest()), New: true, Fewest: d.Fewest(),
	})
}

// First is the field of the new password.
func (d *NewPassword) First() secretView {
	return d.secret(secretView{
		Name: "password", Label: "new.first", Autocomplete: "new-password",
		Described: "password-hint", New: true, Fewest: d.Fewest(),
	})
}

// Second is the field where it is typed again.
func (d *NewPassword) Second() secretView {
	return d.secret(secretView{
		Name: "password_again", Label: "new.second", Autocomplete: "new-password",
		Twin: "password", New: true, Fewest: d.Fewest(),
	})
}

// secret fills in what is wrong with a field and what describes it.
func (b *Base) secret(v secretView) secretView {
	v.Base = b
	if v.Hint != "" {
		v.Described = v.Name + "-hint"
	}
	if v.Bad = b.Blamed(v.Name); v.Bad != "" {
		v.Described = strings.TrimSpace("note " + v.Name + "-bad " + v.Described)
	}
	return v
}
