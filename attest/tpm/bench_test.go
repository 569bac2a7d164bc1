package tpm_test

import (
	"context"
	"testing"

	"github.com/google/go-tpm/tpm2"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

func BenchmarkQuote(b *testing.B) {
	d, _ := device(b)
	for b.Loop() {
		if _, err := d.Quote(context.Background(), qualifying(1)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRawReadsAndQuote is the floor of BenchmarkQuote: the same three commands, nothing around them.
func BenchmarkRawReadsAndQuote(b *testing.B) {
	c := dial(b, sharedTPM(b))
	d := open(b, c)
	h := handles(b, c, 0x80000000)[0]
	all := tpm.Selection()
	pcrs := func(p []uint) tpm2.TPMLPCRSelection {
		return tpm2.TPMLPCRSelection{PCRSelections: []tpm2.TPMSPCRSelection{{Hash: tpm2.TPMAlgSHA256, PCRSelect: tpm2.PCClientCompatible.PCRs(p...)}}}
	}
	q := qualifying(1)
	for b.Loop() {
		for _, p := range [][]uint{all[:8], all[8:]} {
			if _, err := (tpm2.PCRRead{PCRSelectionIn: pcrs(p)}).Execute(c); err != nil {
				b.Fatal(err)
			}
		}
		_, err := tpm2.Quote{SignHandle: tpm2.AuthHandle{Handle: h, Name: tpm2.TPM2BName{Buffer: d.AK().Name()}, Auth: tpm2.PasswordAuth(nil)},
			QualifyingData: tpm2.TPM2BData{Buffer: q[:]}, InScheme: tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgNull}, PCRSelect: pcrs(all)}.Execute(c)
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadClock(b *testing.B) {
	d, _ := device(b)
	for b.Loop() {
		if _, err := d.ReadClock(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPCRRead8(b *testing.B) {
	c := dial(b, sharedTPM(b))
	sel := tpm2.TPMLPCRSelection{PCRSelections: []tpm2.TPMSPCRSelection{{Hash: tpm2.TPMAlgSHA256, PCRSelect: tpm2.PCClientCompatible.PCRs(0, 1, 2, 3, 4, 5, 6, 7)}}}
	for b.Loop() {
		if _, err := (tpm2.PCRRead{PCRSelectionIn: sel}).Execute(c); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckQuote(b *testing.B) {
	k := newSoftKey(b)
	q := k.quote(b, qualifying(1), nil)
	for b.Loop() {
		if _, err := tpm.CheckQuote(k.ak, q, qualifying(1), tpm.Selection()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseAK(b *testing.B) {
	public := newSoftKey(b).ak.Public()
	for b.Loop() {
		if _, err := tpm.ParseAK(public); err != nil {
			b.Fatal(err)
		}
	}
}
