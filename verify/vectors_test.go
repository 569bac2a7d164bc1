package verify

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/sign"
)

var update = flag.Bool("update", false, "write vectors and generated parts of documents anew")

const vectorDir = "../testdata/vectors"

// vector is one file of testdata/vectors; its README.md says how to read one.
type vector struct {
	comment, expect string
	at              time.Time
	maxAge          time.Duration
	stored          []byte
	validator       *ecdsa.PublicKey
	node, record    []byte

	tier      Tier              // asked; community where empty
	says      []string          // findings that must be said, or not (function wants)
	reference []byte            // a reference file
	verdicts  [][]byte          // signed, of the history
	kept      map[string][]byte // beginnings of logs, of the history
	with      [][]byte          // other records of the node, judged beside this one

	tdxRoots   []byte // DER certificate in place of Intel's root; with it demonstration roots are accepted
	collateral []byte // of the TD's platform, as dcap-qvl writes it
}

func (v vector) bytes() ([]byte, error) {
	var b bytes.Buffer
	spki, err := x509.MarshalPKIXPublicKey(v.validator)
	if err != nil {
		return nil, err
	}
	b64 := base64.StdEncoding.EncodeToString
	fmt.Fprintf(&b, "comment: %s\nexpect: %s\nat: %s\n", v.comment, v.expect, v.at.Format(time.RFC3339))
	if v.maxAge > 0 {
		fmt.Fprintf(&b, "max-age: %s\n", v.maxAge)
	}
	if v.stored != nil {
		fmt.Fprintf(&b, "stored: %s\n", b64(v.stored))
	}
	fmt.Fprintf(&b, "validator: %s\n", b64(spki))
	if v.node != nil {
		fmt.Fprintf(&b, "node: %s\n", b64(v.node))
	}
	if v.tier != "" {
		fmt.Fprintf(&b, "tier: %s\n", v.tier)
	}
	if len(v.says) > 0 {
		fmt.Fprintf(&b, "says: %s\n", strings.Join(v.says, " "))
	}
	if v.reference != nil {
		fmt.Fprintf(&b, "reference: %s\n", b64(v.reference))
	}
	for _, d := range v.verdicts {
		fmt.Fprintf(&b, "verdict: %s\n", b64(d))
	}
	for _, name := range slices.Sorted(maps.Keys(v.kept)) {
		fmt.Fprintf(&b, "kept-%s: %s\n", name, b64(v.kept[name]))
	}
	for _, r := range v.with {
		fmt.Fprintf(&b, "with: %s\n", b64(r))
	}
	if v.tdxRoots != nil {
		fmt.Fprintf(&b, "tdx-roots: %s\n", b64(v.tdxRoots))
	}
	if v.collateral != nil {
		fmt.Fprintf(&b, "collateral: %s\n", b64(v.collateral))
	}
	fmt.Fprintf(&b, "\n%s\n", b64(v.record))
	return b.Bytes(), nil
}

func parseVector(b []byte) (v vector, err error) {
	head, body, ok := bytes.Cut(b, []byte("\n\n"))
	if !ok {
		return v, fmt.Errorf("no empty line between header and record")
	}
	unb64 := func(s string) (out []byte) {
		if err == nil {
			out, err = base64.StdEncoding.DecodeString(strings.TrimSpace(s))
		}
		return out
	}
	for line := range strings.Lines(string(head)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "comment":
			v.comment = value
		case "expect":
			v.expect = value
		case "at":
			v.at, err = time.Parse(time.RFC3339, value)
		case "max-age":
			v.maxAge, err = time.ParseDuration(value)
		case "stored":
			v.stored = unb64(value)
		case "node":
			v.node = unb64(value)
		case "validator":
			if key, perr := x509.ParsePKIXPublicKey(unb64(value)); perr == nil {
				v.validator, _ = key.(*ecdsa.PublicKey)
			}
		case "tier":
			v.tier = Tier(value)
		case "says":
			v.says = strings.Fields(value)
		case "reference":
			v.reference = unb64(value)
		case "verdict":
			v.verdicts = append(v.verdicts, unb64(value))
		case "with":
			v.with = append(v.with, unb64(value))
		case "tdx-roots":
			v.tdxRoots = unb64(value)
		case "collateral":
			v.collateral = unb64(value)
		case "kept-boot", "kept-ima", "kept-cel":
			if v.kept == nil {
				v.kept = map[string][]byte{}
			}
			v.kept[strings.TrimPrefix(key, "kept-")] = unb64(value)
		default:
			return v, fmt.Errorf("unknown header %q", key)
		}
		if err != nil {
			return v, err
		}
	}
	v.record = unb64(string(body))
	return v, err
}

