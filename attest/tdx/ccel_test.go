package tdx_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tdx"
	sim "github.com/hallmark-attest/hallmark/internal/sim/tdx"
)

// events is a log of TCG2 events with SHA-384 digests, each with the data given.
func events(data ...string) []byte {
	le := binary.LittleEndian
	spec := append([]byte("Spec ID Event03\x00"), make([]byte, 8)...)
	spec = le.AppendUint32(spec, 1)
	spec = le.AppendUint16(spec, 0x0c)
	spec = le.AppendUint16(spec, 48)
	spec = append(spec, 0)
	b := le.AppendUint32(nil, 1)
	b = le.AppendUint32(b, 3)
	b = append(b, make([]byte, 20)...)
	b = le.AppendUint32(b, uint32(len(spec)))
	b = append(b, spec...)
	for _, d := range data {
		b = le.AppendUint32(b, 1)
		b = le.AppendUint32(b, 0x80000001)
		b = le.AppendUint32(b, 1)
		b = le.AppendUint16(b, 0x0c)
		b = append(b, make([]byte, 48)...)
		b = le.AppendUint32(b, uint32(len(d)))
		b = append(b, d...)
	}
	return b
}

func TestEventLogEndsWithItsLastEvent(t *testing.T) {
	whole := events("variable", "ends with \xff\xff\xff")
	pad := func(b []byte, with byte) []byte { return append(bytes.Clone(b), bytes.Repeat([]byte{with}, 500)...) }
	for name, c := range map[string]struct{ area, want []byte }{
		"padded":            {pad(whole, 0xff), whole},
		"padded with zeros": {pad(whole, 0), whole},
		"not padded":        {whole, whole},
		"something behind":  {pad(whole, 0x20), pad(whole, 0x20)},
		"no events":         {pad([]byte("text"), 0xff), pad([]byte("text"), 0xff)},
		"cut":               {whole[:len(whole)-1], whole[:len(whole)-1]},
	} {
		n := newNode(t, sim.Defaults(), sim.HostOptions{CCELLog: c.area})
		l, err := n.EventLog(t.Context())
		if err != nil || !bytes.Equal(l.Log, c.want) || l.Area != len(c.area) || len(l.Table) != 56 {
			t.Errorf("%s: table of %d, log of %d of %d, want %d: %v", name, len(l.Table), len(l.Log), l.Area, len(c.want), err)
		}
	}
}

func TestRealEventLog(t *testing.T) {
	dir := os.Getenv("HALLMARK_VECTORS")
	if dir == "" {
		dir = "../../../shared/data"
	}
	f, err := os.Open(filepath.Join(dir, "tdx/google-ccel_data.dat.gz"))
	if err != nil {
		t.Skipf("no captured event log here (HALLMARK_VECTORS): %v", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	area, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	n := newNode(t, sim.Defaults(), sim.HostOptions{CCELLog: area})
	l, err := n.EventLog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes of %d", len(l.Log), l.Area)
	if len(l.Log) == 0 || len(l.Log) >= len(area) || len(bytes.Trim(area[len(l.Log):], "\xff")) != 0 {
		t.Errorf("log of %d in %d bytes", len(l.Log), len(area))
	}
}

func TestEventLogThatIsNotThere(t *testing.T) {
	for name, c := range map[string]struct {
		o      sim.HostOptions
		reason attest.Reason
	}{
		"none":      {sim.HostOptions{NoCCEL: true}, attest.NotPresent},
		"empty":     {sim.HostOptions{}, attest.NotPresent},
		"too large": {sim.HostOptions{CCELLog: make([]byte, tdx.MaxEventLog+1)}, attest.Oversize},
	} {
		_, err := newNode(t, sim.Defaults(), c.o).EventLog(t.Context())
		var a *attest.AbsentError
		if !errors.As(err, &a) || a.Absence.What != tdx.CCEL || a.Absence.Reason != c.reason {
			t.Errorf("%s: %v", name, err)
		}
	}
}
