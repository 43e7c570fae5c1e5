//go:build !(linux || darwin || freebsd)

package doctor

import "errors"

// freeSpace reports that this system is not asked.
func freeSpace(string) (uint64, error) { return 0, errors.ErrUnsupported }
