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
const why = `
## Where a figure misses its goal

All of it ran on two cores that the server, the load, the mail server and
PostgreSQL share. What a goal in seconds asks of the program alone is the CPU that
each thing takes; the profiles below say where that goes.

- **Recoveries begun.** The request itself takes 0.05 ms, half of what it may. The
  rest, 0.6 to 0.8 ms on SQLite, is the worker's: it finds out whom each message is
  for, mints the code under the account's lock, writes the mail, speaks SMTP, and
  notes that it was handed over, in two commits of its own. More than half of all
  CPU is SQLite, which is C turned into Go here, several times as slow as C. The
  next step is to resolve, and to mark as sent, many messages in one transaction.
- **The same on PostgreSQL**: 0.24 ms of the server and 0.54 ms of the database
  each. Under a flood the worker of a node, with 16 connections, falls behind 64
  clients: at the end of half a minute a mail waits for as long. SQLite's one writer
  shares its turns out between the two. The next step is to do so on PostgreSQL.
- **The session check** takes 2.4 to 2.7 times the CPU of a handler that does
  nothing, within its goal; at full load its throughput and its p99 follow from
  that, and from the load on the same two cores.
- **A flood of sign-ins.** One core hashes; on the other are a thousand clients, the
  answers to them, and the check that is timed. Half of the refused are told within
  6 ms, and the slowest hundredth wait for the kernel to hand their connection over.
  The memory is that of a thousand connections, about 60 kB each, twice, because
  garbage is collected when it is as much as what lives. A limit for the collector
  would halve it, and cost CPU at the moment that has none to spare.
- **Sign-in over the raw hash**: a hash takes 23 to 32 ms here, differently from run
  to run; what is beside it is less than that noise.
- **The program** is 27.0 MB and its idle memory 29 MiB: reading passkeys costs 2.5
  of each, of which attestation, which nothing here asks for, is most.
- **An account on PostgreSQL** takes 1,010 bytes: three rows and seven index entries,
  each with 24 bytes of its own.

## Profiles

`
