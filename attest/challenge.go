package attest

import (
	"errors"
	"fmt"
	"slices"
)

// Request is what every validator-signed request carries: who may read it, when, once.
type Request struct {
	Nonce    Nonce  `cbor:"2,keyasint"`
	Issued   uint64 `cbor:"3,keyasint"` // milliseconds since the Unix epoch
	Expires  uint64 `cbor:"4,keyasint"` // milliseconds since the Unix epoch
	Audience UEID   `cbor:"5,keyasint"`
}

func (r Request) check() error {
	switch {
	case r.Nonce == Nonce{}:
		return errors.New("nonce is all zero")
	case r.Expires <= r.Issued:
		return errors.New("expires is not after issued")
	case r.Expires-r.Issued > MaxLifeMillis:
		return fmt.Errorf("life of %d ms, limit %d", r.Expires-r.Issued, MaxLifeMillis)
	case r.Audience[0] != 1:
		return fmt.Errorf("audience type %#02x, want 0x01", r.Audience[0])
	}
	return nil
}

// Challenge is a validator's fresh question (the payload of a TypeChallenge document).
type Challenge struct {
	Profiles []string `cbor:"1,keyasint"` // acceptable, best first
	Nonce    Nonce    `cbor:"2,keyasint"`
	Issued   uint64   `cbor:"3,keyasint"` // milliseconds since the Unix epoch
	Expires  uint64   `cbor:"4,keyasint"` // milliseconds since the Unix epoch
	Audience UEID     `cbor:"5,keyasint"`
	Kinds    []Kind   `cbor:"6,keyasint"` // wanted, sorted, distinct
	// Window asks for telemetry; nil for none.
	Window *WindowRequest `cbor:"7,keyasint,omitempty"`
	// Blocks asks for proofs of weights, sorted by model.
	Blocks []BlockRequest `cbor:"8,keyasint,omitempty"`
	Logs   *Logs          `cbor:"10,keyasint,omitempty"`
}

// Logs says from which byte each log is wanted; nil is "none".
type Logs struct {
	Boot *uint64 `cbor:"boot"`
	IMA  *uint64 `cbor:"ima"`
	CEL  *uint64 `cbor:"cel"`
	CCEL *uint64 `cbor:"ccel"`
	RTMR *uint64 `cbor:"rtmr,omitempty"`
}

// Offsets lists the logs that are wanted, by name.
func (l *Logs) Offsets() map[string]uint64 {
	out := map[string]uint64{}
	if l == nil {
		return out
	}
	for name, at := range map[string]*uint64{LogBoot: l.Boot, LogIMA: l.IMA, LogCEL: l.CEL, LogCCEL: l.CCEL, LogRTMR: l.RTMR} {
		if at != nil {
			out[name] = *at
		}
	}
	return out
}

// Request returns the part that every signed request has.
func (c *Challenge) Request() Request { return Request{c.Nonce, c.Issued, c.Expires, c.Audience} }

// ParseChallenge decodes and checks a challenge's payload.
func ParseChallenge(b []byte) (*Challenge, error) {
	var c Challenge
	if err := Unmarshal(b, &c, MaxRequestSize); err != nil {
		return nil, fmt.Errorf("challenge: %w", err)
	}
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("challenge: %w", err)
	}
	return &c, nil
}

// Check compares every field with its limit.
func (c *Challenge) Check() error {
	if err := c.Request().check(); err != nil {
		return err
	}
	if n := len(c.Profiles); n == 0 || n > MaxProfiles {
		return fmt.Errorf("%d profiles, want 1 to %d", n, MaxProfiles)
	}
	for _, p := range c.Profiles {
		if p == "" || len(p) > MaxText {
			return fmt.Errorf("profile of %d bytes", len(p))
		}
	}
	if err := CheckBlockRequests(c.Blocks); err != nil {
		return err
	}
	if err := c.Window.check(); err != nil {
		return err
	}
	return checkKinds(c.Kinds)
}

func checkKinds(kinds []Kind) error {
	if n := len(kinds); n == 0 || n > MaxKinds {
		return fmt.Errorf("%d kinds, want 1 to %d", n, MaxKinds)
	}
	for i, k := range kinds {
		if !k.Known() {
			return fmt.Errorf("unknown kind %q", cut(string(k), 40))
		}
		if i > 0 && kinds[i-1] >= k {
			return errors.New("kinds are not sorted and distinct")
		}
	}
	return nil
}

// Accepts reports whether the challenge accepts answers in the given profile.
func (c *Challenge) Accepts(profile string) bool { return slices.Contains(c.Profiles, profile) }
