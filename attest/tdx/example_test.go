package tdx_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tdx"
	sim "github.com/hallmark-attest/hallmark/internal/sim/tdx"
)

// A TD is asked for a quote, and a machine that is none says why it has none to give. internal/hw opens the real one.
func Example() {
	authority, err := sim.NewAuthority("example", time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		panic(err)
	}
	platform, err := authority.Platform(sim.PlatformOptions{})
	if err != nil {
		panic(err)
	}
	for _, o := range []sim.HostOptions{{}, {NotATD: true}} {
		root, err := os.MkdirTemp("", "hallmark-tdx-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(root)
		host, err := sim.NewHost(root, platform.NewTD(sim.Defaults()), o)
		if err != nil {
			panic(err)
		}
		device, err := tdx.New(tdx.Options{Client: host.TSM, Files: host})
		if err != nil {
			panic(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		quote, err := device.Quote(ctx, [64]byte{1, 2, 3})
		var none *attest.AbsentError
		switch {
		case errors.As(err, &none):
			fmt.Println(none.Absence.What, none.Absence.Reason)
		case err != nil:
			panic(err)
		default:
			fmt.Println("version", quote[0], "over", quote[568:571])
		}
	}
	// Output:
	// version 4 over [1 2 3]
	// tdx not-present
}
