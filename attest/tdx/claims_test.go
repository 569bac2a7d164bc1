package tdx_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tdx"
	sim "github.com/hallmark-attest/hallmark/internal/sim/tdx"
)

func claims(t testing.TB, o sim.HostOptions) *tdx.Claims {
	t.Helper()
	c, err := newNode(t, sim.Defaults(), o).Claims(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestClaimsSayWhatIsThereAndWhatIsNot(t *testing.T) {
	log := append(events("one"), bytes.Repeat([]byte{0xff}, 100)...)
	full := claims(t, sim.HostOptions{CCELLog: log})
	if err := full.Check(); err != nil {
		t.Error(err)
	}
	logged := full.WithRuntimeLog(tdx.RuntimeRTMR, nil)
	if !full.RTMRExtend || full.RuntimeRegister != nil || *logged.RuntimeRegister != 3 || len(logged.Absent) != 0 || int(full.CCEL.AreaBytes) != len(log) {
		t.Errorf("%+v", logged)
	}
	bare := claims(t, sim.HostOptions{NoMeasurements: true, NoCCEL: true})
	var said []string
	for _, a := range bare.Absent {
		said = append(said, a.What+" "+string(a.Reason))
	}
	if d := cmp.Diff([]string{"ccel not-present", "rtmr_extend not-supported", "runtime_register not-supported"}, said); d != "" || bare.RTMRExtend {
		t.Error(d)
	}
	for _, c := range []*tdx.Claims{full, logged, bare} {
		b, err := attest.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := tdx.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(fmt.Sprint(c.Absent), fmt.Sprint(again.Absent)); d != "" || again.ObtainedAt != c.ObtainedAt {
			t.Error(d)
		}
	}
}

func TestClaimsAreRefused(t *testing.T) {
	for name, edit := range map[string]func(*tdx.Claims){
		"no time":                   func(c *tdx.Claims) { c.ObtainedAt = 0 },
		"unknown way":               func(c *tdx.Claims) { c.How = "ioctl" },
		"another provider":          func(c *tdx.Claims) { c.Provider = "sev_guest" },
		"another register":          func(c *tdx.Claims) { two := uint(2); c.RuntimeRegister = &two },
		"register not extendable":   func(c *tdx.Claims) { c.RTMRExtend = false },
		"register gone unsaid":      func(c *tdx.Claims) { c.RuntimeRegister = nil },
		"log gone unsaid":           func(c *tdx.Claims) { c.CCEL = nil },
		"log larger than its area":  func(c *tdx.Claims) { c.CCEL.LogBytes = c.CCEL.AreaBytes + 1 },
		"area over the limit":       func(c *tdx.Claims) { c.CCEL.AreaBytes = tdx.MaxEventLog + 1 },
		"no area":                   func(c *tdx.Claims) { c.CCEL.LogBytes, c.CCEL.AreaBytes = 0, 0 },
		"table over the limit":      func(c *tdx.Claims) { c.CCEL.TableBytes = tdx.MaxEventTable + 1 },
		"no table":                  func(c *tdx.Claims) { c.CCEL.TableBytes = 0 },
		"absent and there":          func(c *tdx.Claims) { c.Absent = []attest.Absence{attest.Absent(tdx.CCEL, attest.Failed, "")} },
		"reason that is none":       func(c *tdx.Claims) { c.Absent = []attest.Absence{attest.Absent("x", "bored", "")} },
		"more absences than anyone": func(c *tdx.Claims) { c.Absent = make([]attest.Absence, attest.MaxAbsences+1) },
	} {
		c := claims(t, sim.HostOptions{CCELLog: events("one")}).WithRuntimeLog(tdx.RuntimeRTMR, nil)
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		edit(c)
		if err := c.Check(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := tdx.Parse(make([]byte, tdx.MaxClaims+1)); err == nil {
		t.Error("claims over the limit are accepted")
	}
}

func FuzzParse(f *testing.F) {
	for _, o := range []sim.HostOptions{{CCELLog: events("one")}, {NoCCEL: true, NoMeasurements: true}} {
		b, err := attest.Marshal(claims(f, o))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := tdx.Parse(b)
		if err != nil {
			return
		}
		again, err := attest.Marshal(c)
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x becomes %x: %v", b, again, err)
		}
	})
}
