package verify

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tdx"
	sim "github.com/hallmark-attest/hallmark/internal/sim/tdx"
)

// tdCase is one thing changed in the exchange of an honest trust domain, alone or beside a TPM.
type tdCase struct {
	name, comment string
	make          func(testing.TB, tdOptions) *forge // tdAlone, tdBeside
	on            tdOptions
	change        func(*forge)
	expect        string
	says          []string
	vector        bool // it is in testdata/vectors too
}

// expired is a platform whose certificate is past its time.
var expired = sim.PlatformOptions{NotBefore: forged.Add(-48 * time.Hour), NotAfter: forged.Add(-time.Minute)}

var unjudgedQuote = []string{"?tdx.quote.not_evaluable", "-tdx.quote.ok", "-tdx.tcb.ok", "-tdx.policy.ok", "-tdx.replay.ok"}

const verifiedTD, cappedTD = "accepted verified", "capped at community"

// tdCases holds at least one case for each check of a TD quote, of what its platform is worth and of its logs.
func tdCases() []tdCase {
	debug := func(m *sim.Measurements) { m.Attributes |= sim.AttrDebug }
	cases := []tdCase{
		{name: "good-td-alone", comment: "a host without TPM, enrolled by the platform of its TD", make: tdAlone, expect: verifiedTD,
			says: []string{"+tdx.quote.ok", "+tdx.tcb.ok", "+tdx.policy.ok", "+tdx.replay.ok", "+tdx.secure_boot"}, vector: true},
		{name: "good-td-beside", comment: "a TD beside a TPM, whose quote covers the TD's", make: tdBeside, expect: verifiedTD,
			says: []string{"+tdx.quote.ok", "+tpm.quote.ok", "+tdx.tcb.ok", "+boot.replays", "+tdx.replay.ok"}, vector: true},
		{name: "good-td-5", comment: "a quote of version 5", make: tdAlone, on: tdOptions{measurements: func(m *sim.Measurements) { m.Version = 5 }}, expect: verifiedTD,
			says: []string{"+tdx.quote.ok"}},
		{name: "good-td-runtime", comment: "the agent's start in RTMR3", make: tdAlone, change: func(f *forge) { f.runsInTD() }, expect: verifiedTD,
			says: []string{"+tdx.runtime.ok"}, vector: true},

		{name: "td-claims", comment: "TD claims that do not follow the format", make: tdAlone, change: func(f *forge) { f.td.claims = func(c *tdx.Claims) { c.How = "ioctl" } }, expect: "claims.malformed"},
		{name: "td-quote-bytes", comment: "the TD quote is cut", make: tdAlone, change: quoted(func(q []byte) []byte { return q[:600] }), expect: "tdx.quote.malformed"},
		{name: "td-quote-map", comment: "the TD quote is no byte string", make: tdAlone, change: func(f *forge) {
			f.roots = func(r map[attest.Kind]cbor.RawMessage) { r[attest.KindTDX] = cbor.RawMessage{0xa0} }
		}, expect: "tdx.quote.malformed"},
		{name: "td-quote-tail", comment: "a byte behind the TD quote, which no signature covers", make: tdAlone, change: quoted(func(q []byte) []byte { return append(q, 0) }), expect: "tdx.quote.malformed", vector: true},
		{name: "td-quote-changed", comment: "a byte of the quoted MRTD flipped", make: tdAlone, change: quoted(func(q []byte) []byte { q[48+136] ^= 1; return q }), expect: "tdx.quote.signature", vector: true},
		{name: "td-authority", comment: "the platform is certified by another authority", make: tdAlone, change: func(f *forge) {
			a, err := sim.NewAuthority("another", f.at)
			if err != nil {
				f.t.Fatal(err)
			}
			f.td.endorse.RootsUnsafe = a.Pool()
		}, expect: "tdx.quote.signature"},
		{name: "td-expired", comment: "the platform's certificate has expired at the time of judging", make: tdAlone, on: tdOptions{platform: expired}, expect: cappedTD, says: unjudgedQuote},
		{name: "td-not-valid-yet", comment: "the platform's certificate begins after the time of judging: a slow clock", make: tdAlone,
			on: tdOptions{platform: sim.PlatformOptions{NotBefore: forged.Add(time.Hour), NotAfter: forged.AddDate(7, 0, 0)}}, expect: cappedTD, says: unjudgedQuote},
		{name: "td-expired-beside", comment: "the same beside a TPM, whose quote covers it all the same", make: tdBeside, on: tdOptions{platform: expired}, expect: verifiedTD, says: unjudgedQuote},
		{name: "td-expired-binding", comment: "a quote that cannot be judged is of this binding or a forgery", make: tdAlone, on: tdOptions{platform: expired}, change: func(f *forge) {
			f.td.over = func(root, _ *attest.Digest, _ *[]byte) { root[0] ^= 1 }
		}, expect: "tdx.quote.binding"},
		{name: "td-processor-ca", comment: "the platform is certified by the Processor CA, which this version does not follow", make: tdAlone,
			on: tdOptions{platform: sim.PlatformOptions{Processor: true}}, expect: cappedTD, says: unjudgedQuote},
		{name: "td-binding-root", comment: "the TD quoted another batch", make: tdAlone, change: func(f *forge) {
			f.td.over = func(root, _ *attest.Digest, _ *[]byte) { root[0] ^= 1 }
		}, expect: "tdx.quote.binding", vector: true},
		{name: "td-binding-key", comment: "the TD quoted another evidence key", make: tdAlone, change: func(f *forge) {
			f.td.over = func(_, key *attest.Digest, _ *[]byte) { key[0] ^= 1 }
		}, expect: "tdx.quote.binding"},
		{name: "td-binding-bound", comment: "claims edited after the TD's quote and signed again", make: tdAlone, change: func(f *forge) {
			f.payload = func(e *attest.Evidence) {
				e.Bound = bytes.Replace(e.Bound, []byte("hallmark-agent"), []byte("hallmark-Agent"), 1)
			}
		}, expect: "tdx.quote.binding"},
		{name: "td-ak-unnamed", comment: "the TD names no attestation key, and there is one", make: tdBeside, change: func(f *forge) { f.td.ak = func(d *attest.Digest) { *d = attest.Digest{} } },
			expect: "tdx.quote.binding", vector: true},
		{name: "td-ak-another", comment: "the TD names another attestation key", make: tdBeside, change: func(f *forge) { f.td.ak = func(d *attest.Digest) { d[0] ^= 1 } }, expect: "tdx.quote.binding"},
		{name: "td-ak-none", comment: "the TD names an attestation key, and there is none", make: tdAlone, change: func(f *forge) { f.td.ak = func(d *attest.Digest) { d[0] ^= 1 } }, expect: "tdx.quote.binding"},
		{name: "td-uncovered", comment: "the TPM's quote does not cover the TD's", make: tdBeside, change: func(f *forge) { f.td.uncovering = true }, expect: "tpm.quote.binding", vector: true},
		{name: "td-covered-other", comment: "the TPM's quote covers another quote of the same TD", make: tdBeside, change: func(f *forge) {
			f.roots = func(r map[attest.Kind]cbor.RawMessage) {
				var had []byte
				if err := attest.Unmarshal(r[attest.KindTDX], &had, attest.MaxEvidenceSize); err != nil {
					f.t.Fatal(err)
				}
				r[attest.KindTDX] = f.must(attest.Marshal(resigned(f, had)))
			}
		}, expect: "tpm.quote.binding"},
		{name: "td-claims-without-quote", comment: "TD claims without a quote", make: tdAlone, change: func(f *forge) {
			f.roots = func(r map[attest.Kind]cbor.RawMessage) { delete(r, attest.KindTDX) }
		}, expect: "roots.unexpected"},
		{name: "td-quote-without-claims", comment: "a TD quote without TD claims", make: tdBeside, change: func(f *forge) { f.hideTD(attest.ClassDevice, true) }, expect: "roots.unexpected"},
		{name: "td-withdrawn", comment: "enrolled by its TD, answers without in the class that asks it", make: tdAlone, change: func(f *forge) { f.hideTD(attest.ClassDevice, false) }, expect: "kind.withdrawn", vector: true},
		{name: "td-withdrawn-fast", comment: "asked for its TD, answers in the class that does not ask it", make: tdAlone, change: func(f *forge) { f.hideTD(attest.ClassFast, false) }, expect: "kind.withdrawn"},
		{name: "td-not-asked", comment: "enrolled by its TD, answers in the class that does not ask it: nothing is held against it, and no root answered", make: tdAlone,
			change: func(f *forge) {
				f.hideTD(attest.ClassFast, false)
				f.challenge = func(c *attest.Challenge) { c.Kinds = []attest.Kind{"engine", "host"} }
			}, expect: cappedTD, says: []string{"-kind.withdrawn", "!root.none", "!quote.none"}},
		{name: "td-platform", comment: "the TD runs on another platform than the enrolled one", make: tdAlone, change: func(f *forge) { f.node = func(n *attest.Node) { n.TD.PPID[0] ^= 1 } },
			expect: "tdx.platform.foreign"},
		{name: "td-debug", comment: "the TD is under debug", make: tdAlone, on: tdOptions{measurements: debug}, expect: "tdx.debug", vector: true},
		{name: "td-debug-beside", comment: "the TD beside a TPM is under debug", make: tdBeside, on: tdOptions{measurements: debug}, expect: "tdx.debug"},
		{name: "td-attributes", comment: "the TD may be migrated", make: tdAlone, on: tdOptions{measurements: func(m *sim.Measurements) { m.Attributes |= sim.AttrMigratable }}, expect: cappedTD,
			says: []string{"!tdx.policy", "-tdx.policy.ok"}},
		{name: "td-unjudged", comment: "no collateral says how current the platform is", make: tdAlone, change: func(f *forge) { f.td.endorse.Collateral = nil }, expect: cappedTD,
			says: []string{"?tdx.tcb.not_evaluable", "+tdx.quote.ok", "-tdx.tcb.ok"}, vector: true},
		{name: "td-unjudged-beside", comment: "no collateral for the TD beside a TPM: the TPM answers", make: tdBeside, change: func(f *forge) { f.td.endorse.Collateral = nil }, expect: verifiedTD,
			says: []string{"?tdx.tcb.not_evaluable"}},
		{name: "td-log-other", comment: "the TD's event log is of another boot", make: tdAlone, change: func(f *forge) { f.tdLog(sim.BootOptions{CommandLine: "/vmlinuz init=/bin/sh"}) },
			expect: cappedTD, says: []string{"!tdx.replay", "-tdx.replay.ok", "-tdx.secure_boot"}, vector: true},
		{name: "td-log-missing", comment: "the TD's firmware keeps no event log", make: tdAlone, change: func(f *forge) {
			why := attest.Absent(attest.LogCCEL, attest.NotPresent, "forged")
			f.logs[attest.LogCCEL] = attest.Part{Bytes: []byte{}, Absent: &why}
		}, expect: cappedTD, says: []string{"?tdx.replay.not_evaluable"}},
		{name: "td-log-unasked", comment: "the TD's event log was not asked for", make: tdAlone, change: func(f *forge) { delete(f.logs, attest.LogCCEL) }, expect: cappedTD, says: []string{"?tdx.replay.not_evaluable"}},
		{name: "td-log-more", comment: "the TD's event log is larger than one answer", make: tdAlone, change: func(f *forge) { f.sends(attest.LogCCEL, 0, f.logs[attest.LogCCEL].Bytes, true) }, expect: cappedTD,
			says: []string{"?tdx.replay.not_evaluable"}},
		{name: "td-log-table", comment: "the TD's event log has no ACPI table before it", make: tdAlone, change: func(f *forge) { f.sends(attest.LogCCEL, 0, bytes.Repeat([]byte{0xff}, 64), false) }, expect: cappedTD,
			says: []string{"?tdx.replay.not_evaluable"}},
		{name: "td-secure-boot-off", comment: "Secure Boot of the TD's firmware is off", make: tdAlone, on: tdOptions{boot: sim.BootOptions{InsecureBoot: true}}, expect: verifiedTD, says: []string{"+tdx.replay.ok", "!tdx.secure_boot"}},
		{name: "td-runtime-foreign", comment: "others extended RTMR3 behind the agent's events", make: tdAlone, change: func(f *forge) { f.runsInTD().td.td.Extend(3, sim.Measure("a stranger")) }, expect: verifiedTD,
			says: []string{"?tdx.runtime.not_evaluable", "-tdx.runtime.ok"}},
		{name: "td-runtime-empty", comment: "RTMR3 at its start value and a log without events", make: tdAlone, change: func(f *forge) { f.statesRTMR3(); f.sends(attest.LogRTMR, 0, []byte{}, false) }, expect: verifiedTD,
			says: []string{"?tdx.runtime.not_evaluable", "-tdx.runtime.ok"}},
		{name: "td-runtime-unsent", comment: "RTMR3 has the agent's events, and their log was not sent", make: tdAlone, change: func(f *forge) { f.runsInTD(); delete(f.logs, attest.LogRTMR) }, expect: verifiedTD,
			says: []string{"?tdx.runtime.not_evaluable"}},
	}
	return slices.Concat(cases, tcbCases(), collateralCases())
}