func (v vector) judge() (*Result, error) {
	refs, h, err := v.known()
	if err != nil {
		return nil, err
	}
	o := Options{At: v.at, MaxAge: v.maxAge, Stored: v.stored, Asked: cmp.Or(v.tier, TierCommunity), History: h}
	e := Endorsements{Validator: v.validator, Node: v.node}
	if err := v.believes(&e); err != nil {
		return nil, err
	}
	if o.With, err = v.beside(e, o); err != nil {
		return nil, err
	}
	return judgeRecord(e, refs, o, v.record)
}

// believes adds what a vector says of a synthetic TDX authority.
func (v vector) believes(e *Endorsements) error {
	if v.tdxRoots != nil {
		root, err := x509.ParseCertificate(v.tdxRoots)
		if err != nil {
			return err
		}
		e.AcceptDemoRootsUnsafe, e.TD.RootsUnsafe = true, x509.NewCertPool()
		e.TD.RootsUnsafe.AddCert(root)
	}
	if v.collateral != nil {
		c, err := collateral.Parse(v.collateral)
		if err != nil {
			return err
		}
		e.TD.Collateral = collateral.Set{c}
	}
	return nil
}

// beside opens the records given with a vector's.
func (v vector) beside(e Endorsements, o Options) (out []*Beside, err error) {
	if len(v.with) == 0 {
		return nil, nil
	}
	p, err := DefaultPolicy()
	if err != nil {
		return nil, err
	}
	verifier, err := New(e, nil, p)
	if err != nil {
		return nil, err
	}
	for _, r := range v.with {
		b, err := verifier.Beside(r, o)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

// known opens what a vector has beside the record: reference values, and what was kept.
func (v vector) known() (refs *References, h *History, err error) {
	if v.reference != nil {
		refs = &References{}
		if err := refs.Add(v.reference, nil); err != nil {
			return nil, nil, err
		}
	}
	if v.verdicts == nil && v.kept == nil {
		return refs, nil, nil
	}
	h = &History{Logs: v.kept}
	for _, d := range v.verdicts {
		msg, err := sign.Open(d, attest.TypeVerdict, attest.MaxVerdictSize)
		if err != nil {
			return nil, nil, err
		}
		payload, err := msg.Verify(v.validator)
		if err != nil {
			return nil, nil, err
		}
		kept, err := attest.ParseVerdict(payload)
		if err != nil {
			return nil, nil, err
		}
		h.Verdicts = append(h.Verdicts, *kept)
	}
	return refs, h, nil
}

// TestVectors runs every vector; with -update it makes them from the cases.
func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	files, err := filepath.Glob(filepath.Join(vectorDir, "*.vec"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors in %s: %v", vectorDir, err)
	}
	good, bad := 0, 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v, err := parseVector(b)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		r, err := v.judge()
		if err != nil {
			t.Errorf("%s: %v", file, err)
		} else if got := outcome(r); got != v.expect {
			t.Errorf("%s (%s): got %s, want %s", filepath.Base(file), v.comment, got, v.expect)
		} else {
			wants(t, r, v.says...)
		}
		if strings.HasPrefix(v.expect, "accepted") {
			good++
		} else {
			bad++
		}
	}
	if bad <= good {
		t.Errorf("%d good and %d bad vectors: the bad ones should outnumber the good", good, bad)
	}
}

func writeVectors(t *testing.T) {
	old, err := filepath.Glob(filepath.Join(vectorDir, "*.vec"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range old {
		os.Remove(f)
	}
	if err := os.MkdirAll(vectorDir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases() {
		f := newForge(t)
		c.change(f)
		e, o, record := c.prepare(f)
		writeVector(t, c.name, vector{comment: c.comment, expect: c.expect, at: o.At, maxAge: o.MaxAge, stored: o.Stored, validator: e.Validator, node: e.Node, record: record})
	}
	for _, c := range logCases() {
		writeVector(t, c.name, c.vector(t))
	}
	for _, c := range blockCases() {
		writeVector(t, c.name, c.vector(t))
	}
	for _, c := range chainCases() {
		writeVector(t, c.name, c.vector(t))
	}
	for _, c := range tdCases() {
		if c.vector {
			writeVector(t, c.name, c.file(t))
		}
	}
}

func writeVector(t *testing.T, name string, v vector) {
	t.Helper()
	b, err := v.bytes()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(vectorDir, name+".vec"), b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// seedVectors adds every vector's record to a fuzz corpus.
func seedVectors(f *testing.F, add func(vector)) {
	files, _ := filepath.Glob(filepath.Join(vectorDir, "*.vec"))
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		v, err := parseVector(b)
		if err != nil {
			f.Fatal(err)
		}
		add(v)
	}
}
