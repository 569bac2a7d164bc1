package collateral

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest/tdx/internal/vectors"
	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
	"github.com/hallmark-attest/hallmark/internal/sim/tdx"
)

var mutatedAt = time.Date(2026, 2, 19, 0, 0, 0, 0, time.UTC)

// meaning is all that a judgement takes from collateral.
type meaning struct {
	Info    tcbInfo
	QE      qeIdentity
	CA      []byte
	Windows []Window
	Revoked [2]map[string]time.Time
}

func meaningOf(k *Checked) meaning {
	return meaning{k.c.info, k.c.qe, k.ca.RawSubjectPublicKeyInfo, k.windows, [2]map[string]time.Time{k.revokedCA, k.revokedPCK}}
}

// TestMutatedCollateral: no mutant panics or allocates without bound, and one that is accepted says what one of the two files says, or a
// mixture of parts that Intel signed.
func TestMutatedCollateral(t *testing.T) {
	files, roots := twoFiles(t)
	var known []meaning
	parts := make([]map[string]string, 2)
	for i, f := range files {
		if err := json.Unmarshal(f, &parts[i]); err != nil {
			t.Fatal(err)
		}
		known = append(known, checked(t, f, roots))
	}
	same := func(m meaning) bool {
		a, b := known[0], known[1]
		return (reflect.DeepEqual(m.Info, a.Info) || reflect.DeepEqual(m.Info, b.Info)) && (reflect.DeepEqual(m.QE, a.QE) || reflect.DeepEqual(m.QE, b.QE)) &&
			(maps.EqualFunc(m.Revoked[0], a.Revoked[0], time.Time.Equal) || maps.EqualFunc(m.Revoked[0], b.Revoked[0], time.Time.Equal)) &&
			(maps.EqualFunc(m.Revoked[1], a.Revoked[1], time.Time.Equal) || maps.EqualFunc(m.Revoked[1], b.Revoked[1], time.Time.Equal)) &&
			slices.Equal(m.CA, a.CA) && fromEither(m.Windows, a.Windows, b.Windows)
	}
	var accepted atomic.Int64
	vectors.Each(t, 2<<20, func(r *rand.Rand) {
		f := mutant(t, r, files, parts)
		c, err := Parse(f)
		if err != nil {
			return
		}
		k, err := c.Check(roots, mutatedAt)
		if err != nil {
			return
		}
		if accepted.Add(1); !same(meaningOf(k)) {
			t.Errorf("accepted with another meaning: %s", f)
		}
	})
	t.Logf("%d mutants, %d accepted with the meaning they had", vectors.Mutations(t), accepted.Load())
}

// twoFiles are the captured ones, or two of the simulator.
func twoFiles(t testing.TB) ([][]byte, *x509.CertPool) {
	t.Helper()
	a, ok := vectors.Try("phala-tdx_quote.collateral.json")
	b, ok2 := vectors.Try("phala-tdx_quote_outdated.collateral.json")
	if ok && ok2 {
		roots, err := quote.IntelRoots()
		if err != nil {
			t.Fatal(err)
		}
		return [][]byte{a, b}, roots
	}
	auth, err := tdx.NewAuthority("mutate", mutatedAt)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for i := range 2 {
		p, err := auth.Platform(tdx.PlatformOptions{Seed: string(rune('a' + i))})
		if err != nil {
			t.Fatal(err)
		}
		c, err := p.NewTD(tdx.Defaults()).Collateral(tdx.CollateralOptions{RevokeOthers: 3 + i, Evaluation: uint32(17 + i), Module: tdx.Judged{Status: tdx.OutOfDate}})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c.JSON())
	}
	return out, auth.Pool()
}

func fromEither(have, a, b []Window) bool {
	return len(have) == len(a) && !slices.ContainsFunc(have, func(w Window) bool { return !slices.Contains(a, w) && !slices.Contains(b, w) })
}

func checked(t *testing.T, file []byte, roots *x509.CertPool) meaning {
	t.Helper()
	c, err := Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	k, err := c.Check(roots, mutatedAt)
	if err != nil {
		t.Fatal(err)
	}
	return meaningOf(k)
}

// mutant changes the file as a whole or one of its nine strings, which may also come from the other file.
func mutant(t *testing.T, r *rand.Rand, files [][]byte, parts []map[string]string) []byte {
	i := r.IntN(2)
	if r.IntN(4) == 0 {
		return vectors.Mutate(r, files[i], files[1-i])
	}
	m, other := maps.Clone(parts[i]), parts[1-i]
	name := qvlMembers[r.IntN(9)]
	switch r.IntN(3) {
	case 0:
		m[name] = other[name]
	case 1:
		if s := m[name]; s != "" && s[0] == '{' { // a member that differs in case, before or behind the others
			extra := `"` + []string{"Version", "version", "TCBLevels", "Fmspc", "ISSUEDATE"}[r.IntN(5)] + `":3`
			if r.IntN(2) == 0 {
				m[name] = "{" + extra + "," + s[1:]
			} else {
				m[name] = s[:len(s)-1] + "," + extra + "}"
			}
			break
		}
		fallthrough
	default:
		m[name] = string(vectors.Mutate(r, []byte(m[name]), []byte(other[name])))
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Error(err)
	}
	return b
}

func FuzzParse(f *testing.F) {
	files, roots := twoFiles(f)
	f.Add(files[0])
	f.Add(files[1])
	f.Fuzz(func(_ *testing.T, file []byte) {
		if c, err := Parse(file); err == nil {
			_, _ = c.Check(roots, mutatedAt)
		}
	})
}

// FuzzStrict: what is found strict has one reading. A second decoder that takes the first of equal names and minds their case agrees with encoding/json.
func FuzzStrict(f *testing.F) {
	for _, s := range []string{`{"a":1,"A":2}`, `{"a":{"b":[1,2,{"c":null}]}}`, `{"\u0061":1,"a":2}`, `[1,"x\"y",true]`, `{"ſvn":1}`, ` { "a" : 1 } `, `{"a":"}{]["}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if strict(raw, 1<<16, "tcbInfo") != nil {
			return
		}
		var v any
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		if err := dec.Decode(&v); err != nil {
			t.Fatalf("strict takes what is no JSON: %q", raw)
		}
		again, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if len(names(v)) != countNames(raw) {
			t.Fatalf("a member is lost: %q, %q", raw, again)
		}
	})
}

func names(v any) (out []string) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			out = append(append(out, k), names(e)...)
		}
	case []any:
		for _, e := range v {
			out = append(out, names(e)...)
		}
	}
	return out
}

// countNames counts colons outside strings.
func countNames(raw []byte) (n int) {
	inside := false
	for i := 0; i < len(raw); i++ {
		switch {
		case inside && raw[i] == '\\':
			i++
		case raw[i] == '"':
			inside = !inside
		case !inside && raw[i] == ':':
			n++
		}
	}
	return n
}
