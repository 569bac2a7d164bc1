package gpu

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/hallmark-attest/hallmark/attest"
)

// Parse decodes claims of kind "gpu" and checks them.
func Parse(b []byte) (*Claims, error) {
	c := new(Claims)
	if err := attest.Unmarshal(b, c, MaxClaimsSize); err != nil {
		return nil, fmt.Errorf("gpu claims: %w", err)
	}
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("gpu claims: %w", err)
	}
	return c, nil
}

// Check holds the claims against the limits, the closed sets, the order of lists,
// and the rule that every value is either given or named as absent. It judges form
// alone: an H100 with the memory of a T4 passes here and falls in package verify.
func (c *Claims) Check() error {
	if err := attest.CheckAbsences(c.Absent); err != nil {
		return err
	}
	for i := 1; i < len(c.Absent); i++ {
		if c.Absent[i-1].What >= c.Absent[i].What {
			return fmt.Errorf("absent: %q out of order", c.Absent[i].What)
		}
	}
	err := errors.Join(text("how", &c.How), c.checkSystem(), c.checkDevices(), c.checkPairs())
	if err != nil {
		return err
	}
	return c.checkGaps()
}

func (c *Claims) checkSystem() error {
	k := &c.Confidential
	return errors.Join(text("driver_version", c.DriverVersion), text("nvml_version", c.NVMLVersion),
		text("cuda_version", c.CUDAVersion), enum("cpu", CPUCapability, k.CPU),
		enum("environment", Environment, k.Environment), enum("feature", Feature, k.Feature),
		enum("multi_gpu", MultiGPUMode, k.MultiGPU))
}

func (c *Claims) checkDevices() error {
	if n := len(c.GPUs); n == 0 || n > MaxDevices {
		return fmt.Errorf("%d GPUs, limit %d, and none is an absence of the kind", n, MaxDevices)
	}
	processes := 0
	for i := range c.GPUs {
		d := &c.GPUs[i]
		if i > 0 && compareDevices(c.GPUs[i-1], *d) >= 0 {
			return fmt.Errorf("gpu[%s]: out of order or twice", d.key())
		}
		if err := d.check(); err != nil {
			return fmt.Errorf("gpu %d: %w", i, err)
		}
		if processes += len(d.Processes); processes > MaxProcesses {
			return fmt.Errorf("more than %d processes", MaxProcesses)
		}
	}
	return nil
}

// checkPairs wants every pair once: a pair left out is not a pair said absent.
func (c *Claims) checkPairs() error {
	n, next := len(c.GPUs), 0
	if want := n * (n - 1) / 2; len(c.Pairs) != want {
		return fmt.Errorf("%d pairs of %d GPUs, want %d", len(c.Pairs), n, want)
	}
	for a := range n {
		for b := a + 1; b < n; b++ {
			p := c.Pairs[next]
			if p.A != uint64(a) || p.B != uint64(b) {
				return fmt.Errorf("pair %d is (%d,%d), want (%d,%d)", next, p.A, p.B, a, b)
			}
			err := cmp.Or(enum("common_ancestor", Ancestor, p.CommonAncestor), enum("nvlink_p2p", P2PStatus, p.NVLinkP2P))
			if err != nil {
				return fmt.Errorf("pair %d: %w", next, err)
			}
			next++
		}
	}
	return nil
}

// checkGaps refuses a value that is neither given nor named as absent, by itself or
// with all of what it is part of. The absence of a list says nothing of the elements
// that are listed: such a list is incomplete.
func (c *Claims) checkGaps() error {
	named := make(map[string]bool, len(c.Absent))
	for _, a := range c.Absent {
		named[a.What] = true
	}
	known := make(map[*place]bool) // of the places gaps are in, so that each is worked out once
	var isNamed func(p *place) bool
	isNamed = func(p *place) bool {
		if p == nil {
			return false
		}
		is, ok := known[p]
		if !ok {
			is = slices.ContainsFunc(p.spellings(), func(s string) bool { return named[s] }) || isNamed(p.parent)
			known[p] = is
		}
		return is
	}
	var err error
	gaps(*c, func(p *place) {
		if err == nil && !isNamed(p) {
			err = fmt.Errorf("%s: neither given nor named as absent", p.spellings()[0])
		}
	})
	return err
}

var version = regexp.MustCompile(`^[0-9]{1,4}\.[0-9]{1,4}$`)

func text(name string, s *string) error {
	if s != nil && (*s == "" || Text(*s) != *s) {
		return fmt.Errorf("%s: not clean text of 1 to %d bytes", name, MaxText)
	}
	return nil
}

func enum(name string, set Set, s *string) error {
	if s != nil && !set.Has(*s) {
		return fmt.Errorf("%s: %.*q is not in the closed set", name, MaxText, *s)
	}
	return nil
}

func below64(name string, v *uint64, limit uint64) error {
	if v != nil && *v > limit {
		return fmt.Errorf("%s: %d, limit %d", name, *v, limit)
	}
	return nil
}
