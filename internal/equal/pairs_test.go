package equal

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"sparekey/internal/prove"
)

// spins is the scene's server, but slower for those it knows.
func (s *scene) spins() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := new(bytes.Buffer)
		body.ReadFrom(r.Body) //nolint:errcheck // it is short and there
		r.Body = http.NoBody
		if strings.Contains(body.String(), "login=known") {
			for until := time.Now().Add(50 * time.Microsecond); time.Now().Before(until); {
			}
		}
		r.Body = readCloser{body}
		s.pages.ServeHTTP(w, r)
	})
}

type readCloser struct{ *bytes.Buffer }

func (readCloser) Close() error { return nil }

// A race is what became of pairs of requests that came in one packet.
type race struct{ pairs, known int }

// share is how often the one about somebody known was answered first, and how
// far that may be from the truth.
func (r race) share() (share, reach float64) {
	n := float64(r.pairs)
	return float64(r.known) / n, 1.96 * math.Sqrt(0.25/n)
}

// pairs sends two requests in one packet on one connection, one about somebody
// known and one about nobody, in either order, and sees which is answered
// first: no network stands between the two (timeless timing).
func pairs(t *testing.T, s *scene) race {
	s = s.at(s.pages)
	const each = 200 // of a connection
	var r race
	for r.pairs < size(10_000, each) {
		r.known += s.connection(r.pairs, each)
		r.pairs += each
	}
	share, reach := r.share()
	t.Logf("two in one packet: known first in %.2f %% ± %.2f of %d", 100*share, 100*reach, r.pairs)
	if *long && (share-reach < 0.48 || share+reach > 0.52) {
		t.Errorf("two in one packet: known first in %.2f %% ± %.2f, want 48 to 52", 100*share, 100*reach)
	}
	return r
}

// connection sends pairs on a connection of its own and counts how often the one
// about somebody known was answered first.
func (s *scene) connection(from, n int) (known int) {
	conn, err := net.Dial("tcp", s.addr)
	s.must(err)
	defer conn.Close()
	_, err = conn.Write([]byte(http2.ClientPreface))
	s.must(err)
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	s.must(framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30}))
	s.must(framer.WriteWindowUpdate(0, 1<<30))
	for i := range n {
		about := map[uint32]string{}
		var packet bytes.Buffer
		out := http2.NewFramer(&packet, nil)
		logins := []string{s.known[(from+i)%len(s.known)], s.unknown[(from+i)%len(s.unknown)]}
		first := rand.IntN(2)
		for j := range 2 {
			stream := uint32(4*i + 2*j + 1)
			about[stream] = logins[(first+j)%2]
			s.request(out, stream, about[stream])
		}
		_, err := conn.Write(packet.Bytes())
		s.must(err)
		if strings.HasPrefix(about[s.firstAnswer(framer, len(about))], "known") {
			known++
		}
	}
	return known
}

// request writes the start of a recovery as two frames.
func (s *scene) request(out *http2.Framer, stream uint32, login string) {
	var fields bytes.Buffer
	pack := hpack.NewEncoder(&fields)
	pack.SetMaxDynamicTableSize(0)
	body := url.Values{"login": {login}}.Encode()
	for _, f := range [][2]string{
		{":method", "POST"},
		{":scheme", "http"},
		{":authority", s.host},
		{":path", "/recover"},
		{"x-forwarded-for", fmt.Sprintf("11.%03d.%03d.%03d", 100+rand.IntN(100), 100+rand.IntN(100), 100+rand.IntN(100))},
		{"sec-fetch-site", "same-origin"},
		{"content-type", "application/x-www-form-urlencoded"},
		{"content-length", fmt.Sprint(len(body))},
	} {
		s.must(pack.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}))
	}
	s.must(out.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: fields.Bytes(), EndHeaders: true}))
	s.must(out.WriteData(stream, true, []byte(body)))
}

// firstAnswer reads until so many streams are answered, and gives the first.
func (s *scene) firstAnswer(framer *http2.Framer, streams int) (first uint32) {
	for ended := 0; ended < streams; {
		frame, err := framer.ReadFrame()
		s.must(err)
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				s.must(framer.WriteSettingsAck())
			}
		case *http2.MetaHeadersFrame:
			if status := frame.PseudoValue("status"); status != "303" {
				s.t.Fatalf("two in one packet: got status %s, want 303", status)
			}
			if first == 0 {
				first = frame.StreamID
			}
			if frame.StreamEnded() {
				ended++
			}
		case *http2.DataFrame:
			if frame.StreamEnded() {
				ended++
			}
		case *http2.GoAwayFrame, *http2.RSTStreamFrame:
			s.t.Fatalf("two in one packet: got %v, want two answers", frame)
		}
	}
	return first
}

func (s *scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// write writes the report, if one is wanted.
func write(t *testing.T, all []prove.Finding, first race) {
	if *report == "" {
		return
	}
	drawing := strings.TrimSuffix(*report, filepath.Ext(*report)) + ".svg"
	share, reach := first.share()
	text := "# Whom Sparekey knows, nobody can tell by the time\n\n" +
		"Written by `make prove-equal`, which fails where a verdict is not as it should\n" +
		"be. A block is two requests about somebody known and two about nobody, shuffled,\n" +
		"each from a stranger who was never there; its difference is that of the faster\n" +
		"ones; the median of all has an interval by ranks. PASS is all of the interval\n" +
		"within what is allowed. The control compares known with known in the same blocks.\n" +
		"\"Then somebody else\" times a stranger's write sent 0 to 20 ms after each request.\n" +
		"The same can be asked of any server: `sparekey prove equal --help`.\n\n" +
		fmt.Sprintf("%s, %d cores, %s. SQLite, all on one machine.\n\n", time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), runtime.Version()) +
		prove.Table(all) + "\n" +
		fmt.Sprintf("Two recoveries begun in one packet of HTTP/2, %d pairs: the one about somebody\nknown was answered first in %.2f %% (± %.2f; allowed is 48 to 52).\n\n", first.pairs, 100*share, 100*reach) +
		"![The distributions](" + filepath.Base(drawing) + ")\n"
	for file, text := range map[string]string{*report: text, drawing: prove.Draw(all)} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Error(err)
		}
	}
}
