package tpm_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/internal/hw"
)

// A node asks its TPM; a verifier that knows the AK checks. It is compiled, not run: it needs a TPM.
func Example() {
	chip, err := hw.OpenTPM("/dev/tpmrm0")
	if err != nil {
		fmt.Println(err) // names the device and the fix
		return
	}
	defer chip.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	device, err := tpm.NewDevice(ctx, chip, tpm.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer device.Close(context.Background())

	qualifying := sha256.Sum256([]byte("what the quote is to cover"))
	quote, err := device.Quote(ctx, qualifying)
	if err != nil {
		fmt.Println(err)
		return
	}

	ak, err := tpm.ParseAK(device.AK().Public()) // elsewhere, from the node record
	if err != nil {
		fmt.Println(tpm.Violations(err))
		return
	}
	info, err := tpm.CheckQuote(ak, quote, qualifying, tpm.Selection())
	if err != nil {
		fmt.Println(err) // wraps one of ErrMagic, ErrType, ErrExtraData, ...
		return
	}
	fmt.Println("reset", info.Clock.ResetCount, "times, PCR 7", info.PCRs[7])
}
