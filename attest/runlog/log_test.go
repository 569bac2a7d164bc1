package runlog_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"

	"github.com/hallmark-attest/hallmark/attest/runlog"
)

func TestLogReplaysToTheRegisterInEveryBank(t *testing.T) {
	r := newRegister(runlog.SHA1, runlog.SHA256, runlog.SHA384, runlog.SHA512)
	o := options(t, r, 1)
	fill(t, open(t, o))
	if n := agree(t, o.Path, r); n != 3 {
		t.Fatalf("%d records", n)
	}
	l := replay(t, runlog.SHA256, file(t, o.Path))
	s, err := runlog.StartOf(l.Records[0].Event.Facts)
	if err != nil || s.Version != start.Version || s.EvidenceKey != start.EvidenceKey || !bytes.Equal(s.AgentFsverity, start.AgentFsverity) {
		t.Errorf("start %+v, %v", s, err)
	}
	e := l.Records[1].Event
	if e.Type != runlog.TypeEngine || e.Sequence != 1 || e.BootID != o.BootID || e.At != 1_700_000_000_000 || e.Previous != l.Records[0].Digest || e.Facts["pid"] != uint64(4711) {
		t.Errorf("second event %+v", e)
	}
}

func TestRestartsOfOneBootShareALog(t *testing.T) {
	r := newRegister(runlog.SHA256)
	o := options(t, r, 1)
	for range 3 {
		l := open(t, o)
		appendTo(t, l, runlog.TypeStart, start.Facts())
		l.Close()
	}
	if n := agree(t, o.Path, r); n != 3 {
		t.Errorf("%d records", n)
	}
}

func TestANewBootBeginsANewLogAndKeepsOneGeneration(t *testing.T) {
	var last []byte
	o := options(t, nil, 0)
	for boot := byte(1); boot <= 3; boot++ {
		r := newRegister(runlog.SHA256)
		o.Register, o.BootID = r, [16]byte{boot}
		l := open(t, o)
		if boot > 1 && !bytes.Equal(file(t, o.Path+runlog.Previous), last) {
			t.Errorf("boot %d: the log before is not kept", boot)
		}
		fill(t, l)
		agree(t, o.Path, r)
		last = file(t, o.Path)
	}
	if files, err := os.ReadDir(o.Path[:len(o.Path)-len("/runtime.cel")]); err != nil || len(files) != 2 {
		t.Errorf("%v, %v", files, err)
	}
}

func TestOpenRejectsARegisterThatIsNotOurs(t *testing.T) {
	foreign := func(r *register) {
		d := map[uint16][]byte{runlog.SHA256: make([]byte, 32), runlog.SHA384: make([]byte, 48)}
		if err := r.Extend(context.Background(), d); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		make func(o *runlog.Options, r *register)
	}{
		{"extended before our first start", func(o *runlog.Options, r *register) {
			os.Remove(o.Path)
			*r = *newRegister(runlog.SHA256, runlog.SHA384)
			foreign(r)
		}},
		{"extended between starts", func(o *runlog.Options, r *register) { foreign(r) }},
		{"our file is lost", func(o *runlog.Options, r *register) { os.Remove(o.Path) }},
		{"our file is empty", func(o *runlog.Options, r *register) { write(t, o.Path, nil) }},
		{"our last record is lost", func(o *runlog.Options, r *register) { cutRecords(t, o.Path, 2) }},
		{"our file is damaged in front", func(o *runlog.Options, r *register) { b := file(t, o.Path); b[40] ^= 1; write(t, o.Path, b) }},
		{"our last record is torn and extended", func(o *runlog.Options, r *register) { b := file(t, o.Path); write(t, o.Path, b[:len(b)-1]) }},
		{"TPM reset without boot", func(o *runlog.Options, r *register) { *r = *newRegister(runlog.SHA256, runlog.SHA384) }},
		{"new boot id, register kept", func(o *runlog.Options, r *register) { o.BootID = [16]byte{2} }},
		{"another register that somebody uses", func(o *runlog.Options, r *register) { o.PCR = 14 }},
		{"a bank more", func(o *runlog.Options, r *register) { r.banks[runlog.SHA1] = make([]byte, 20) }},
	} {
		r := newRegister(runlog.SHA256, runlog.SHA384)
		o := options(t, r, 1)
		fill(t, open(t, o))
		c.make(&o, r)
		before, _ := os.ReadFile(o.Path)
		extends := r.extends
		if _, err := runlog.Open(context.Background(), o); !errors.Is(err, runlog.ErrForeign) {
			t.Errorf("%s: %v", c.name, err)
		}
		if after, _ := os.ReadFile(o.Path); !bytes.Equal(after, before) || r.extends != extends {
			t.Errorf("%s: file or register was changed", c.name)
		}
	}
}

