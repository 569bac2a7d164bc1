package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/host"
	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/gpu"
)

// Appraised is authenticated evidence whose claims were compared with reference
// values and with each other.
type Appraised struct {
	auth     *Authenticated
	findings findings
	claims   map[attest.Kind]ClaimWithStanding
	engines  int // engines found serving, with executable and complete models stated, and no library that differs from its references
	declared int // engines the node declares

	engineList []engine.Engine        // as stated
	engineAt   uint64                 // when, by the node's clock
	proved     map[attest.Digest]bool // models whose blocks were proved

	hostClaims   *host.Claims
	gpuClaims    *gpu.Claims
	clockStep    string // how the quote stands to earlier ones: "" where nothing was compared
	clockSeen    string
	software     attest.Software
	boot         bootState
	cleared      bool // the TPM's clock began anew since an earlier verdict: whose state it has now, nobody knows
	measurements *measurements
	engineFiles  []attest.FileDigest // executables of the engines that serve
	chain        chainState
	td           tdState
	bootID       *[16]byte // of the runtime log that replays
}

// engineStated reports whether every declared engine was found running and its weights were stated.
func (ap *Appraised) engineStated() bool { return ap.declared > 0 && ap.engines == ap.declared }

// stand is how one kind's claims are read: parsed, compared, and given their standing.
type stand struct {
	kind     attest.Kind
	appraise func(*Appraised, *References, []byte) (obtainedAt uint64, err error)
}

// kinds lists the readers of all built kinds in the order of reports.
var kinds = []stand{
	{attest.KindTPM, (*Appraised).tpm},
	{attest.KindTDX, (*Appraised).tdx},
	{attest.KindHost, (*Appraised).host},
	{attest.KindGPU, (*Appraised).gpu},
	{attest.KindTelemetry, (*Appraised).telemetry},
	{attest.KindEngine, (*Appraised).engine},
}

// Appraise reads the claims. What it cannot evaluate is said and counts neither way.
func (v *Verifier) Appraise(a *Authenticated) *Appraised {
	ap := &Appraised{auth: a, findings: slices.Clone(a.findings), claims: map[attest.Kind]ClaimWithStanding{}, proved: map[attest.Digest]bool{}}
	if !v.refs.given {
		ap.findings.unknown("reference.not_given", "references", Validator, "reference values", "none")
	}
	for _, k := range kinds {
		body, stated := a.bound.Submods[k.kind]
		if !stated {
			continue
		}
		obtained, err := k.appraise(ap, v.refs, body)
		if err != nil {
			ap.findings.bad("claims.malformed", string(k.kind), Asserted, "within the format", err)
			continue
		}
		ap.fresh(k.kind, obtained)
		ap.state(k.kind, body)
	}
	v.absences(ap)
	ap.blocks(v.refs)
	ap.inputs(v.refs)
	ap.runtime()
	ap.sameBoot()
	ap.window()
	ap.chainHistory()
	ap.brackets()
	ap.tdLogs()
	ap.bootLog(v.refs) // whose references ask what explains the later registers
	ap.ima(v.refs)
	ap.freshness() // of what engines state, by then also as blocks and the list show it
	ap.clock(a.options.History)
	ap.closedWorld(v.refs, a.options.Asked)
	return ap
}

// state keeps the claims for the result, with what they are worth.
func (ap *Appraised) state(k attest.Kind, body []byte) {
	view, err := attest.View(body, attest.NoNames)
	if err != nil {
		ap.findings.bad("claims.malformed", string(k), Asserted, "viewable", err)
		return
	}
	c := ClaimWithStanding{Assurance: Asserted, Claims: view}
	if k == attest.KindTPM {
		c.Note = "the quote and its registers: " + string(ap.auth.rootAssurance()) + "; the rest: asserted"
	}
	if k == attest.KindTDX && ap.auth.td != nil {
		c.Note = "the quote: " + string(ap.auth.tdAssurance()) + "; the rest: asserted"
		c.Quote = ap.tdFacts()
	}
	ap.claims[k] = c
	ap.findings.good("kind.stated", string(k), Asserted, fmt.Sprintf("%d bytes", len(body)))
}

// staleAfter is how old the claims of a kind may be when the challenge was made.
// Slow sweeps run on their own schedule; hours mean that nobody looked.
const staleAfter = 10 * time.Minute

// fresh compares the node's own times with the validator's: a hint, never a proof, since the node says when it looked.
func (ap *Appraised) fresh(k attest.Kind, obtained uint64) {
	issued, received := ap.auth.challenge.Issued, ap.auth.record.Received
	skew := uint64(clockSkew.Milliseconds())
	if obtained+uint64(staleAfter.Milliseconds()) < issued || obtained > received+skew {
		ap.findings.warn("kind.stale", string(k), Asserted, "at most "+staleAfter.String()+" before "+stamp(issued), stamp(obtained))
	}
}

// absences reports kinds that any tier asks for and the node states as absent.
func (v *Verifier) absences(ap *Appraised) {
	asked := v.policy[ap.auth.options.Asked].Kinds
	for _, a := range ap.auth.bound.Absent {
		k := attest.Kind(a.What)
		seen := string(a.Reason) + ": " + a.Detail
		switch answer := asked[k]; {
		case slices.Contains(ap.auth.challenge.Kinds, k) && a.Reason != attest.NotBuilt, answer == Required:
			ap.findings.warn("kind.absent", string(k), Asserted, "stated", seen)
		case answer == Expected:
			ap.findings.unknown("kind.absent", string(k), Asserted, "stated", seen)
		}
	}
}

// inputs reports settings that could make the agent describe something else than its host.
func (ap *Appraised) inputs(refs *References) {
	if odd := ap.auth.bound.Inputs.NonDefault; len(odd) > 0 {
		ap.findings.warn("inputs.nondefault", "effective inputs", Asserted, "defaults", strings.Join(odd, ", "))
	}
	for _, m := range ap.auth.bound.Measurements {
		ap.programs(refs, m)
	}
}

// programs compares the stated digests of agent and probe. They are the owner's
// word, so a difference is never a contradiction: whoever changes the agent changes its word too.
func (ap *Appraised) programs(refs *References, m attest.Measurement) {
	var s attest.Software
	if m.Format != attest.FormatSoftware {
		ap.findings.bad("claims.malformed", "measurements", Asserted, attest.FormatSoftware, m.Format)
		return
	}
	if err := attest.Unmarshal(m.Bytes, &s, attest.MaxRequestSize); err != nil {
		ap.findings.bad("claims.malformed", "measurements", Asserted, "within the format", err)
		return
	}
	ap.software = s
	if !refs.given {
		return
	}
	for _, p := range []struct {
		role attest.Role
		name string
		file *attest.FileDigest
	}{{attest.RoleAgent, "hallmark-agent", s.Agent}, {attest.RoleProbe, "hallmark-gpuprobe", s.Probe}} {
		if p.file == nil {
			continue
		}
		if got, _ := refs.program(p.role, p.name, *p.file); got == matchesReference {
			ap.findings.good("agent.executable.match", p.name, Asserted, p.file.FSVerity.Short())
		} else {
			ap.findings.unknown("agent.executable.unknown", p.name, Asserted, "a referenced digest", p.file.FSVerity)
		}
	}
}
