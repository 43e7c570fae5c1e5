// Command phones writes the table of phone numbers that Sparekey is built with,
// from the metadata of Google's libphonenumber, in the Go library
// github.com/nyaruka/phonenumbers. With -answers it writes what the library
// says of many numbers, for the test that compares Sparekey with it. Type make.
package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	answers := flag.Bool("answers", false, "write the library's answers, and not the table")
	flag.Parse()
	if err := run(*answers, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "phones:", err)
		os.Exit(1)
	}
}

func run(answers bool, file string) error {
	if file == "" {
		return errors.New("say which file to write")
	}
	made := table
	if answers {
		made = questions
	}
	text, lines, err := made()
	if err != nil {
		return err
	}
	if err := write(file, text); err != nil {
		return err
	}
	fmt.Printf("phones: %d lines in %s\n", lines, filepath.Base(file))
	return nil
}

// write writes the text beside the file and renames it: a build that is cut off
// leaves no half a table.
func write(file, text string) error {
	var zipped bytes.Buffer
	z, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write([]byte(text)); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file+".part.gz", zipped.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Rename(file+".part.gz", file)
}
