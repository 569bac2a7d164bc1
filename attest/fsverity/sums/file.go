package sums

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hallmark-attest/hallmark/attest/fsverity"
)

// File holds the sums of one subject. A pass adds to it; ReadAt and Done may be
// used by several goroutines when no pass does.
type File struct {
	file    *os.File
	subject Subject
	total   int64  // bytes of sums when complete
	have    int64  // bytes of sums in whole records
	buf     []byte // sums of the record being filled
}

// Open opens or creates the file of sums. What it holds of the same subject is
// kept, as far as it is whole; anything else is overwritten.
func Open(name string, s Subject) (*File, error) {
	if s.Size < 0 {
		return nil, fmt.Errorf("sums: size %d", s.Size)
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, fmt.Errorf("sums: %w", err)
	}
	d := &File{file: f, subject: s, total: total(s.Size)}
	if err := d.begin(); err != nil {
		f.Close()
		return nil, fmt.Errorf("sums: %w", err)
	}
	return d, nil
}

func total(size int64) int64 {
	n := size / fsverity.SpanSize
	if size%fsverity.SpanSize > 0 {
		n++
	}
	return n * fsverity.HashSize
}

// begin takes over what is there, or empties the file.
func (d *File) begin() error {
	same, err := d.same()
	if err != nil {
		return err
	}
	if same {
		if err := d.count(); err != nil {
			return err
		}
		return d.file.Truncate(end(d.have))
	}
	return d.Restart(d.subject.Begun)
}

// Restart drops all sums: the next pass begins with the first byte, then.
func (d *File) Restart(begun time.Time) error {
	if err := d.file.Truncate(0); err != nil {
		return err
	}
	d.subject.Begun, d.have, d.buf = begun, 0, d.buf[:0]
	_, err := d.file.WriteAt(d.subject.header(), 0)
	return err
}

// same says whether the header names the subject, and takes over its Begun.
func (d *File) same() (bool, error) {
	if info, err := d.file.Stat(); err != nil {
		return false, err
	} else if !info.Mode().IsRegular() {
		return false, fmt.Errorf("%s: not a regular file", d.file.Name())
	}
	var head [headerSize]byte
	if _, err := d.file.ReadAt(head[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	old, ok := parse(head[:])
	if !ok || old.Identity != d.subject.Identity || old.Size != d.subject.Size {
		return false, nil
	}
	d.subject = old
	return true, nil
}

// count finds the first record that is not whole.
func (d *File) count() error {
	buf := make([]byte, recordSize)
	for d.have < d.total {
		n := min(recordSums, d.total-d.have)
		b := buf[:n+32]
		if _, err := d.file.ReadAt(b, place(d.have)); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if d.subject.check(d.have/fsverity.HashSize, b[:n]) != [32]byte(b[n:]) {
			return nil
		}
		d.have += n
	}
	return nil
}

// place is where in the file the sum lies that is at off among the sums.
func place(off int64) int64 {
	return headerSize + off/recordSums*recordSize + off%recordSums
}

// end is where in the file the records of so many bytes of sums end.
func end(have int64) int64 {
	if have%recordSums == 0 {
		return place(have)
	}
	return place(have) + sha256.Size // the last record, a short one
}

// Subject returns what the sums are of, with the time when they were begun.
func (d *File) Subject() Subject { return d.subject }

// Complete says that the sums of the whole file are there.
func (d *File) Complete() bool { return d.have == d.total }

// Done returns the sums that are there, for fsverity.Options.Done.
func (d *File) Done() io.Reader { return io.NewSectionReader(d, 0, d.have) }

// Add appends sums, as fsverity.Options.Sums wants it.
func (d *File) Add(sums []byte) error {
	for len(sums) > 0 {
		want := min(recordSums, d.total-d.have)
		n := min(int64(len(sums)), want-int64(len(d.buf)))
		if n <= 0 {
			return errors.New("sums: more than the file has")
		}
		d.buf, sums = append(d.buf, sums[:n]...), sums[n:]
		if int64(len(d.buf)) < want {
			return nil
		}
		check := d.subject.check(d.have/fsverity.HashSize, d.buf)
		if _, err := d.file.WriteAt(append(d.buf, check[:]...), place(d.have)); err != nil {
			return fmt.Errorf("sums: %w", err)
		}
		d.have, d.buf = d.have+want, d.buf[:0]
	}
	return nil
}

// ReadAt reads stored sums, for fsverity.NewTree.
func (d *File) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("sums: negative offset")
	}
	for n < len(p) && err == nil {
		at := off + int64(n)
		part := min(int64(len(p)-n), recordSums-at%recordSums, d.have-at)
		if part <= 0 {
			return n, io.EOF
		}
		var m int
		m, err = d.file.ReadAt(p[n:int64(n)+part], place(at))
		n += m
	}
	return n, err
}

// Close keeps what was added in whole records.
func (d *File) Close() error { return d.file.Close() }
