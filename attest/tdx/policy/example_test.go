package policy_test

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/attest/tdx/policy"
	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
)

// What is not known is ignored by name; what is left out is an error.
func Example() {
	ignore := policy.Values{Ignore: true}
	p := policy.Policy{
		MRTD: policy.Values{Any: []quote.Measurement{{0x01}}}, RTMR: [4]policy.Values{ignore, ignore, ignore, ignore},
		MRSEAM: ignore, MRCONFIGID: policy.Zero, MROWNER: policy.Zero, MROWNERCONFIG: policy.Zero,
		Attributes: policy.DefaultAttributes, XFAM: policy.Bits{Ignore: true}, TCB: policy.TCB{Accept: []collateral.Status{collateral.UpToDate}, AnyEvaluation: true},
		Platforms: policy.Platforms{Ignore: true},
	}
	fmt.Println(p.Check())
	// Output: tdx policy: MRSERVICETD: give values or ignore, one of them
}
