package sparekeytest

import (
	"fmt"
	"os"
	"testing"
)

// Main is the TestMain of packages that use Postgres:
//
//	func TestMain(m *testing.M) { sparekeytest.Main(m) }
//
// It runs the tests, ends what they started and exits. Without it the same
// happens when the process is over. What else is to be ended is handed over.
func Main(m *testing.M, ends ...func()) {
	code := m.Run()
	if err := theSchemas.drop(); err != nil {
		fmt.Fprintf(os.Stderr, "drop the database that tests copied: %v\n", err)
		code = 1
	}
	theCluster.stop()
	for _, end := range ends {
		end()
	}
	os.Exit(code)
}
