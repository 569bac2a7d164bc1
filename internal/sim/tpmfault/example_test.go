package tpmfault_test

import (
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"

	"github.com/hallmark-attest/hallmark/internal/sim/tpmfault"
)

// idle answers every command with success.
type idle struct{}

func (idle) Send([]byte) ([]byte, error) { return []byte{0x80, 1, 0, 0, 0, 10, 0, 0, 0, 0}, nil }

func Example() {
	t := tpmfault.New(idle{})
	t.Fail(tpm2.TPMCCFlushContext, 1, 2, tpmfault.Answer(tpm2.TPMRCRetry))
	for range 4 {
		_, err := tpm2.FlushContext{FlushHandle: tpm2.TPMHandle(0x80000000)}.Execute(t)
		fmt.Println(errors.Is(err, tpm2.TPMRCRetry))
	}
	// Output:
	// false
	// true
	// true
	// false
}
