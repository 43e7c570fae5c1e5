package sparekeytest

import (
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// Rows looks into the database beside the program, on a connection of its own.
type Rows struct {
	t  testing.TB
	db *sql.DB
}

// Rows looks into the app's database.
func (a *App) Rows() Rows {
	a.t.Helper()
	return OpenRows(a.t, a.Settings.Database.Reveal())
}

// OpenRows looks into the database of a URL.
func OpenRows(t testing.TB, url string) Rows {
	t.Helper()
	driver := "pgx"
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, url = "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(driver, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return Rows{t, db}
}

// Exec writes what no page can write yet.
func (r Rows) Exec(query string, args ...any) {
	r.t.Helper()
	if _, err := r.db.Exec(query, args...); err != nil {
		r.t.Fatal(err)
	}
}

// Text gives the one value that a query finds.
func (r Rows) Text(query string, args ...any) string {
	r.t.Helper()
	var v any
	if err := r.db.QueryRow(query, args...).Scan(&v); err != nil {
		r.t.Fatalf("%s: %v", query, err)
	}
	return fmt.Sprintf("%s", v)
}

// Dump gives all rows of all tables, or of those that are named.
func (r Rows) Dump(tables ...string) map[string]string {
	r.t.Helper()
	if len(tables) == 0 {
		list := `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`
		if fmt.Sprintf("%T", r.db.Driver()) == "*sqlite.Driver" {
			list = `SELECT name FROM sqlite_master WHERE type = 'table'`
		}
		tables = r.List(list)
	}
	all := map[string]string{}
	for _, table := range tables {
		all[table] = strings.Join(r.List(`SELECT * FROM `+table), "\n")
	}
	return all
}

// List gives each row that a query finds as one text, sorted.
func (r Rows) List(query string) []string {
	r.t.Helper()
	rows, err := r.db.Query(query)
	if err != nil {
		r.t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		r.t.Fatal(err)
	}
	var list []string
	for rows.Next() {
		values, dest := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range values {
			dest[i] = &values[i]
		}
		if err := rows.Scan(dest...); err != nil {
			r.t.Fatal(err)
		}
		var row []string
		for _, v := range values {
			row = append(row, v.String)
		}
		list = append(list, strings.Join(row, "|"))
	}
	if err := rows.Err(); err != nil {
		r.t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

// Changed names the tables in which two dumps differ.
func Changed(before, after map[string]string) (tables []string) {
	for _, table := range slices.Sorted(maps.Keys(after)) {
		if before[table] != after[table] {
			tables = append(tables, table)
		}
	}
	return tables
}

// Plan gives how SQLite would run a statement, a line for each step.
func (r Rows) Plan(statement string) (steps []string) {
	r.t.Helper()
	values := 0
	for strings.Contains(statement, fmt.Sprint("$", values+1)) {
		values++
	}
	rows, err := r.db.Query("EXPLAIN QUERY PLAN "+statement, make([]any, values)...)
	if err != nil {
		r.t.Fatalf("%s: %v", statement, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			r.t.Fatal(err)
		}
		steps = append(steps, detail)
	}
	if err := rows.Err(); err != nil {
		r.t.Fatal(err)
	}
	return steps
}
