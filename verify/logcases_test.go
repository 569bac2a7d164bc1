package verify

import (
	"bytes"
	"slices"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/ima"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/sign"
)

// logCase is one judgement of boot log, measurement list, clock or closed world: what an implementer needs beside the cases of bytes and keys.
type logCase struct {
	name, comment, expect string
	tier                  Tier
	says                  []string
	make                  func(*logVector)
}

// logVector is a vector being made.
type logVector struct {
	*world
	t         testing.TB
	reference *attest.Reference
	verdicts  []attest.Verdict
	kept      map[string][]byte
}

// reference of the node as it is now.
func (l *logVector) refer() *attest.Reference {
	r := l.world.reference()
	l.reference = &r
	return l.reference
}

// small replaces the list of the machine by a short one over its registers, of these files.
func (l *logVector) small(records ...[]byte) {
	l.measured(append([][]byte{aggregateOf(l.forge)}, records...)...)
}

// past is an earlier quote of this key.
func (l *logVector) past(before uint64, c attest.VerdictClock) {
	l.t.Helper()
	now := l.clock
	l.clock.Clock, l.clock.ResetCount, l.clock.RestartCount = c.Clock, c.Resets, c.Restarts
	v := *l.result(nil, nil, TierCommunity).Verdict
	v.Sent, v.Received = v.Sent-before, v.Received-before
	l.clock, l.verdicts = now, append(l.verdicts, v)
}

func (c logCase) vector(t testing.TB) vector {
	t.Helper()
	l := &logVector{world: newWorld(t), t: t}
	enrolled := ms(l.at) - 30*24*3600*1000
	l.node = func(n *attest.Node) { n.Enrolled = enrolled }
	c.make(l)
	l.state()
	v := vector{comment: c.comment, expect: c.expect, at: l.soon("").At, validator: &l.validator.PublicKey, node: l.nodeFile(), record: l.forge.make(),
		tier: c.tier, says: c.says, kept: l.kept}
	if l.reference != nil {
		v.reference = l.must(MarshalReference(nil, *l.reference))
	}
	for _, d := range l.verdicts {
		v.verdicts = append(v.verdicts, l.must(sign.Seal(l.validator, attest.TypeVerdict, l.must(attest.Marshal(d)))))
	}
	return v
}

const old = 365 * 24 * 3600 * 1000