// tcbCases hold each answer of Intel's about a platform, and of its parts.
func tcbCases() (out []tdCase) {
	judged := func(name string, s sim.Status, o sim.CollateralOptions, expect string, says ...string) {
		c := tdCase{name: name, comment: "what Intel says of the platform: " + string(s), make: tdAlone, on: tdOptions{collateral: o}, expect: expect, says: says}
		c.vector = s == sim.Revoked || s == sim.OutOfDate
		out = append(out, c)
	}
	for s, expect := range map[sim.Status]string{sim.UpToDate: verifiedTD, sim.SWHardeningNeeded: verifiedTD, sim.ConfigurationNeeded: cappedTD, sim.ConfigurationAndSWHardeningNeeded: cappedTD,
		sim.OutOfDate: cappedTD, sim.OutOfDateConfigurationNeeded: cappedTD, sim.NoLevel: cappedTD, sim.Revoked: "tdx.tcb.revoked"} {
		says := map[string][]string{verifiedTD: {"+tdx.tcb.ok", "-tdx.tcb.status"}, cappedTD: {"!tdx.tcb.status", "-tdx.tcb.ok"}}[expect]
		judged("td-tcb-"+strings.ToLower(strings.ReplaceAll(string(s), " ", "-")), s, sim.CollateralOptions{Platform: sim.Judged{Status: s}}, expect, says...)
	}
	slices.SortFunc(out, func(a, b tdCase) int { return bytes.Compare([]byte(a.name), []byte(b.name)) })
	for name, o := range map[string]sim.CollateralOptions{"td-module-out-of-date": {Module: sim.Judged{Status: sim.OutOfDate}}, "td-qe-out-of-date": {QE: sim.Judged{Status: sim.OutOfDate}}} {
		judged(name, "a part is not current", o, cappedTD, "!tdx.tcb.status", "-tdx.tcb.ok")
	}
	for name, o := range map[string]sim.CollateralOptions{"td-module-foreign": {ModuleSigner: sim.Measure("a stranger")}, "td-pck-revoked": {RevokePCK: true}, "td-ca-revoked": {RevokeCA: true}} {
		judged(name, "revoked or foreign", o, "tdx.tcb.revoked", "-tdx.tcb.ok")
	}
	return out
}

