package enroll_test

import (
	"context"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest/tpm/enroll"
)

// BenchmarkActivate is the node's work: make the EK, satisfy its policy, activate.
func BenchmarkActivate(b *testing.B) {
	d, p, roots := node(b)
	ak, err := enroll.CheckParameters(p)
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"L-1", "L-2", "H-3"} {
		ek, _, err := enroll.ChooseEK(only(p, name), roots, time.Now())
		if err != nil {
			b.Fatal(err)
		}
		credential, encrypted, err := enroll.MakeCredential(ek.Public, ak.Name(), enroll.NewSecret())
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := d.Activate(context.Background(), name, credential, encrypted); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEnrol is the validator's work.
func BenchmarkEnrol(b *testing.B) {
	_, p, roots := node(b)
	for b.Loop() {
		ak, err := enroll.CheckParameters(p)
		if err != nil {
			b.Fatal(err)
		}
		ek, _, err := enroll.ChooseEK(p.EKs, roots, time.Now())
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := enroll.MakeCredential(ek.Public, ak.Name(), enroll.NewSecret()); err != nil {
			b.Fatal(err)
		}
	}
}
