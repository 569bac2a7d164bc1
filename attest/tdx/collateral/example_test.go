package collateral_test

import (
	"fmt"
	"os"
	"time"

	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
)

// A verifier judges a quote. It is compiled, not run: it wants a quote and a directory of collateral.
func Example() {
	var raw []byte // as received
	at := time.Now()
	roots, err := quote.IntelRoots()
	if err != nil {
		fmt.Println(err)
		return
	}
	set, err := collateral.ReadDir(os.DirFS("/etc/hallmark/collateral"))
	if err != nil {
		fmt.Println(err)
		return
	}
	q, err := quote.Parse(raw)
	if err != nil {
		fmt.Println(err)
		return
	}
	platform, err := q.CheckSignature(roots, at) // the first result
	if err != nil {
		fmt.Println(err)
		return
	}
	c := set.For(platform.FMSPC, platform.CA.Subject.CommonName, at)
	if c == nil {
		fmt.Printf("no collateral for FMSPC %x\n", platform.FMSPC)
		return
	}
	var memo collateral.Memo // one for all quotes
	checked, err := memo.Check(c, roots, at)
	if err != nil {
		fmt.Println(err)
		return
	}
	tcb, err := checked.Appraise(q, platform) // the second
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(tcb.Status, tcb.Lacking, tcb.Stale)
}
