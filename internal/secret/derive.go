package secret

import "encoding/base64"

// Derive gives the secret that follows old once the form with the fingerprint
// key was accepted. Whoever repeats the form exactly, with the old secret,
// gets the same one again; whoever has not the installation's key cannot make
// it. what tells the secrets of one form apart.
func (r *Ring) Derive(what string, old Token, key string) Token {
	return Token(base64.RawURLEncoding.EncodeToString(r.NewestMAC(Browsers, "token "+what, string(old), key)))
}

// DeriveID gives an id in the same way. It is public, and shows nothing of a
// token derived from the same form.
func (r *Ring) DeriveID(what string, old Token, key string) string {
	return IDOf(r.NewestMAC(Browsers, "id "+what, string(old), key))
}

// IDOf gives the id that a keyed hash of at least 26 bytes stands for.
func IDOf(mac []byte) string {
	id := make([]byte, idLength)
	for i := range id {
		id[i] = idAlphabet[mac[i]%32]
	}
	return string(id)
}
