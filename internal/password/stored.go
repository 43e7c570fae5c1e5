package password

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-crypt/crypt/algorithm/argon2"
)

// What is stored is the id of the pepper key and the PHC string of the hash
// under it, which begins with its own "$":
//
//	k3f7qa$argon2id$v=19$m=19456,t=2,p=1$salt$hash

// Bounds for what is read from storage. A hash beyond them would be an attack
// on memory or time by whoever could write it, such as an import.
const (
	maxMemory = 256 * 1024 // KiB
	maxPasses = 16
	maxLanes  = 8

	minMemoryPerLane = 8 // KiB, by RFC 9106, section 3.1

	minSalt, maxSalt = 8, 64  // bytes
	minHash, maxHash = 16, 64 // bytes
	maxStored        = 512    // bytes of the whole text
)

// keyID is the shape of a pepper key's id. It has no "$".
var keyID = regexp.MustCompile(`^[a-z][a-z0-9]{0,15}$`)

func validKeyID(id string) bool { return keyID.MatchString(id) }

// A stored is a stored password, read.
type stored struct {
	keyID  string
	params Params
	digest *argon2.Digest
}

// parseStored reads what [Hasher.Hash] gave. Its errors wrap ErrStored and
// quote nothing of the text.
func parseStored(text string) (stored, error) {
	id, phc, found := strings.Cut(text, "$")
	if !found || len(text) > maxStored || !validKeyID(id) {
		return stored{}, fmt.Errorf("%w: it does not begin with the id of a key", ErrStored)
	}
	decoded, err := argon2.DecodeVariant(argon2.VariantID)("$" + phc)
	if err != nil {
		// Not wrapped: the library's errors quote the text they were given.
		return stored{}, fmt.Errorf("%w: it is not an Argon2id hash of version 19", ErrStored)
	}
	digest, ok := decoded.(*argon2.Digest)
	if !ok {
		return stored{}, fmt.Errorf("%w: it is not an Argon2id hash", ErrStored)
	}
	s := stored{keyID: id, digest: digest}
	// The digest keeps its parameters to itself, but writes them in one form.
	if _, err := fmt.Sscanf(digest.Encode(), "$argon2id$v=19$m=%d,t=%d,p=%d$",
		&s.params.Memory, &s.params.Passes, &s.params.Lanes); err != nil {
		return stored{}, fmt.Errorf("%w: its parameters are not m, t and p", ErrStored)
	}
	if err := s.params.check(); err != nil {
		return stored{}, fmt.Errorf("%w: %w", ErrStored, err)
	}
	salt, hash := len(digest.Salt()), len(digest.Key())
	if salt < minSalt || salt > maxSalt || hash < minHash || hash > maxHash {
		return stored{}, fmt.Errorf("%w: a salt of %d and a hash of %d bytes", ErrStored, salt, hash)
	}
	return s, nil
}

// check keeps parameters within what this machine is willing to compute.
func (p Params) check() error {
	if p.Lanes < 1 || p.Lanes > maxLanes || p.Passes < 1 || p.Passes > maxPasses ||
		p.Memory < minMemoryPerLane*p.Lanes || p.Memory > maxMemory {
		return fmt.Errorf("a cost of m=%d KiB, t=%d, p=%d is outside the bounds m=%d, t=%d, p=%d",
			p.Memory, p.Passes, p.Lanes, maxMemory, maxPasses, maxLanes)
	}
	return nil
}

// argonHasher makes the library's hasher for a cost: salts of 16 bytes, hashes
// of 32 bytes.
func argonHasher(p Params) (*argon2.Hasher, error) {
	return argon2.New(
		argon2.WithVariant(argon2.VariantID),
		argon2.WithM(p.Memory), argon2.WithT(int(p.Passes)), argon2.WithP(int(p.Lanes)),
		argon2.WithS(16), argon2.WithK(32),
	)
}

// nobodyStored makes what is compared for those who have no password. No
// password is behind it, so its hash may be anything.
func nobodyStored(keyID string, p Params) string {
	salt, hash := make([]byte, 16), make([]byte, 32)
	return fmt.Sprintf("%s$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", keyID, p.Memory, p.Passes, p.Lanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(hash))
}
