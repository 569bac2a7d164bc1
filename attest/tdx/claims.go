package tdx

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// How is how these claims are obtained.
const How = "configfs-tsm"

// Claims are the claims of kind "tdx" (docs/kinds/tdx.md): what stands beside the quote and is not in it. They are the node's word.
type Claims struct {
	ObtainedAt      uint64           `cbor:"obtained_at"` // Unix ms
	How             string           `cbor:"how"`
	Provider        string           `cbor:"provider"`
	RTMRExtend      bool             `cbor:"rtmr_extend"`                // the kernel offers it
	RuntimeRegister *uint            `cbor:"runtime_register,omitempty"` // the RTMR that the runtime log extends
	CCEL            *EventLogFacts   `cbor:"ccel,omitempty"`
	Absent          []attest.Absence `cbor:"absent,omitempty"`
}

// EventLogFacts are the sizes of the firmware's event log in bytes.
type EventLogFacts struct {
	TableBytes uint `cbor:"table_bytes"`
	LogBytes   uint `cbor:"log_bytes"`  // without padding
	AreaBytes  uint `cbor:"area_bytes"` // with it
}

// Claims looks at the TD and states what it found, or returns an *attest.AbsentError of "tdx". There is no runtime log in them yet.
func (d *Device) Claims(ctx context.Context, now time.Time) (*Claims, error) {
	if err := d.Detect(ctx); err != nil {
		return nil, err
	}
	c := &Claims{ObtainedAt: uint64(max(0, now.UnixMilli())), How: How, Provider: Provider}
	log, err := d.EventLog(ctx)
	if err := c.note(err); err != nil {
		return nil, err
	}
	if err == nil {
		c.CCEL = &EventLogFacts{TableBytes: uint(len(log.Table)), LogBytes: uint(len(log.Log)), AreaBytes: uint(log.Area)}
	}
	_, err = d.Register(ctx)
	if err := c.note(err); err != nil {
		return nil, err
	}
	c.RTMRExtend = err == nil
	none := attest.Absent(RuntimeRegister, attest.NotConfigured, "no runtime log")
	if a := c.absence(RTMRExtend); a != nil {
		none.Reason, none.Detail = a.Reason, a.Detail
	}
	return c.WithRuntimeLog(0, &none), nil
}

// note takes an absence into the claims and returns any other error.
func (c *Claims) note(err error) error {
	var a *attest.AbsentError
	if errors.As(err, &a) {
		c.Absent = append(c.Absent, a.Absence)
		return nil
	}
	return err
}

// WithRuntimeLog returns the claims with the RTMR of the runtime log, or with the reason why there is none.
func (c *Claims) WithRuntimeLog(register uint, absence *attest.Absence) *Claims {
	out := *c
	out.Absent = attest.WithAbsence(c.Absent, RuntimeRegister, absence)
	if out.RuntimeRegister = nil; absence == nil {
		out.RuntimeRegister = &register
	}
	return &out
}

// Parse decodes and checks the claims of kind "tdx".
func Parse(b []byte) (*Claims, error) {
	c := new(Claims)
	if err := attest.Unmarshal(b, c, MaxClaims); err != nil {
		return nil, fmt.Errorf("tdx claims: %w", err)
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	return c, nil
}

// Check holds claims against limits, closed sets and gaps. A node runs it before sending.
func (c *Claims) Check() error {
	switch {
	case c.ObtainedAt == 0:
		return fmt.Errorf("tdx claims: no obtained_at")
	case c.How != How:
		return fmt.Errorf("tdx claims: how %.32q unknown", c.How)
	case c.Provider != Provider:
		return fmt.Errorf("tdx claims: provider %.32q, want %q", c.Provider, Provider)
	case c.RuntimeRegister != nil && *c.RuntimeRegister != RuntimeRTMR:
		return fmt.Errorf("tdx claims: runtime register %d, want %d", *c.RuntimeRegister, RuntimeRTMR)
	case c.RuntimeRegister != nil && !c.RTMRExtend:
		return fmt.Errorf("tdx claims: a runtime register that cannot be extended")
	}
	if l := c.CCEL; l != nil && (l.TableBytes == 0 || l.TableBytes > MaxEventTable || l.LogBytes > l.AreaBytes || l.AreaBytes == 0 || l.AreaBytes > MaxEventLog) {
		return fmt.Errorf("tdx claims: ccel: table of %d, log of %d in %d bytes", l.TableBytes, l.LogBytes, l.AreaBytes)
	}
	for _, f := range []struct {
		what string
		had  bool
	}{{CCEL, c.CCEL != nil}, {RTMRExtend, c.RTMRExtend}, {RuntimeRegister, c.RuntimeRegister != nil}} {
		if said := c.absence(f.what) != nil; said == f.had {
			return fmt.Errorf("tdx claims: %s: stated %v, stated absent %v", f.what, f.had, said)
		}
	}
	return attest.CheckAbsences(c.Absent)
}

func (c *Claims) absence(what string) *attest.Absence {
	for i := range c.Absent {
		if c.Absent[i].What == what {
			return &c.Absent[i]
		}
	}
	return nil
}