// logCases holds at least one case for each rule of docs/format.md about logs, clock and closed world.
func logCases() []logCase {
	const verified, capped = "accepted verified", "capped at community"
	a, b := imaFile("/usr/bin/a"), imaFile("/usr/bin/b")
	return []logCase{
		{"good-verified", "the boot log and the measurement list of a machine with Secure Boot; nothing to compare with", verified, TierVerified,
			[]string{"+boot.replays", "+secure_boot.on", "+boot.command_line", "+ima.prefix", "-ima.aggregate", "?clock.not_evaluable", "?measured.not_evaluable"}, func(*logVector) {}},
		{"good-closed-world", "a closed world: host and engine claims are measured; the tier is capped by other kinds of claims", "capped at verified", TierEnterpriseMeasured,
			[]string{"+boot.reference.match", "+ima.referenced", "+measured.reached", "+measured.agent", "+measured.ima_policy", "+measured.engine"}, func(l *logVector) { l.refer() }},
		{"good-policy-read", "the IMA policy was measured last: read, perhaps, and never loaded", "capped at verified", TierEnterpriseMeasured,
			[]string{"!measured.ima_policy", "+measured.ima_entries", "+measured.aggregate", "-measured.reached"}, func(l *logVector) { l.refer(); l.measured(policyLast(l.world)...) }},
		{"good-register-13", "a system extension was measured, which neither reference nor runtime log explains", verified, TierVerified,
			[]string{"!boot.reference.differs", "-boot.reference.match"}, func(l *logVector) {
				l.small(a)
				l.refer().Measured = nil
				l.holds(func(m map[uint][]byte) { m[13] = digest32(7) })
			}},
		{"good-runtime", "the agent's start in register 13, which the runtime log explains", verified, TierVerified,
			[]string{"+runtime.replays", "+boot.reference.match"}, func(l *logVector) { l.small(a); l.refer().Measured = nil; l.runs(13) }},
		{"good-runtime-register", "the agent calls a register of the firmware its own", verified, TierVerified,
			[]string{"?runtime.not_evaluable"}, func(l *logVector) { l.small(a); l.runtimeRegister(4); l.sends(attest.LogCEL, 0, []byte{}, false) }},
		{"good-runtime-empty", "a register at its start value and a runtime log without events", verified, TierVerified,
			[]string{"?runtime.not_evaluable"}, func(l *logVector) { l.small(a); l.runtimeRegister(15); l.sends(attest.LogCEL, 0, []byte{}, false) }},
		{"good-firmware", "the firmware's own register is in no policy, all else of the boot is", verified, TierVerified,
			[]string{"!boot.reference.differs", "-boot.reference.match"}, func(l *logVector) {
				l.small(a)
				r := l.refer()
				r.Measured, r.Boots[0].Registers, r.Boots[0].Policy.Firmware = nil, nil, [][]byte{digest32(7)}
			}},
		{"good-secure-boot-off", "Secure Boot off caps at verified", verified, TierVerified, []string{"+boot.replays", "!secure_boot.off"},
			func(l *logVector) { l.boots("secure-boot-off"); l.small(a) }},
		{"good-boot-reference", "the machine started once more: its boot is that of the reference", verified, TierVerified, []string{"+boot.reference.match"},
			func(l *logVector) { l.small(a); l.refer().Measured = nil; l.boots("secure-boot-again"); l.small(a) }},
		{"good-boot-command-line", "another command line than the references'", verified, TierVerified, []string{"!boot.reference.differs"},
			func(l *logVector) { l.small(a); l.refer().Measured = nil; l.boots("changed-cmdline"); l.small(a) }},
		{"boot-other-log", "the boot log of another boot", capped, TierVerified, []string{"!boot.replay", "?secure_boot.not_evaluable"}, func(l *logVector) {
			l.small(a)
			l.sends(attest.LogBoot, 0, readTestdata(l.t, "../testdata/vm/secure-boot-off/boot.bin"), false)
		}},
		{"boot-nobody-extended", "registers at their start values and a log without events", capped, TierVerified, []string{"!boot.replay", "-boot.replays"}, func(l *logVector) {
			l.holds(func(m map[uint][]byte) {
				for i := range m {
					m[i] = make([]byte, 32)
				}
			})
			l.small(a)
			log := l.logs[attest.LogBoot].Bytes
			l.sends(attest.LogBoot, 0, log[:eventEnds(log)[0]], false)
		}},
		{"boot-kept", "the boot log continues one that the history holds, of another boot", capped, TierVerified, []string{"?boot.not_evaluable", "-boot.replay"}, func(l *logVector) {
			l.small(a)
			l.kept = map[string][]byte{attest.LogBoot: readTestdata(l.t, "../testdata/vm/changed-cmdline/boot.bin")}
			l.sends(attest.LogBoot, len(l.kept[attest.LogBoot]), []byte{}, false)
		}},
		{"good-ima-kept", "the measurement list continues what the history holds", verified, TierVerified, []string{"+ima.prefix", "-ima.hidden"}, func(l *logVector) {
			l.small(a, b)
			l.kept = map[string][]byte{attest.LogIMA: slices.Concat(aggregateOf(l.forge), a)}
			l.from(attest.LogIMA, len(l.kept[attest.LogIMA]))
		}},
		{"good-ima-mended", "the evidence's register 10 is one entry older than the quoted one", verified, TierVerified, []string{"+ima.prefix", "+tpm.quote.ok"}, func(l *logVector) {
			l.small(a, b)
			older := replay10([][]byte{aggregateOf(l.forge), a})
			l.quote = func(q *tpm.Quote) { q.PCRs[10] = older }
		}},
		{"ima-mended-other-register", "a register other than 10 is not the quoted one", "tpm.quote.pcr_digest", "", nil, func(l *logVector) {
			l.small(a, b)
			l.quote = func(q *tpm.Quote) { q.PCRs[11] = q.PCRs[10] }
		}},
		{"ima-mended-without-list", "the evidence's register 10 is older, and no list shows it", "tpm.quote.pcr_digest", "", nil, func(l *logVector) {
			l.small(a, b)
			older := replay10([][]byte{aggregateOf(l.forge), a})
			l.quote = func(q *tpm.Quote) { q.PCRs[10] = older }
			delete(l.logs, attest.LogIMA)
		}},
		{"good-ima-padded", "the kernel extends the SHA-256 bank with padded SHA-1", verified, TierVerified, []string{"+ima.prefix"}, func(l *logVector) {
			l.small(a, b)
			l.padded()
		}},
		{"good-ima-changed", "an entry of the measurement list is another", verified, TierVerified, []string{"!ima.no_match"}, func(l *logVector) {
			l.small(a, b)
			l.sends(attest.LogIMA, 0, slices.Concat(aggregateOf(l.forge), b, b), false)
		}},
		{"good-ima-violation", "a violation and an entry that the references do not know", verified, TierVerified, []string{"!ima.violations", "!ima.unreferenced"}, func(l *logVector) {
			l.small(a)
			l.refer()
			l.small(a, imaViolation("/var/log/x"), b)
		}},
		{"good-ima-hidden", "the node hides an entry", verified, TierVerified, []string{"?ima.hidden", "!ima.unreferenced"}, func(l *logVector) {
			l.small(a, b)
			l.refer()
			hidden, err := ima.Hide(l.logs[attest.LogIMA].Bytes, func(e ima.Entry) bool { return e.Path != "/usr/bin/b" })
			l.sends(attest.LogIMA, 0, l.must(hidden, err), false)
		}},
		{"good-ima-name", "a program that is called boot_aggregate", verified, TierVerified, []string{"!ima.unreferenced"}, func(l *logVector) {
			l.small(a)
			l.refer()
			l.small(a, imaNG(ima.BootAggregateName, "sha256", bytes.Repeat([]byte{6}, 32)))
		}},
		{"good-ima-aggregate", "the list began over other boot registers", verified, TierVerified, []string{"!ima.aggregate"}, func(l *logVector) {
			l.measured(imaNG(ima.BootAggregateName, "sha256", bytes.Repeat([]byte{6}, 32)), a)
		}},
		{"good-clock", "power was lost since an earlier verdict: the clock fell back by 2^22 ms", verified, TierVerified, []string{"+clock.continuous"}, func(l *logVector) {
			l.small(a)
			l.past(3600_000, at(old, 7, 2))
			l.clock.Clock, l.clock.ResetCount = old-1<<22, 8
		}},
		{"clock-cleared", "the TPM was cleared since an earlier verdict", capped, TierVerified, []string{"!tpm.cleared"}, func(l *logVector) {
			l.small(a)
			l.past(3600_000, at(old, 7, 2))
			l.clock.Clock, l.clock.ResetCount = 3600_000, 0
		}},
		{"clock-cleared-before", "an earlier verdict said that the TPM was cleared, and the clock goes on from there", capped, TierVerified, []string{"!tpm.cleared", "-clock.continuous"}, func(l *logVector) {
			l.small(a)
			l.past(3600_000, at(old, 7, 2))
			l.verdicts[0].Findings = []string{"tpm.cleared"}
			l.clock.Clock, l.clock.ResetCount, l.clock.RestartCount = old+3600_000, 7, 2
		}},
		{"clock-cleared-near", "as clock-cleared-before, a minute before", capped, TierVerified, []string{"!tpm.cleared", "-clock.continuous"}, func(l *logVector) {
			l.small(a)
			l.past(60_000, at(old, 7, 2))
			l.verdicts[0].Findings = []string{"tpm.cleared"}
			l.clock.Clock, l.clock.ResetCount, l.clock.RestartCount = old+60_000, 7, 2
		}},
		{"clock-rolled-back-before", "an earlier verdict said that the clock went back, and it goes on from there", "clock.rollback", "", nil, func(l *logVector) {
			l.small(a)
			l.past(3600_000, at(old, 7, 2))
			l.verdicts[0].Findings = []string{"clock.rollback"}
			l.clock.Clock, l.clock.ResetCount, l.clock.RestartCount = old+3600_000, 7, 2
		}},
		{"clock-rollback", "the clock fell back by more than power loss explains", "clock.rollback", "", nil, func(l *logVector) {
			l.small(a)
			l.past(3600_000, at(old, 7, 2))
			l.clock.Clock, l.clock.ResetCount = old-1<<22-1, 8
		}},
		{"clock-resets-back", "a counter went back", "clock.rollback", "", nil, func(l *logVector) {
			l.small(a)
			l.past(3600_000, at(old, 7, 2))
			l.clock.Clock, l.clock.ResetCount = old+3600_000, 6
		}},
		{"good-clock-near", "lower than a verdict of a minute before: two validators' clocks may differ by as much", verified, TierVerified, []string{"?clock.not_evaluable"}, func(l *logVector) {
			l.small(a)
			l.past(60_000, at(old, 7, 2))
			l.clock.Clock, l.clock.ResetCount, l.clock.RestartCount = old-1000, 7, 2
		}},
	}
}

func TestLogCasesAreJudgedAsTheySay(t *testing.T) {
	for _, c := range logCases() {
		t.Run(c.name, func(t *testing.T) {
			v := c.vector(t)
			r, err := v.judge()
			if err != nil {
				t.Fatal(err)
			}
			if got := outcome(r); got != c.expect {
				t.Errorf("%s, want %s\n%v %+v", got, c.expect, said(r), r.Unmet)
			}
			wants(t, r, c.says...)
		})
	}
}