// collateralCases hold collateral that is not current, or of another platform or authority.
func collateralCases() []tdCase {
	return []tdCase{
		{name: "td-collateral-stale", comment: "the collateral is past its time", make: tdAlone, on: tdOptions{collateral: sim.CollateralOptions{Next: forged.Add(-time.Minute)}}, expect: cappedTD,
			says: []string{"!tdx.collateral.stale", "-tdx.tcb.ok", "-tdx.tcb.status"}, vector: true},
		{name: "td-collateral-early", comment: "the collateral is not valid yet", make: tdAlone, on: tdOptions{collateral: sim.CollateralOptions{Issue: forged.Add(time.Hour)}}, expect: cappedTD,
			says: []string{"!tdx.collateral.stale", "-tdx.tcb.ok"}},
		{name: "td-collateral-crl-stale", comment: "the revocation lists are past their time", make: tdAlone, on: tdOptions{collateral: sim.CollateralOptions{CRLNext: forged.Add(-time.Minute)}}, expect: cappedTD,
			says: []string{"!tdx.collateral.stale", "-tdx.tcb.ok"}},
		{name: "td-collateral-fmspc", comment: "the collateral is of another platform", make: tdAlone, on: tdOptions{collateral: sim.CollateralOptions{FMSPC: &[6]byte{1}}}, expect: cappedTD, says: []string{"?tdx.tcb.not_evaluable", "-tdx.tcb.ok"}},
		{name: "td-collateral-pce", comment: "the collateral is of another provisioning enclave", make: tdAlone, on: tdOptions{collateral: sim.CollateralOptions{PCEID: &[2]byte{1}}}, expect: cappedTD,
			says: []string{"?tdx.tcb.not_evaluable", "-tdx.tcb.ok"}},
		{name: "td-collateral-authority", comment: "the collateral is by another authority", make: tdAlone, change: func(f *forge) {
			other := newForge(f.t).inTD(tdOptions{})
			a, err := sim.NewAuthority("another", f.at)
			if err != nil {
				f.t.Fatal(err)
			}
			p, err := a.Platform(sim.PlatformOptions{})
			if err != nil {
				f.t.Fatal(err)
			}
			other.td.td = p.NewTD(sim.Defaults())
			f.td.endorse.Collateral = other.judgedBy(sim.CollateralOptions{}).td.endorse.Collateral
		}, expect: cappedTD, says: []string{"?tdx.tcb.not_evaluable", "-tdx.tcb.ok"}},
	}
}

