package sparekeytest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

// minted are the secrets that a Sparekey gave away in a test or was given:
// cookies, passwords, saved codes, the keys of authenticator apps, and once it
// ends codes, links and keys. At its end they
// are looked for in all that a thief or a curious operator could read (A31,
// A34): every test that has a Sparekey watches over that.
type minted struct {
	mu        sync.Mutex
	cookies   map[string]bool
	passwords map[string]bool
	shown     map[string]bool // saved codes, and the keys of authenticator apps
	said      map[string]bool // what was typed elsewhere, and is no secret
}

func newMinted() *minted {
	return &minted{cookies: map[string]bool{}, passwords: map[string]bool{}, shown: map[string]bool{}, said: map[string]bool{}}
}

// sent notes what a browser sends.
func (m *minted) sent(body io.Reader) {
	form, ok := body.(*strings.Reader)
	if !ok || form.Size() > 1<<15 {
		return // a torrent, not a form
	}
	text := make([]byte, form.Size())
	if _, err := form.ReadAt(text, 0); err != nil && err != io.EOF {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, values := range fieldsOf(string(text)) {
		for _, value := range values {
			switch name {
			case "password", "password_again":
				m.passwords[value] = true
			case "key", "challenge":
			default:
				m.said[value] = true
			}
		}
	}
}

// fieldsOf reads a form, or the texts of a body in JSON.
func fieldsOf(text string) url.Values {
	var members map[string]any
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		fields, _ := url.ParseQuery(text)
		return fields
	}
	fields := url.Values{}
	for name, value := range members {
		if text, ok := value.(string); ok {
			fields.Set(name, text)
		}
	}
	return fields
}

// Typed notes the passwords that a real browser will send, which none of the
// clients here does.
func (a *App) Typed(passwords ...string) {
	a.minted.mu.Lock()
	defer a.minted.mu.Unlock()
	for _, p := range passwords {
		a.minted.passwords[p] = true
	}
}

// got notes what a browser is given to keep.
func (m *minted) got(cookies []*http.Cookie) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range cookies {
		if len(c.Value) >= 22 {
			m.cookies[c.Value] = true
		}
	}
}

// showed notes what a page shows, as it stands there and in one run.
func (m *minted) showed(body string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, text := range slices.Concat(savedShape.FindAllString(body, -1), seedShape.FindAllString(body, -1)) {
		m.shown[text] = true
		m.shown[strings.NewReplacer("-", "", " ", "").Replace(text)] = true
	}
}

// plainWord matches what is a word of the program's own as well.
var plainWord = regexp.MustCompile(`^[a-z-]*$`)

// secretPasswords are the passwords that stand nowhere else by right: not words
// of the program, and not typed as a name or an address too.
func (m *minted) secretPasswords() (list []string) {
	said := strings.ToLower(strings.Join(slices.Collect(maps.Keys(m.said)), "\n"))
	for p := range m.passwords {
		if !plainWord.MatchString(p) && !strings.Contains(said, strings.ToLower(p)) {
			list = append(list, p)
		}
	}
	return list
}

// tokenOf is what is secret in a link of a mail: its last part.
var tokenOf = regexp.MustCompile(`/(?:stop|secure|open)/[A-Za-z0-9_.-]*\.([A-Za-z0-9_-]{16,})`)

// secrets are all that the App and those whom it talked with know.
func (a *App) secrets() (list []string, err error) {
	a.minted.mu.Lock()
	defer a.minted.mu.Unlock()
	list = slices.AppendSeq(a.minted.secretPasswords(), maps.Keys(a.minted.cookies))
	list = slices.AppendSeq(list, maps.Keys(a.minted.shown))
	for _, l := range a.Sink.Mails("") {
		if code := l.Code(); code != "" {
			list = append(list, code)
		}
		for _, m := range tokenOf.FindAllStringSubmatch(l.Text, -1) {
			list = append(list, m[1])
		}
	}
	keys, err := os.ReadFile(a.Settings.KeyFile)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(keys)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] != "#" {
			list = append(list, fields[2])
		}
	}
	return list, nil
}

// leaks looks for the secrets in the database, the log and the metrics, and
// says what stands where.
func (a *App) leaks() (list []string, err error) {
	secrets, err := a.secrets()
	if err != nil {
		return nil, err
	}
	s := newSearch()
	for _, secret := range secrets {
		s.want(secret)
	}
	note := func(where string) {
		for _, w := range s.end() {
			list = append(list, fmt.Sprintf("%q stands in %s as %s", w.secret, where, w.form))
		}
	}
	if path := a.Settings.SQLite(); path != "" {
		err = searchFiles(s, path, note)
	} else {
		err = searchPostgres(s, a.Settings.Database.Reveal(), note)
	}
	if err != nil {
		return nil, err
	}
	if err := copyLog(s, a.log); err != nil {
		return nil, err
	}
	note("the log")
	s.Write(ownSeries(a.metricsText()))
	note("the metrics")
	slices.Sort(list)
	return list, nil
}

// searchFiles looks through an SQLite database as it lies on the disk: what was
// deleted and the log that was not yet written back included.
func searchFiles(s *search, path string, note func(string)) error {
	for _, end := range []string{"", "-wal", "-journal"} {
		if err := copyFile(s, path+end); err != nil && (end == "" || !os.IsNotExist(err)) {
			return err
		}
		note("the database's file " + filepath.Base(path+end))
	}
	return nil
}

func copyFile(to io.Writer, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(to, file)
	return err
}

// took is how long a request took, in nanoseconds. In a log of a million lines one
// is the same as some code of eight digits.
var took = regexp.MustCompile(`"took":\d+`)

// copyLog copies a log without the times that requests took.
func copyLog(to io.Writer, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for lines := bufio.NewReader(file); ; {
		line, err := lines.ReadBytes('\n')
		if _, err := to.Write(took.ReplaceAll(line, nil)); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// searchPostgres looks through all rows of a PostgreSQL database, as a dump has
// them.
func searchPostgres(s *search, dsn string, note func(string)) error {
	ctx, cancel := context.WithTimeout(context.Background(), postgresTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'`)
	if err != nil {
		return err
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, table := range tables {
		if _, err := conn.PgConn().CopyTo(ctx, s, `COPY `+table+` TO STDOUT`); err != nil {
			return err
		}
		note("the table " + table)
	}
	return nil
}

// metricsText is what the operator's Prometheus reads.
func (a *App) metricsText() string {
	w := httptest.NewRecorder()
	a.Admin().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

// ownSeries are the series of Sparekey. Those of the runtime are numbers, in
// which any eight digits turn up sooner or later.
func ownSeries(metrics string) (own []byte) {
	for line := range strings.Lines(metrics) {
		if strings.HasPrefix(line, "sparekey_") {
			own = append(own, line...)
		}
	}
	return own
}
