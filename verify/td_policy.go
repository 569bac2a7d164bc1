package verify

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/attest/tdx/policy"
	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
	"github.com/hallmark-attest/hallmark/internal/strictjson"
)

// tdPolicyFile is a TD policy as JSON. What is left out, or null, is as in DefaultTDPolicy; an empty list, which would accept
// nothing or anything, is refused.
type tdPolicyFile struct {
	MRTD          []hexMeasurement   `json:"mrtd,omitempty"`
	RTMR          [][]hexMeasurement `json:"rtmr,omitempty"` // four
	MRSEAM        []hexMeasurement   `json:"mrseam,omitempty"`
	MRCONFIGID    []hexMeasurement   `json:"mrconfigid,omitempty"`
	MROWNER       []hexMeasurement   `json:"mrowner,omitempty"`
	MROWNERCONFIG []hexMeasurement   `json:"mrownerconfig,omitempty"`
	MRSERVICETD   []hexMeasurement   `json:"mrservicetd,omitempty"` // zero or not shown unless given
	Attributes    *tdBits            `json:"attributes,omitempty"`
	TCB           *tdTCB             `json:"tcb,omitempty"`
	Platforms     map[string]string  `json:"platforms,omitempty"` // name by the platform's digest, as a result states it
}

type tdBits struct {
	Must uint64 `json:"must"`
	May  uint64 `json:"may"`
}

type tdTCB struct {
	Accept        []collateral.Status `json:"accept,omitempty"`
	Advisories    []string            `json:"advisories,omitempty"` // accepted ones; left out: any
	MinEvaluation uint32              `json:"min_evaluation,omitempty"`
	GraceDays     int                 `json:"grace_days,omitempty"`
	StaleDays     int                 `json:"stale_days,omitempty"`
}

type hexMeasurement quote.Measurement

// UnmarshalText reads 96 hexadecimal digits.
func (m *hexMeasurement) UnmarshalText(b []byte) error {
	if hex.DecodedLen(len(b)) != len(m) {
		return fmt.Errorf("measurement of %d digits, want %d", len(b), 2*len(m))
	}
	_, err := hex.Decode(m[:], b)
	return err
}

// ParseTDPolicy reads a policy file; unknown members are refused, and those that stand twice.
func ParseTDPolicy(b []byte) (*policy.Policy, error) {
	if len(b) > MaxPolicySize {
		return nil, fmt.Errorf("td policy: %d bytes, limit %d", len(b), MaxPolicySize)
	}
	if s := bytes.TrimSpace(b); len(s) == 0 || string(s) == "null" {
		return nil, errors.New("td policy: an empty file; {} is the default policy, which accepts any image")
	}
	var f tdPolicyFile
	if err := strictjson.Decode(b, &f); err != nil {
		return nil, fmt.Errorf("td policy: %w", err)
	}
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("td policy: %w", err)
	}
	p := DefaultTDPolicy()
	if f.RTMR == nil {
		f.RTMR = make([][]hexMeasurement, len(p.RTMR))
	}
	for to, list := range map[*policy.Values][]hexMeasurement{&p.MRTD: f.MRTD, &p.MRSEAM: f.MRSEAM, &p.MRCONFIGID: f.MRCONFIGID, &p.MROWNER: f.MROWNER,
		&p.MROWNERCONFIG: f.MROWNERCONFIG, &p.MRSERVICETD: f.MRSERVICETD, &p.RTMR[0]: f.RTMR[0], &p.RTMR[1]: f.RTMR[1], &p.RTMR[2]: f.RTMR[2], &p.RTMR[3]: f.RTMR[3]} {
		if len(list) > 0 {
			*to = policy.Values{}
			for _, m := range list {
				to.Any = append(to.Any, quote.Measurement(m))
			}
		}
	}
	if f.Attributes != nil {
		p.Attributes = policy.Bits{Must: f.Attributes.Must, May: f.Attributes.May}
	}
	if t := f.TCB; t != nil {
		t.apply(&p.TCB)
	}
	if err := f.platforms(&p); err != nil {
		return nil, err
	}
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("td policy: %w", err)
	}
	return &p, nil
}

// maxTDDays bounds times of a policy: a hundred years.
const maxTDDays = 36500

// check refuses lists that leave a question open, and times that no clock has.
func (f *tdPolicyFile) check() error {
	if f.RTMR != nil && len(f.RTMR) != 4 {
		return fmt.Errorf("rtmr: %d lists, want four; null leaves one out", len(f.RTMR))
	}
	lists := map[string][]hexMeasurement{"mrtd": f.MRTD, "mrseam": f.MRSEAM, "mrconfigid": f.MRCONFIGID, "mrowner": f.MROWNER, "mrownerconfig": f.MROWNERCONFIG, "mrservicetd": f.MRSERVICETD}
	for i, l := range f.RTMR {
		lists[fmt.Sprintf("rtmr %d", i)] = l
	}
	for name, l := range lists {
		if l != nil && len(l) == 0 {
			return fmt.Errorf("%s: an empty list; leave it out to accept any", name)
		}
	}
	if f.Platforms != nil && len(f.Platforms) == 0 {
		return errors.New("platforms: none; leave it out to accept any")
	}
	t := f.TCB
	if t == nil {
		return nil
	}
	if t.Accept != nil && len(t.Accept) == 0 {
		return errors.New("tcb: accept: an empty list; leave it out for the default")
	}
	for _, d := range []int{t.GraceDays, t.StaleDays} {
		if d < 0 || d > maxTDDays {
			return fmt.Errorf("tcb: %d days, limit %d", d, maxTDDays)
		}
	}
	return nil
}

func (t *tdTCB) apply(to *policy.TCB) {
	const day = 24 * time.Hour
	if len(t.Accept) > 0 {
		to.Accept = t.Accept
	}
	if t.Advisories != nil {
		to.AnyAdvisory, to.Advisories = false, t.Advisories
	}
	if t.MinEvaluation > 0 {
		to.AnyEvaluation, to.MinEvaluation = false, t.MinEvaluation
	}
	to.Grace, to.AcceptStale = time.Duration(t.GraceDays)*day, time.Duration(t.StaleDays)*day
}

func (f *tdPolicyFile) platforms(p *policy.Policy) error {
	if len(f.Platforms) == 0 {
		return nil
	}
	p.Platforms = policy.Platforms{Known: map[[32]byte]string{}}
	for id, name := range f.Platforms {
		var d attest.Digest
		if b, err := hex.DecodeString(id); err != nil || copy(d[:], b) != len(d) || len(b) != len(d) {
			return fmt.Errorf("td policy: platform %.80q is not 64 hexadecimal digits", id)
		}
		p.Platforms.Known[d] = name
	}
	return nil
}