// forged is the time of every forge.
var forged = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func quoted(change func([]byte) []byte) func(*forge) {
	return func(f *forge) { f.td.quote = change }
}

// resigned is another quote of the TD over the same report data: RTMR3 was extended since.
func resigned(f *forge, q []byte) []byte {
	f.td.td.Extend(3, sim.Register{1})
	return f.td.td.Quote([64]byte(q[48+520 : 48+584]))
}

// hideTD leaves the TD out of the claims, as an answer of a class does, and its quote where it is to stay.
func (f *forge) hideTD(class attest.Class, quote bool) {
	f.bounds(func(b *attest.Bound) {
		delete(b.Submods, attest.KindTDX)
		b.Class = class
		b.Absent = append(b.Absent, attest.Absent(string(attest.KindTDX), attest.NotAsked, "forged"))
		slices.SortFunc(b.Absent, func(x, y attest.Absence) int { return bytes.Compare([]byte(x.What), []byte(y.What)) })
	})
	if !quote {
		f.roots = func(r map[attest.Kind]cbor.RawMessage) { delete(r, attest.KindTDX) }
	}
}

func (f *forge) bounds(change func(*attest.Bound)) {
	before := f.bound
	f.bound = func(b *attest.Bound) { call(before, b); change(b) }
}

// tdLog sends the firmware log of another boot, of the same size.
func (f *forge) tdLog(o sim.BootOptions) {
	b, err := f.td.authority.NewLinuxBoot(o)
	if err != nil {
		f.t.Fatal(err)
	}
	f.sends(attest.LogCCEL, 0, append(bytes.Clone(f.logs[attest.LogCCEL].Bytes[:56]), b.Log(0)...), false)
}

func (c tdCase) forge(t testing.TB) *forge {
	f := c.make(t, c.on)
	call(c.change, f)
	return f
}

// file is the case as a vector: what is believed of the synthetic authority stands in it.
func (c tdCase) file(t testing.TB) vector {
	f := c.forge(t)
	v := vector{comment: c.comment, expect: c.expect, at: f.soon("").At, validator: &f.validator.PublicKey, node: f.nodeFile(), record: f.make(), tier: TierVerified, says: c.says,
		tdxRoots: f.td.authority.Root().Raw}
	if f.td.endorse.Collateral != nil {
		v.collateral = f.td.file
	}
	return v
}

func TestTDCasesAreJudgedAsTheySay(t *testing.T) {
	for _, c := range tdCases() {
		t.Run(c.name, func(t *testing.T) {
			r := c.forge(t).inside(TierVerified)
			if got := outcome(r); got != c.expect {
				t.Errorf("%s, want %s\n%v %+v", got, c.expect, said(r), r.Unmet)
			}
			wants(t, r, c.says...)
		})
	}
}

func TestForgesTimeIsTheCases(t *testing.T) {
	if f := newForge(t); !f.at.Equal(forged) {
		t.Error(f.at)
	}
}
