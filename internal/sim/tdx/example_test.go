package tdx_test

import (
	"fmt"
	"time"

	"github.com/hallmark-attest/hallmark/internal/sim/tdx"
)

// A TD on a platform that lacks an update: its quote, and the collateral that says so.
func Example() {
	authority, err := tdx.NewAuthority("example", time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		panic(err)
	}
	platform, err := authority.Platform(tdx.PlatformOptions{Seed: "host 1"})
	if err != nil {
		panic(err)
	}
	td := platform.NewTD(tdx.Defaults())
	quote := td.Quote([64]byte{1, 2, 3})
	collateral, err := td.Collateral(tdx.CollateralOptions{Platform: tdx.Judged{Status: tdx.OutOfDate, Advisories: []string{"INTEL-SA-00837"}}})
	if err != nil {
		panic(err)
	}
	fmt.Println(quote[0], quote[568:571], len(collateral.TCBInfoSignature))
	// Output: 4 [1 2 3] 128
}
