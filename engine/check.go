package engine

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/hallmark-attest/hallmark/attest"
)

// Parse decodes claims of kind "engine" and checks them.
func Parse(b []byte) (*Claims, error) {
	c := new(Claims)
	if err := attest.Unmarshal(b, c, MaxClaimsSize); err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	return c, nil
}

// Check holds the claims against the limits, closed sets and orders of
// docs/kinds/engine.md. It judges form only.
func (c *Claims) Check() error {
	if err := attest.CheckAbsences(c.Absent); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	if len(c.Engines) > MaxEngines {
		return fmt.Errorf("engine: %d engines, limit %d", len(c.Engines), MaxEngines)
	}
	if err := checkText(c.How); err != nil {
		return fmt.Errorf("engine: how: %w", err)
	}
	for i := range c.Engines {
		if err := c.Engines[i].check(); err != nil {
			return fmt.Errorf("engine: engines[%d]: %w", i, err)
		}
	}
	return nil
}

var errText = fmt.Errorf("text over %d bytes or with control characters", attest.MaxText)

// checkText accepts what attest.Clean leaves unchanged.
func checkText(list ...string) error {
	for _, s := range list {
		if s != attest.Clean(s) {
			return errText
		}
	}
	return nil
}

// bounded compares the lengths of an engine's lists with their limits.
func (e *Engine) bounded() error {
	for _, l := range []struct {
		what     string
		n, limit int
	}{{"public", len(e.Public), MaxPublic}, {"listening", len(e.Listening), MaxListening}, {"hops", len(e.Hops), MaxHops}, {"tree", len(e.Tree), MaxProcesses},
		{"sharing_pids", len(e.Sharing), MaxProcesses}, {"libraries", len(e.Libraries), MaxLibraries}, {"weights", len(e.Weights), MaxWeights},
		{"models", len(e.Models), attest.MaxModels}} {
		if l.n > l.limit {
			return fmt.Errorf("%s: %d, limit %d", l.what, l.n, l.limit)
		}
	}
	return nil
}

func (e *Engine) check() error {
	if err := e.bounded(); err != nil {
		return err
	}
	if err := checkText(append([]string{e.Name, e.Endpoint, e.Kind, e.Declared.Model, e.Declared.Precision}, e.Public...)...); err != nil {
		return err
	}
	if g := e.Declared.Speculation; g != nil && *g > attest.MaxSpeculation {
		return fmt.Errorf("declared.speculation: %d, limit %d", *g, attest.MaxSpeculation)
	}
	for _, l := range e.Listening {
		if err := checkText(l.Address); err != nil || l.Port == 0 || l.Port > 65535 {
			return fmt.Errorf("listening: port %d: %w", l.Port, cmp.Or(err, errors.New("out of range")))
		}
	}
	for i, h := range e.Hops {
		if err := cmp.Or(checkText(h.To), h.Process.check()); err != nil {
			return fmt.Errorf("hops[%d]: %w", i, err)
		}
	}
	if e.Process != nil {
		if err := e.Process.check(); err != nil {
			return fmt.Errorf("process: %w", err)
		}
	}
	if !slices.IsSortedFunc(e.Tree, func(a, b Child) int { return cmp.Compare(a.PID, b.PID) }) || !slices.IsSorted(e.Sharing) {
		return errors.New("processes not in order")
	}
	for _, k := range e.Tree {
		if err := checkText(k.ExePath); err != nil {
			return err
		}
	}
	return e.checkFiles()
}

func (e *Engine) checkFiles() error {
	for i, l := range e.Libraries {
		if err := cmp.Or(checkText(l.Path), l.FileDigest.check()); err != nil {
			return fmt.Errorf("libraries[%d]: %w", i, err)
		}
		if i > 0 && compareFile(e.Libraries[i-1].Path, e.Libraries[i-1].FileDigest, l.Path, l.FileDigest) > 0 {
			return fmt.Errorf("libraries[%d]: not in order", i)
		}
	}
	for i, w := range e.Weights {
		if err := cmp.Or(checkText(w.Path), w.FileDigest.check()); err != nil {
			return fmt.Errorf("weights[%d]: %w", i, err)
		}
		if w.Source != HeldMapped && w.Source != HeldOpen && w.Source != HeldBoth {
			return fmt.Errorf("weights[%d]: unknown source %q", i, w.Source)
		}
		if i > 0 && compareFile(e.Weights[i-1].Path, e.Weights[i-1].FileDigest, w.Path, w.FileDigest) > 0 {
			return fmt.Errorf("weights[%d]: not in order", i)
		}
	}
	for i := range e.Models {
		if err := e.Models[i].check(); err != nil {
			return fmt.Errorf("models[%d]: %w", i, err)
		}
	}
	return nil
}

