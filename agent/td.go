package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/runlog"
	"github.com/hallmark-attest/hallmark/attest/tdx"
)

// TD is the trust domain that this host is, as the collector asks it; package tdx's
// Device is one. Outside of a TD its methods fail with an *attest.AbsentError.
type TD interface {
	Claims(ctx context.Context, now time.Time) (*tdx.Claims, error)
	Quote(ctx context.Context, reportData [64]byte) ([]byte, error)
	EventLog(ctx context.Context) (tdx.EventLog, error)
	Register(ctx context.Context) (runlog.Register, error)
}

// Times of a TD. A quote comes from another machine's service by way of the hypervisor.
const (
	tdEvery    = time.Minute
	tdDeadline = 10 * time.Second
)

// trustDomain is a TD and the runtime log in its RTMR3.
type trustDomain struct {
	TD
	events *runtimeLog
	opened chan struct{}
}

func newTrustDomain(o CollectorOptions, start func() runlog.Facts) *trustDomain {
	return &trustDomain{TD: o.TD, events: newRuntimeLog(o, rtmrFile, tdx.RuntimeIndex, start), opened: make(chan struct{})}
}

// open begins the runtime log, once, where RTMR3 can be extended.
func (d *trustDomain) open(ctx context.Context) {
	defer close(d.opened)
	ctx, cancel := context.WithTimeout(ctx, tdDeadline)
	defer cancel()
	register, err := d.Register(ctx)
	var why *attest.AbsentError
	switch {
	case errors.As(err, &why):
		d.events.none(why.Absence)
	case err != nil:
		d.events.none(attest.Absent("", attest.Failed, "%s", attest.Clean(err.Error())))
	default:
		d.events.open(ctx, register)
	}
}

// source states the TD's claims, once the runtime log is there or is known not to be.
func (d *trustDomain) source(now func() time.Time) Source {
	return Source{Kind: attest.KindTDX, Every: tdEvery, Deadline: tdDeadline,
		Check: func(b []byte) error { _, err := tdx.Parse(b); return err },
		Collect: func(ctx context.Context) (any, error) {
			select {
			case <-d.opened:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			c, err := d.Claims(ctx, now())
			if errors.Is(err, tdx.ErrHung) {
				return nil, &attest.AbsentError{Absence: attest.Absent(string(attest.KindTDX), attest.Timeout, "an earlier request for a quote has not returned: the host's quoting service hangs")}
			}
			if err != nil {
				return nil, err
			}
			if register, absence := d.events.state(); absence == nil {
				return c.WithRuntimeLog(register-1, nil), nil // RTMRs are numbered from 0, a log's registers from MRTD
			} else if c.RTMRExtend {
				return c.WithRuntimeLog(0, absence), nil
			}
			return c, nil
		}}
}

// ccel is the LogReader of the firmware's event log: the ACPI table, which states its own length, and the log behind it.
func (d *trustDomain) ccel(ctx context.Context, offset uint64, most int) ([]byte, bool, error) {
	l, err := d.EventLog(ctx)
	if err != nil {
		return nil, false, err
	}
	all := slices.Concat(l.Table, l.Log)
	if offset >= uint64(len(all)) {
		return nil, false, nil
	}
	rest := all[offset:]
	return rest[:min(len(rest), most)], len(rest) > most, nil
}

// outsideClass takes out what a batch of the fast class does not ask its devices for.
func outsideClass(states map[attest.Kind]stated, class attest.Class) {
	if s, ok := states[attest.KindTDX]; class == attest.ClassFast && ok && s.absence == nil {
		states[attest.KindTDX] = absent(attest.KindTDX, attest.NotAsked, "ask for kind tdx")
	}
}

// tdSilent is an error where a batch asks for the TD and the TD does not answer now, though it may soon. On a host without TPM, whoever enrolled
// it would take its absence for a TD withdrawn: rather no evidence than one that accuses its own node.
func tdSilent(states map[attest.Kind]stated, class attest.Class) error {
	a := states[attest.KindTDX].absence
	if class == attest.ClassFast || a == nil {
		return nil
	}
	switch a.Reason {
	case attest.NotYet, attest.Timeout, attest.Failed, attest.Crashed:
		return fmt.Errorf("td claims: %s: %s", a.Reason, a.Detail)
	}
	return nil
}

// tdQuote asks the TD for a quote over the binding, where the claims of this evidence
// state one. Without it there is no evidence: claims of a TD without its quote read like a forgery.
func (c *Collector) tdQuote(ctx context.Context, b *attest.Bound, binding attest.Digest, t *heldTPM) ([]byte, error) {
	if _, ok := b.Submods[attest.KindTDX]; !ok {
		return nil, nil
	}
	var ak attest.Digest
	if t != nil {
		ak = attest.NameDigest(t.AKName())
	}
	q, err := c.td.Quote(ctx, attest.TDXReportData(binding, ak, attest.Digest{}))
	if err != nil {
		return nil, fmt.Errorf("td quote: %w", err)
	}
	return q, nil
}
