package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// Whenever a standby takes over, or a backup of the server is played back,
// PostgreSQL begins a new timeline. What the old server acknowledged in its last
// moments may be missing there, unless the standby was a synchronous one: a code
// that was used would be as good as new. So whatever is under way belongs to the
// timeline on which it was begun, and ends with it. Sessions go on.

// flowEpoch is what a flow, its codes and the links of its mails were begun under
// and end with: the installation's epoch and PostgreSQL's timeline.
func (db *DB) flowEpoch() int64 { return db.timeline.Load()<<32 | db.epoch }

func openPostgres(o Options) (*DB, error) {
	config, err := pgx.ParseConfig(o.URL)
	if err != nil {
		return nil, errors.New("open database: the PostgreSQL URL cannot be read") // err may show the password
	}
	config.RuntimeParams["application_name"] = applicationName
	if o.schema != "" {
		config.RuntimeParams["search_path"] = o.schema
	}
	db := &DB{postgres: true, trace: o.Trace}
	reset := db.follow(config)
	db.servers.each = serversOf(config)
	options := []stdlib.OptionOpenDB{stdlib.OptionBeforeConnect(db.lookAround), stdlib.OptionResetSession(reset)}
	if !o.alone {
		options = append(options, stdlib.OptionAfterConnect(shareLock))
	}
	pool := stdlib.OpenDB(*config, options...)
	pool.SetMaxOpenConns(24)
	pool.SetMaxIdleConns(24)
	db.reads, db.looks, db.writes = pool, pool, pool
	return db, nil
}

var (
	errStandby = errors.New("this PostgreSQL server is a standby")
	errLeft    = errors.New("this PostgreSQL server is on a timeline that another has left: it was the primary once")
)

// follow has each new connection tell on which timeline its server is, before
// anything is asked of it, and passes over standbys and those who were left
// behind. A connection is of no more use once another server is known to have
// taken over.
func (db *DB) follow(config *pgx.ConnConfig) (reset func(context.Context, *pgx.Conn) error) {
	wanted := config.ValidateConnect // what target_session_attrs says
	config.ValidateConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		if wanted != nil {
			if err := wanted(ctx, conn); err != nil {
				return err
			}
		}
		return db.join(ctx, conn)
	}
	return func(_ context.Context, conn *pgx.Conn) error {
		if at, _ := conn.PgConn().CustomData()["timeline"].(int64); at < db.timeline.Load() {
			return driver.ErrBadConn
		}
		return nil
	}
}

// join notes the timeline of the server behind a connection, and refuses one on
// an older timeline than was seen before.
func (db *DB) join(ctx context.Context, conn *pgconn.PgConn) error {
	at, err := timelineOf(ctx, conn)
	if err != nil {
		return err
	}
	conn.CustomData()["timeline"] = at
	for {
		was := db.timeline.Load()
		if at < was {
			return errLeft
		}
		if at == was {
			return nil
		}
		if db.timeline.CompareAndSwap(was, at) {
			db.tellTimeline(was, at)
			return nil
		}
	}
}

// tellTimeline warns of what the new server may not know.
func (db *DB) tellTimeline(was, at int64) {
	if was == 0 || db.log == nil {
		return
	}
	db.log.Warn("another PostgreSQL server has taken over: all that was under way has ended; "+
		"if its standby was not a synchronous one, sessions that ended in the last moments may be back", "timeline", at, "before", was)
}

// timelineOf asks a server for its timeline. It is 0 for one that is something
// like PostgreSQL and knows of none.
func timelineOf(ctx context.Context, conn *pgconn.PgConn) (int64, error) {
	// The control file has the new timeline only after the first checkpoint on
	// it, the name of the log's file at once.
	results, err := conn.Exec(ctx, `
		SELECT CASE WHEN pg_is_in_recovery() THEN '' ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END`).ReadAll()
	var pg *pgconn.PgError
	if errors.As(err, &pg) && slices.Contains([]string{"42883", "42501", "0A000"}, pg.Code) { // not there, not for us, not here
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("ask for the timeline: %w", err)
	}
	text := string(results[0].Rows[0][0])
	if text == "" {
		return 0, errStandby
	}
	at, err := strconv.ParseInt(text, 16, 64)
	if err != nil {
		return 0, fmt.Errorf("read the timeline: %w", err)
	}
	return at, nil
}

const (
	// connectLimit is how long one of several servers may take to answer, lookLimit
	// how long to tell its timeline, lookEvery how long it is believed.
	connectLimit = 3 * time.Second
	lookLimit    = time.Second
	lookEvery    = 100 * time.Millisecond
)

// servers are those that the URL names, if there are several.
type servers struct {
	mu     sync.Mutex
	each   []*pgconn.Config
	looked time.Time
}

// lookAround asks each server of the URL for its timeline, before a connection is
// made to one of them: the first may have been the primary once and not know that
// it is not any more.
func (db *DB) lookAround(ctx context.Context, _ *pgx.ConnConfig) error {
	s := &db.servers
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.looked) < lookEvery {
		return nil
	}
	asked := ""
	for _, c := range s.each {
		at := fmt.Sprint(c.Host, ":", c.Port)
		if at == asked { // the same without TLS
			continue
		}
		looking, cancel := context.WithTimeout(ctx, lookLimit)
		if conn, err := pgconn.ConnectConfig(looking, c); err == nil {
			asked = at
			conn.Close(looking)
		}
		cancel()
	}
	s.looked = time.Now()
	return nil
}

// serversOf gives each server of a URL alone; none if there are not several. Of
// several none may keep us waiting.
func serversOf(config *pgx.ConnConfig) (list []*pgconn.Config) {
	several := false
	for _, f := range append([]*pgconn.FallbackConfig{{Host: config.Host, Port: config.Port, TLSConfig: config.TLSConfig}}, config.Fallbacks...) {
		c := config.Config.Copy()
		c.Host, c.Port, c.TLSConfig, c.Fallbacks = f.Host, f.Port, f.TLSConfig, nil
		list = append(list, c)
		several = several || f.Host != config.Host || f.Port != config.Port
	}
	if !several {
		return nil
	}
	if config.ConnectTimeout == 0 { // else one that does not even refuse keeps the next from being asked
		config.ConnectTimeout = connectLimit
	}
	return list
}