// cutRecords leaves the first n records in a file.
func cutRecords(t *testing.T, path string, n int) {
	t.Helper()
	b := file(t, path)
	write(t, path, b[:replay(t, runlog.SHA256, b).Records[n-1].End])
}

func TestAppendRejectsAForeignExtensionForEver(t *testing.T) {
	r := newRegister(runlog.SHA256)
	o := options(t, r, 1)
	l := open(t, o)
	fill(t, l)
	honest := r.clone()
	size := len(file(t, o.Path))
	if err := r.Extend(context.Background(), map[uint16][]byte{runlog.SHA256: make([]byte, 32)}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(context.Background(), runlog.TypeStop, nil); !errors.Is(err, runlog.ErrForeign) {
		t.Error(err)
	}
	r.banks = honest.banks // whatever happens now, this log has seen it
	if _, err := l.Append(context.Background(), runlog.TypeStop, nil); !errors.Is(err, runlog.ErrForeign) {
		t.Errorf("second try: %v", err)
	}
	if err := l.Settle(context.Background()); !errors.Is(err, runlog.ErrForeign) {
		t.Errorf("settle: %v", err)
	}
	if len(file(t, o.Path)) != size {
		t.Error("an event was written over a foreign register")
	}
}

func TestARegisterThatGoesBackIsForeign(t *testing.T) {
	r := newRegister(runlog.SHA256)
	l := open(t, options(t, r, 1))
	appendTo(t, l, runlog.TypeStart, start.Facts())
	*r = *newRegister(runlog.SHA256) // a TPM reset under a running agent: n-1 records again
	if err := l.Settle(context.Background()); !errors.Is(err, runlog.ErrForeign) {
		t.Error(err)
	}
}

func TestBanksThatComeOrGoUnderARunningAgentAreForeign(t *testing.T) {
	for name, change := range map[string]func(r *register){
		"a bank more": func(r *register) { r.banks[runlog.SHA1] = make([]byte, 20) },
		"a bank less": func(r *register) { delete(r.banks, runlog.SHA384) },
	} {
		r := newRegister(runlog.SHA256, runlog.SHA384)
		l := open(t, options(t, r, 1))
		fill(t, l)
		change(r)
		if err := l.Settle(context.Background()); !errors.Is(err, runlog.ErrForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnUnknownOutcomeIsSettledOnce(t *testing.T) {
	for name, inject := range map[string]func(r *register){
		"not extended":                 func(r *register) { r.refuse = errTPM },
		"extended, answer lost":        func(r *register) { r.lose = errTPM },
		"written, not compared":        func(r *register) { r.failRead = 2 },
		"extended, not compared":       func(r *register) { r.failRead = 3 },
		"refused before anything else": func(r *register) { r.failRead = 1 },
	} {
		for _, how := range []string{"settle", "append", "reopen"} {
			r := newRegister(runlog.SHA256, runlog.SHA384)
			o := options(t, r, 1)
			l := open(t, o)
			appendTo(t, l, runlog.TypeStart, start.Facts())
			inject(r)
			_, err := l.Append(context.Background(), runlog.TypeEngine, runlog.Facts{"n": uint64(1)})
			want := 2
			if name == "refused before anything else" {
				want = 1
			}
			if !errors.Is(err, errTPM) || errors.Is(err, runlog.ErrPending) != (want == 2) {
				t.Errorf("%s: %v", name, err)
			}
			switch how {
			case "settle":
				err = l.Settle(context.Background())
			case "append":
				_, err = l.Append(context.Background(), runlog.TypeStop, nil)
				want++
			case "reopen":
				l.Close()
				open(t, o)
				err = nil
			}
			if n := agree(t, o.Path, r); err != nil || n != want || r.extends != want {
				t.Errorf("%s, %s: %v, %d records, %d extensions, want %d", name, how, err, n, r.extends, want)
			}
		}
	}
}

func TestAppendRejectsWhatReadersWould(t *testing.T) {
	r := newRegister(runlog.SHA256)
	o := options(t, r, 1)
	l := open(t, o)
	if _, err := l.Append(context.Background(), runlog.TypeEngine, nil); !errors.Is(err, runlog.ErrMalformed) {
		t.Errorf("a log that begins with an engine: %v", err)
	}
	appendTo(t, l, runlog.TypeStart, start.Facts())
	for name, f := range badFacts() {
		if _, err := l.Append(context.Background(), runlog.TypeEngine, f); !errors.Is(err, runlog.ErrMalformed) && !errors.Is(err, runlog.ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := agree(t, o.Path, r); n != 1 || r.extends != 1 {
		t.Errorf("%d records, %d extensions", n, r.extends)
	}
}

func TestAppendStopsAtTheLimitOfTheLog(t *testing.T) {
	r := newRegister(runlog.SHA256)
	o := options(t, r, 1)
	l := open(t, o)
	appendTo(t, l, runlog.TypeStart, start.Facts())
	big := runlog.Facts{}
	for _, k := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		big[k] = bytes.Repeat([]byte{1}, runlog.MaxValue)
	}
	var err error
	for n := 0; err == nil && n < runlog.MaxRecords; n++ {
		_, err = l.Append(context.Background(), runlog.TypeEngine, big)
	}
	if !errors.Is(err, runlog.ErrFull) {
		t.Fatal(err)
	}
	if b := file(t, o.Path); len(b) > runlog.MaxLog || len(b) < runlog.MaxLog-runlog.MaxRecord {
		t.Errorf("%d bytes", len(b))
	}
	n := agree(t, o.Path, r)
	l.Close()
	write(t, o.Path, append(file(t, o.Path), make([]byte, runlog.MaxRecord)...)) // torn, behind the limit
	open(t, o)
	if again := agree(t, o.Path, r); again != n {
		t.Errorf("%d records, %d before", again, n)
	}
}

func TestPartsBeginAtRecords(t *testing.T) {
	r := newRegister(runlog.SHA256)
	o := options(t, r, 1)
	l := open(t, o)
	if part, more, err := l.Part(0, 1000); len(part) != 0 || more || err != nil {
		t.Errorf("empty log: %d bytes, %v, %v", len(part), more, err)
	}
	fill(t, l)
	all := file(t, o.Path)
	ends := []int{0}
	for _, rec := range replay(t, runlog.SHA256, all).Records {
		ends = append(ends, rec.End)
	}
	for offset := range len(all) + 2 {
		part, more, err := l.Part(uint64(offset), 1<<20)
		i := indexOf(ends, offset)
		if i < 0 {
			if !errors.Is(err, runlog.ErrOffset) {
				t.Fatalf("offset %d: %v", offset, err)
			}
			continue
		}
		if err != nil || more || !bytes.Equal(part, all[offset:]) {
			t.Fatalf("offset %d: %d bytes, %v, %v", offset, len(part), more, err)
		}
		if i == len(ends)-1 {
			continue
		}
		for _, limit := range []int{ends[i+1] - offset, ends[i+1] - offset + 1, ends[i+1] - offset - 1} {
			want := all[offset:ends[i+1]]
			if limit < len(want) {
				want = nil
			}
			if part, more, err := l.Part(uint64(offset), limit); err != nil || !bytes.Equal(part, want) || more != (offset+len(want) < len(all)) {
				t.Errorf("offset %d, limit %d: %d bytes, %v, %v", offset, limit, len(part), more, err)
			}
		}
	}
}

func indexOf(list []int, v int) int {
	for i, x := range list {
		if x == v {
			return i
		}
	}
	return -1
}

func TestOpenRejectsIncompleteOptionsAndRegisters(t *testing.T) {
	for name, change := range map[string]func(o *runlog.Options){
		"path":     func(o *runlog.Options) { o.Path = "" },
		"boot id":  func(o *runlog.Options) { o.BootID = [16]byte{} },
		"index":    func(o *runlog.Options) { o.PCR = 24 },
		"register": func(o *runlog.Options) { o.Register = nil },
		"clock":    func(o *runlog.Options) { o.Clock = nil },
		"no bank":  func(o *runlog.Options) { o.Register = &register{banks: map[uint16][]byte{0x12: make([]byte, 32)}} },
		"size": func(o *runlog.Options) {
			o.Register = &register{banks: map[uint16][]byte{runlog.SHA256: make([]byte, 20)}}
		},
		"folder": func(o *runlog.Options) { o.Path += "/none/log" },
	} {
		o := options(t, newRegister(runlog.SHA256), 1)
		change(&o)
		if _, err := runlog.Open(context.Background(), o); err == nil || errors.Is(err, runlog.ErrForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
