package bench

import (
	"os"
	"slices"
	"time"
)

// start measures the program at rest: how long it takes to its first answer,
// what it holds then, and its size.
func start(p *page, binary string) {
	p.section("The program")
	s := newPlace(p.t, binary, "sqlite", 10)
	var took []time.Duration
	for range max(int(*span/time.Second), 2) {
		s.Stop()
		s.Server = s.Site.Start()
		took = append(took, s.Ready)
	}
	slices.Sort(took)
	p.row("from exec to the first answer, on a migrated database", "< 40 ms", "median %s", ms(at(took, 0.5)))
	time.Sleep(2 * *span)
	p.row("memory when idle", "< 25 MiB", "%.1f MiB", float64(s.Server.Memory("VmRSS"))/(1<<20))
	s.Stop()
	info, err := os.Stat(binary)
	s.must(err)
	p.row("the program, one static file", "< 25 MB", "%.1f MB", float64(info.Size())/1e6)
}

// why is what the figures do not say themselves.
const why = ``
