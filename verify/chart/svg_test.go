package chart

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/verify/stretch"
)

func summary(gpus int, steps int) *stretch.Summary {
	s := &stretch.Summary{FirstAtMS: 1_700_000_000_000, LengthMS: uint64(steps) * 1000, StepMS: 1000, Records: steps}
	for i := range gpus {
		s.GPUs = append(s.GPUs, "00000000:1b:00."+string(rune('0'+i)))
	}
	for n := range steps {
		for i, gpu := range s.GPUs {
			v := func(base int64) stretch.Range {
				x := base + int64(20*math.Sin(float64(n)/20+float64(i)))
				return stretch.Range{Least: x, Most: x, Mean: x, N: 1}
			}
			b := stretch.Bucket{GPU: gpu, FromMS: uint64(n) * 1000, Samples: 1, Temperature: v(60), Power: v(500_000), Clock: v(1900)}
			if n > 100 && n < 150 && i == 0 {
				b.Heat = 1
			}
			s.Buckets = append(s.Buckets, b)
		}
	}
	return s
}

// wellFormed reads a picture as XML and returns its text.
func wellFormed(t *testing.T, out string) (text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(out))
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return text
		} else if err != nil {
			t.Fatalf("%v\n%.400s", err, out)
		}
		switch e := tok.(type) {
		case xml.CharData:
			text += string(e) + "\n"
		case xml.StartElement:
			if strings.EqualFold(e.Name.Local, "script") {
				t.Fatal("a script")
			}
			for _, a := range e.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
					t.Fatalf("%s %s=%q", e.Name.Local, a.Name.Local, a.Value)
				}
			}
		}
	}
}

func TestPictureShowsWhatItIsGiven(t *testing.T) {
	s := summary(8, 600)
	s.Gaps, s.GapsFrom = []stretch.Gap{{Millis: 30_000}}, []uint64{200_000}
	var out strings.Builder
	if err := SVG(&out, s, "answer.hm"); err != nil {
		t.Fatal(err)
	}
	if f := os.Getenv("HALLMARK_SVG"); f != "" {
		_ = os.WriteFile(f, []byte(out.String()), 0o644)
	}
	text := wellFormed(t, out.String())
	for _, want := range []string{"answer.hm", "Temperature, °C", "Power, W", "SM clock, MHz", "2023-11-14 22:13:20 UTC", "+10m0s", "30.0 s without records", "time since the first record"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not there", want)
		}
	}
	if strings.Contains(text, "-0\n") {
		t.Error("less than nothing")
	}
	if n := strings.Count(out.String(), `class="heat"`); n != 49 {
		t.Errorf("%d steps throttled", n)
	}
	if n := strings.Count(out.String(), "<path"); n != 24 || out.Len() > 300_000 {
		t.Errorf("%d lines, %d bytes", n, out.Len())
	}
}

func TestHostileTextStaysText(t *testing.T) {
	s := summary(1, 2)
	evil := "</title><script>alert(1)</script>\x1b[31m\u202e\"'&"
	s.GPUs[0] = evil
	for i := range s.Buckets {
		s.Buckets[i].GPU = evil
		s.Buckets[i].Power = stretch.Range{Least: math.MinInt64, Most: math.MaxInt64, N: 1}
	}
	var out strings.Builder
	if err := SVG(&out, s, evil); err != nil {
		t.Fatal(err)
	}
	if text := wellFormed(t, out.String()); strings.ContainsAny(text, "\x1b\u202e") || !strings.Contains(text, "<script>") {
		t.Errorf("%q", text)
	}
	for _, empty := range []*stretch.Summary{{}, {StepMS: 1, GPUs: []string{"a"}}} {
		out.Reset()
		if err := SVG(&out, empty, ""); err != nil {
			t.Fatal(err)
		}
		wellFormed(t, out.String())
	}
}
