package verify

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/runlog"
	"github.com/hallmark-attest/hallmark/attest/tdx"
	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
	sim "github.com/hallmark-attest/hallmark/internal/sim/tdx"
)

// tdForge is the trust domain of a forge, on a platform of an authority of its own.
type tdForge struct {
	authority *sim.Authority
	td        *sim.TD
	endorse   TDEndorsements // what a validator who knows that authority believes
	file      []byte         // its collateral as a file

	// Hooks, in the order in which a node passes them.
	claims     func(*tdx.Claims)
	over       func(root, key *attest.Digest, bound *[]byte) // what the TD is asked to quote
	ak         func(*attest.Digest)                          // the attestation key it names
	quote      func([]byte) []byte
	uncovering bool // the TPM quotes as if there were no TD
}

// tdOptions say on what a forge's TD runs. The zero value is an honest one.
type tdOptions struct {
	platform     sim.PlatformOptions
	measurements func(*sim.Measurements)
	boot         sim.BootOptions
	collateral   sim.CollateralOptions
}

// inTD puts the forge's host into a TD, whose firmware log it sends, and gives what a validator believes of its authority.
func (f *forge) inTD(o tdOptions) *forge {
	f.t.Helper()
	a, err := sim.NewAuthority("verify", f.at)
	if err != nil {
		f.t.Fatal(err)
	}
	p, err := a.Platform(o.platform)
	if err != nil {
		f.t.Fatal(err)
	}
	b, err := a.NewLinuxBoot(o.boot)
	if err != nil {
		f.t.Fatal(err)
	}
	m := sim.Defaults()
	b.Apply(&m)
	call(o.measurements, &m)
	f.td = &tdForge{authority: a, td: p.NewTD(m), endorse: TDEndorsements{RootsUnsafe: a.Pool()}}
	h, err := sim.NewHost(f.t.TempDir(), f.td.td, sim.HostOptions{CCELLog: b.Log(0)})
	if err != nil {
		f.t.Fatal(err)
	}
	f.sends(attest.LogCCEL, 0, slices.Concat(f.must(h.Read("/sys/firmware/acpi/tables/CCEL", 100)), f.must(h.Read("/sys/firmware/acpi/tables/data/CCEL", 1<<20))), false)
	return f.judgedBy(o.collateral)
}

// judgedBy replaces the collateral.
func (f *forge) judgedBy(o sim.CollateralOptions) *forge {
	f.t.Helper()
	f.td.file = f.collateralFile(o)
	f.td.endorse.Collateral = collateral.Set{f.collateral(o)}
	return f
}

func (f *forge) collateralFile(o sim.CollateralOptions) []byte {
	f.t.Helper()
	c, err := f.td.td.Collateral(o)
	if err != nil {
		f.t.Fatal(err)
	}
	return c.JSON()
}

func (f *forge) collateral(o sim.CollateralOptions) *collateral.Collateral {
	f.t.Helper()
	got, err := collateral.Parse(f.collateralFile(o))
	if err != nil {
		f.t.Fatal(err)
	}
	return got
}

// tdAlone is a host without TPM in a TD, whose engine serves: all that `verified` wants, on the word of the TD.
func tdAlone(t testing.TB, o tdOptions) *forge {
	t.Helper()
	w := newWorld(t)
	clear(w.logs)
	w.withoutTPM()
	w.state()
	return w.inTD(o)
}

// tdBeside is a host with a TPM that answers from within a TD.
func tdBeside(t testing.TB, o tdOptions) *forge {
	t.Helper()
	return vm(t, "secure-boot").inTD(o)
}

func (d *tdForge) node() *attest.NodeTD {
	o := d.td.Platform.Options()
	return &attest.NodeTD{PPID: quote.PPIDHash(o.PPID), FMSPC: hex.EncodeToString(o.FMSPC[:])}
}

func (f *forge) tdBody() []byte {
	c := tdx.Claims{ObtainedAt: ms(f.at), How: tdx.How, Provider: tdx.Provider, Absent: []attest.Absence{attest.Absent(tdx.CCEL, attest.NotPresent, "forged"),
		attest.Absent(tdx.RTMRExtend, attest.NotSupported, "forged"), attest.Absent(tdx.RuntimeRegister, attest.NotSupported, "forged")}}
	call(f.td.claims, &c)
	return f.must(attest.Marshal(c))
}

// tdQuote plays the quoting enclave.
func (f *forge) tdQuote(root attest.Digest, bound []byte) []byte {
	var ak attest.Digest
	if f.ak != nil {
		ak = attest.NameDigest(f.akName())
	}
	key := f.keyDigest(f.evidence)
	if f.td.over != nil {
		f.td.over(&root, &key, &bound)
	}
	call(f.td.ak, &ak)
	return pass(f.td.quote, f.td.td.Quote(attest.TDXReportData(attest.Binding(root, key, bound), ak, attest.Digest{})))
}

// runsInTD lets an agent log its start in RTMR3.
func (f *forge) runsInTD() *forge {
	f.t.Helper()
	ctx := context.Background()
	log, err := runlog.Open(ctx, runlog.Options{Path: filepath.Join(f.t.TempDir(), "runtime.cel"), BootID: [16]byte{1}, PCR: tdx.RuntimeIndex,
		Register: rtmr3{f.td.td}, Clock: func() time.Time { return f.at }})
	if err != nil {
		f.t.Fatal(err)
	}
	defer log.Close()
	start := runlog.Start{Version: "1", AgentSHA256: digest32(1), ConfigDigest: [32]byte{2}, EvidenceKey: [32]byte{3}}
	if _, err := log.Append(ctx, runlog.TypeStart, start.Facts()); err != nil {
		f.t.Fatal(err)
	}
	f.statesRTMR3()
	b, _, err := log.Part(0, attest.MaxLogSize)
	return f.sends(attest.LogRTMR, 0, f.must(b, err), false)
}

// statesRTMR3 lets the claims say that RTMR3 holds the agent's events.
func (f *forge) statesRTMR3() {
	f.td.claims = func(c *tdx.Claims) {
		c.RTMRExtend, c.RuntimeRegister = true, new(uint)
		*c.RuntimeRegister = tdx.RuntimeRTMR
		c.Absent = c.Absent[:1]
	}
}

type rtmr3 struct{ td *sim.TD }

func (r rtmr3) Read(context.Context) (map[uint16][]byte, error) {
	v := r.td.Measurements().RTMR[3]
	return map[uint16][]byte{runlog.SHA384: v[:]}, nil
}

func (r rtmr3) Extend(_ context.Context, digests map[uint16][]byte) error {
	r.td.Extend(3, sim.Register(digests[runlog.SHA384][:sha512.Size384]))
	return nil
}

// believing are the endorsements of a validator who believes the forge's authority, and says that it is none.
func (f *forge) believing() Endorsements {
	e := f.known()
	e.AcceptDemoRootsUnsafe, e.TD = true, f.td.endorse
	return e
}

// inside judges the forge's record with what is believed of its TD.
func (f *forge) inside(asked Tier) *Result { return f.insideAs(asked, f.believing()) }

func (f *forge) insideAs(asked Tier, e Endorsements) *Result {
	f.t.Helper()
	r, err := f.judgeWith(e, nil, f.soon(asked))
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}
