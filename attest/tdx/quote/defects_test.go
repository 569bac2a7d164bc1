package quote_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-tdx-guest/abi"

	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
)

// D1 to D10 are defects of go-tdx-guest at our pin (docs/tdx.md); here stand those of reading and signature.

// TestD3MalformedQuotesAreRefusedBeforeTheLibrary: the four places where it panics. If one stops to panic, the pin has moved: good, and worth knowing.
func TestD3MalformedQuotesAreRefusedBeforeTheLibrary(t *testing.T) {
	v4, v5 := canonical(t)[0], canonical(t)[1]
	signed5 := 48 + 6 + 648
	for name, raw := range map[string][]byte{
		"QE authentication data longer than the quote": put(v4, 636+128+6+384+64, 0xff, 0xff),
		"one byte of that length":                      put(v4, 636+128+6+384+64+1, 0xff),
		"negative signed data size of version 5":       put(v5, signed5, 0, 0, 0, 0x80),
		"signed data of ten bytes in version 4":        append(put(v4, 632, 10, 0, 0, 0)[:636+10], make([]byte, 512)...),
		"signed data of ten bytes in version 5":        append(put(v5, signed5, 10, 0, 0, 0)[:signed5+4+10], make([]byte, 512)...),
	} {
		if !panics(func() { _, _ = abi.QuoteToProto(bytes.Clone(raw)) }) {
			t.Errorf("%s: the library does not panic any more", name)
		}
		_, err := quote.Parse(raw)
		if !errors.Is(err, quote.ErrMalformed) || strings.Contains(err.Error(), "panics") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestD3EveryLengthIsBounded(t *testing.T) {
	for i, raw := range canonical(t) {
		for at := range raw {
			for _, v := range []byte{0xff, 0, raw[at] ^ 0x80, raw[at] + 1} {
				if q, err := quote.Parse(put(raw, at, v)); err == nil && len(q.Canonical()) != len(raw) {
					t.Fatalf("quote %d, byte %d = %#x: another length", i, at, v)
				}
			}
		}
		for n := range raw {
			if _, err := quote.Parse(raw[:n]); err == nil {
				t.Fatalf("quote %d: accepted when cut to %d bytes", i, n)
			}
		}
	}
	long := append(bytes.Clone(canonical(t)[0]), make([]byte, quote.MaxSize)...)
	if _, err := quote.Parse(long[:quote.MaxSize]); err != nil {
		t.Error(err)
	}
	if _, err := quote.Parse(long[:quote.MaxSize+1]); !errors.Is(err, quote.ErrMalformed) {
		t.Error(err)
	}
}

// TestD6ZeroTimeIsRefused: crypto/x509 reads a zero time as the clock's, the library as "do not check".
func TestD6ZeroTimeIsRefused(t *testing.T) {
	q, err := quote.Parse(canonical(t)[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.CheckSignature(roots(t), time.Time{}); err == nil {
		t.Error("zero time")
	}
	for name, at := range map[string]time.Time{"after the PCK certificate": at.AddDate(30, 0, 0), "before it": at.AddDate(-5, 0, 0)} {
		if _, err := q.CheckSignature(roots(t), at); !errors.Is(err, quote.ErrValidity) || errors.Is(err, quote.ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := q.CheckSignature(foreignRoots(t), at); !errors.Is(err, quote.ErrSignature) || errors.Is(err, quote.ErrValidity) {
			t.Errorf("%s, by nobody known: %v", name, err)
		}
	}
	if _, err := q.CheckSignature(nil, at); err == nil {
		t.Error("no roots: the library would take its own")
	}
}

// TestD9OneQuoteServesManyGoroutines: the library's Options and parsed quote do not.
func TestD9OneQuoteServesManyGoroutines(t *testing.T) {
	q, err := quote.Parse(canonical(t)[0])
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	pool := roots(t)
	for range 8 {
		wg.Go(func() {
			if _, err := q.CheckSignature(pool, at); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestTailMustBeZero(t *testing.T) {
	raw := canonical(t)[0]
	for _, n := range []int{0, 1, 70, 3065} {
		q, err := quote.Parse(append(bytes.Clone(raw), make([]byte, n)...))
		if err != nil || !bytes.Equal(q.Canonical(), raw) {
			t.Errorf("%d zeros: %v", n, err)
		}
	}
	if _, err := quote.Parse(append(bytes.Clone(raw), 0, 0, 1)); !errors.Is(err, quote.ErrTail) {
		t.Error(err)
	}
}

// TestVersion5WithBodyOfTDX10 is read, by the library too; its signature is that of another quote. Other bodies are refused.
func TestVersion5WithBodyOfTDX10(t *testing.T) {
	v4 := canonical(t)[0]
	with := func(kind, size byte) []byte {
		return append(append(put(v4[:48], 0, 5), kind, 0, size, 2, 0, 0), v4[48:]...)
	}
	q, err := quote.Parse(with(2, 0x48)) // 584 bytes
	if err != nil || q.Body.HasTDX15 || q.Body.RTMR[1] == (quote.Measurement{}) {
		t.Fatal(err)
	}
	if _, err := q.CheckSignature(roots(t), at); !errors.Is(err, quote.ErrSignature) {
		t.Error(err)
	}
	for _, bad := range [][2]byte{{3, 0x48}, {2, 0x88}, {1, 0x48}, {4, 0x48}} {
		if _, err := quote.Parse(with(bad[0], bad[1])); !errors.Is(err, quote.ErrMalformed) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

// TestSignatureCoversEveryByteOfHeaderAndBody and the key, the QE report and its signature.
func TestSignatureCoversEveryByteOfHeaderAndBody(t *testing.T) {
	pool := roots(t)
	for _, raw := range canonical(t)[:2] {
		end := len(raw) - int(binary.LittleEndian.Uint32(raw[len(raw)-len(chainOf(t, raw))-4:])) - 6
		for i := 0; i < end; i += 3 {
			q, err := quote.Parse(put(raw, i, raw[i]^1))
			if err != nil {
				continue
			}
			if _, err := q.CheckSignature(pool, at); err == nil {
				t.Fatalf("byte %d changed and accepted", i)
			}
		}
	}
}

func TestForeignRootIsRefused(t *testing.T) {
	q, err := quote.Parse(canonical(t)[1])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.CheckSignature(foreignRoots(t), at); !errors.Is(err, quote.ErrSignature) {
		t.Error(err)
	}
}

// TestChainIsThreeCertificatesAndNothingElse: PEM decoders skip what they do not know, so a chain could say two things.
func TestChainIsThreeCertificatesAndNothingElse(t *testing.T) {
	raw := canonical(t)[0]
	chain := bytes.TrimRight(chainOf(t, raw), "\x00")
	begin, end := []byte("-----BEGIN CERTIFICATE-----\n"), []byte("-----END CERTIFICATE-----\n")
	first := chain[:bytes.Index(chain, end)+len(end)]
	for name, c := range map[string]struct {
		chain []byte
		ok    bool
	}{
		"as it is":          {chain, true},
		"a zero byte":       {append(bytes.Clone(chain), 0), true},
		"line ends":         {bytes.Replace(chain, end, append(bytes.Clone(end), "\r\n\n"...), 1), true},
		"text before":       {append([]byte("junk\n"), chain...), false},
		"text between":      {bytes.Replace(chain, end, append(bytes.Clone(end), "junk\n"...), 1), false},
		"text behind":       {append(bytes.Clone(chain), "junk"...), false},
		"two zero bytes":    {append(bytes.Clone(chain), 0, 0), false},
		"a fourth":          {append(bytes.Clone(chain), first...), false},
		"a broken block":    {append([]byte("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"), chain...), false},
		"a header":          {bytes.Replace(chain, begin, append(bytes.Clone(begin), "A: b\n\n"...), 1), false},
		"another type":      {bytes.ReplaceAll(chain, []byte("CERTIFICATE-----"), []byte("X509 CRL-----")), false},
		"two certificates":  {chain[len(first):], false},
		"the leaf repeated": {append(append(bytes.Clone(first), first...), chain[len(first):]...), false},
	} {
		q, err := quote.Parse(withChain(t, raw, c.chain))
		if err == nil {
			_, err = q.CheckSignature(roots(t), at)
		}
		if c.ok != (err == nil) || err != nil && !errors.Is(err, quote.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// withChain puts another chain into a quote of version 4 and mends its three lengths: nobody signed it.
func withChain(t *testing.T, raw, chain []byte) []byte {
	start := len(raw) - len(chainOf(t, raw))
	out := append(bytes.Clone(raw[:start]), chain...)
	le := binary.LittleEndian
	le.PutUint32(out[632:], uint32(len(out)-636))
	le.PutUint32(out[636+130:], uint32(len(out)-636-134))
	le.PutUint32(out[start-4:], uint32(len(chain)))
	return out
}

func chainOf(t *testing.T, raw []byte) []byte {
	q, err := quote.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return q.ChainPEM()
}

func put(raw []byte, at int, b ...byte) []byte {
	raw = bytes.Clone(raw)
	copy(raw[at:], b)
	return raw
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}
