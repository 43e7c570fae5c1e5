# What there is to do with Sparekey. A fresh Debian machine needs Go, Node,
# git and make; as root, `make setup` brings the rest.

GO       ?= go
FUZZTIME ?= 10s
ONLY     ?= .

# With the race detector: all but what measures time or starts the program as a
# process of its own, and browsers, whose library has races of its own. It watches
# the libraries too, but not the C of SQLite turned into Go, five times as slow
# when watched. SQLite's driver is watched: what it shares of generic code with
# other packages may be linked from there, and unwatched would look like a race to
# all of them.
PLAIN = ./internal/bench ./internal/durable ./internal/equal ./internal/journey/... ./internal/sparekeytest/chromium
RACE  = -race '-gcflags=modernc.org/...=-d=checkptr=0' '-gcflags=modernc.org/libc=-race=false -d=checkptr=0' \
	'-gcflags=modernc.org/sqlite/lib=-race=false -d=checkptr=0' \
	$$($(GO) list ./... | grep -v -E '/(bench|durable|equal|journey|chromium)(/|$$)')

MODULES = node_modules/.package-lock.json
COMMON  = internal/password/data/common.txt.gz
PHONES  = internal/ident/data/phones.txt.gz
ANSWERS = internal/ident/testdata/answers.txt.gz
SCANNER = internal/page/assets/made/scanner.js

# What is made of others' data, for the program and for its tests.
DATA      = $(COMMON) $(PHONES) $(SCANNER)
TEST_DATA = $(DATA) $(ANSWERS)

.PHONY: build run test lint bench microbench prove-bound prove-durable prove-equal prove-walks evidence mutants fuzz pages docs setup

# bin/sparekey, with everything in it.
build: $(DATA)
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o bin/sparekey ./cmd/sparekey

# The demo: Sparekey on this machine, with a mailbox.
run: build
	bin/sparekey demo

# Everything that is tested: rules, both databases, pages in a real browser.
# Without cgo, as the program is built, most is compiled once for all of it; the
# race detector needs cgo. Some of what it does not watch mostly waits.
test: setup $(TEST_DATA)
	CGO_ENABLED=0 $(GO) vet ./...
	GOGC=300 $(GO) test -vet=off $(RACE)
	CGO_ENABLED=0 $(GO) test -vet=off -p 3 $(PLAIN)

# How the code looks.
lint: bin/tools/staticcheck $(TEST_DATA)
	@unformatted=$$(bin/tools/gofumpt -l .); test -z "$$unformatted" || { \
		echo "not formatted: $$unformatted"; echo "type: bin/tools/gofumpt -w ."; exit 1; }
	$(GO) vet ./...
	$(GO) -C tools vet ./...
	bin/tools/staticcheck ./...
	cd tools && $(CURDIR)/bin/tools/staticcheck ./...
	$(GO) mod tidy -diff
	$(GO) -C tools mod tidy -diff

# How fast it is: the program under load on both databases, beside an empty
# server. Takes about half an hour and wants a quiet machine.
bench: setup $(DATA)
	$(GO) test ./internal/bench -count=1 -timeout 3h -v -both -span 30s -accounts 100000 -many 1000000 -flood 1000 -mails 10000 \
		-report $(CURDIR)/docs/benchmarks.md

# How fast its parts are.
microbench: $(TEST_DATA)
	$(GO) test -run '^$$' -bench . -benchmem ./...

# How much guessing an account stands: sieges of three years and of ten minutes.
prove-bound: $(DATA)
	$(GO) test ./internal/bound -count=1 -timeout 3h -v -years 3 -real 10m -report $(CURDIR)/docs/bound.md

# Whether somebody who has an account of their own can change another's: 100,000
# random walks through all pages with cookies, codes and sessions of three accounts.
# -walk-seed repeats those of a run.
prove-walks: $(DATA)
	$(GO) test ./internal/web -run TestA42Walks -count=1 -timeout 2h -v -walks 100000 -walk-seed 2

# Whether what was acknowledged is there whatever breaks: 200 kills of each kind of
# site and one at each commit, a standby that takes over 10 times, mail servers that
# misbehave, ten minutes of overload. Takes about an hour; -seed repeats
# what clients do and when servers are killed. ONLY=TestF8 runs some of the tests:
# of the others the report keeps what it says.
prove-durable: $(DATA)
	$(GO) test ./internal/durable -run '$(ONLY)' -count=1 -timeout 6h -v -kills 200 -flows 64 -lease -points -failovers 10 -backlog 10000 \
		-overload 10m -slow 5000 -report $(CURDIR)/docs/durable.md

# Whether a stranger can tell by the time whom it knows. Wants a quiet machine.
prove-equal: $(DATA)
	$(GO) test ./internal/equal -count=1 -timeout 3h -v -long -report $(CURDIR)/docs/equal.md

# What shows that an attack fails, and how it went: docs/evidence.md.
evidence: setup $(TEST_DATA)
	@mkdir -p out
	CGO_ENABLED=0 $(GO) test -vet=off -count=1 -json $$($(GO) run ./internal/evidence -packages .) >out/tests.json; \
		$(GO) run ./internal/evidence -log out/tests.json $$(test ! -e out/mutants.json || echo -mutants out/mutants.json) .

# Which tests notice deliberate defects: each is put into a copy of the code.
# One that nothing notices is an error. Takes some minutes.
mutants: setup $(TEST_DATA)
	@mkdir -p out
	$(GO) run ./internal/mutants -to out/mutants.json .

# Every parser against what nobody thought of, FUZZTIME each.
fuzz: $(TEST_DATA)
	@set -e; for dir in $$(grep -rl --include='*_test.go' '^func Fuzz' cmd internal *.go | xargs -n1 dirname | sort -u); do \
		for target in $$($(GO) test -list '^Fuzz' ./$$dir | grep '^Fuzz'); do \
			echo "$$dir $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) ./$$dir; \
		done; \
	done

# Every page in every state and language: open out/pages/index.html.
pages:
	$(GO) run ./internal/page/gallery out/pages

# What is made of the code: pages of docs/, and what programs may ask.
docs:
	$(GO) run ./internal/docs .

# What a fresh Debian machine lacks. Quick where nothing is missing.
setup:
	@scripts/setup

$(MODULES): package.json package-lock.json
	npm ci --no-audit --no-fund --ignore-scripts
	@touch $@

$(COMMON): scripts/common-passwords.mjs $(MODULES)
	node scripts/common-passwords.mjs
	@touch $@

$(SCANNER): scripts/scanner.mjs $(MODULES)
	node scripts/scanner.mjs
	@touch $@

$(PHONES): $(wildcard tools/phones/*.go) tools/go.mod tools/go.sum
	$(GO) -C tools run ./phones $(CURDIR)/$@

$(ANSWERS): $(wildcard tools/phones/*.go) tools/go.mod tools/go.sum
	$(GO) -C tools run ./phones -answers $(CURDIR)/$@

bin/tools/staticcheck: tools/go.mod tools/go.sum
	GOBIN=$(CURDIR)/bin/tools $(GO) -C tools install tool
	@touch $@
