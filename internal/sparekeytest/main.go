package sparekeytest

import (
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
	theCluster.stop()
	theBrowser.stop()
	os.Exit(code)
}