func compareFile(a string, da FileDigest, b string, db FileDigest) int {
	return cmp.Or(cmp.Compare(a, b), slices.Compare(da.FSVerity, db.FSVerity))
}

func (p *Process) check() error {
	if p.Exe != nil {
		if err := p.Exe.check(); err != nil {
			return fmt.Errorf("exe: %w", err)
		}
	}
	if len(p.Args) > MaxFlags || len(p.Environment) > MaxVariables {
		return fmt.Errorf("%d flags, %d variables", len(p.Args), len(p.Environment))
	}
	for _, list := range [][]Pair{p.Args, p.Environment} {
		if !slices.IsSortedFunc(list, func(a, b Pair) int { return cmp.Compare(a.Name, b.Name) }) {
			return errors.New("flags or variables not in order")
		}
		for _, v := range list {
			if err := checkText(v.Name, v.Value); err != nil {
				return err
			}
		}
	}
	return checkText(p.ExePath, p.Cgroup, p.Container)
}

func (d *FileDigest) check() error {
	if len(d.FSVerity) == 0 {
		if len(d.SHA256) != 0 || d.DigestSource != "" || d.Freshness != "" || d.DigestAtMs != 0 || d.CheckedAtMs != 0 {
			return errors.New("facts about a digest that is not there")
		}
		return nil
	}
	switch {
	case len(d.FSVerity) != 32 || len(d.SHA256) != 0 && len(d.SHA256) != 32:
		return fmt.Errorf("digests of %d and %d bytes", len(d.FSVerity), len(d.SHA256))
	case d.DigestSource != SourceComputed && d.DigestSource != SourceKernel:
		return fmt.Errorf("unknown digest source %q", d.DigestSource)
	case !validFreshness(d.Freshness):
		return fmt.Errorf("unknown freshness %q", d.Freshness)
	case d.SizeBytes > MaxFileBytes:
		return fmt.Errorf("size %d, limit %d", d.SizeBytes, uint64(MaxFileBytes))
	}
	return nil
}

func validFreshness(s string) bool { return slices.Contains(freshness, s) }

// check also recomputes the digest where all entries are stated: a node cannot
// name one model and list the files of another.
func (m *Model) check() error {
	if err := checkText(m.Path); err != nil {
		return err
	}
	if m.Complete != (len(m.Digest) == 32) || !m.Complete && len(m.Digest) != 0 {
		return fmt.Errorf("complete is %v and the digest has %d bytes", m.Complete, len(m.Digest))
	}
	if m.Census != nil {
		if err := m.Census.Check(); err != nil {
			return err
		}
		if !m.Complete || m.Census.Files > m.Files {
			return fmt.Errorf("census of %d files, the model has %d and complete is %v", m.Census.Files, m.Files, m.Complete)
		}
	}
	if m.Freshness != "" && !validFreshness(m.Freshness) || m.Files > attest.MaxModelFiles {
		return fmt.Errorf("freshness %q, %d files", m.Freshness, m.Files)
	}
	if len(m.Entries) == 0 {
		return nil
	}
	if len(m.Entries) > MaxEntries || uint64(len(m.Entries)) != m.Files || m.Entries.Size() != m.SizeBytes {
		return fmt.Errorf("%d entries, %d files", len(m.Entries), m.Files)
	}
	d, err := m.Entries.Digest()
	if err == nil && m.Complete && !slices.Equal(d[:], m.Digest) {
		err = errors.New("digest is not that of the entries")
	}
	return err
}
