package sparekeytest

import (
	"fmt"
	"os"
	"testing"
)

// Main is the TestMain of packages that use Postgres or Chromium:
//
//	func TestMain(m *testing.M) { sparekeytest.Main(m) }
//
// It runs the tests, ends what they started and exits. Without it the same
// happens when the process is over.
func Main(m *testing.M) {
	code := m.Run()
	if err := theSchemas.drop(); err != nil {
		fmt.Fprintf(os.Stderr, "drop the database that tests copied: %v\n", err)
		code = 1
	}
	theCluster.stop()
	theBrowser.stop()
	os.Exit(code)
}
