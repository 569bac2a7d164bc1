package history_test

import (
	"fmt"
	"os"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/sign"
	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/history"
)

// A validator keeps what verify.Verifier left of one record, and has it at hand for the next.
func Example() {
	dir, err := os.MkdirTemp("", "history-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	key, err := sign.GenerateKey()
	if err != nil {
		fmt.Println(err)
		return
	}
	store, err := history.Open(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	left := &verify.Result{ // of Verify
		Verdict: &attest.Verdict{Profile: attest.Profile, UEID: attest.UEID{1}, Sent: 1000, Received: 1020, Tier: "verified", Findings: []string{}},
		Logs:    map[string][]byte{attest.LogBoot: []byte("a log that replayed")},
	}
	if err := store.Append(key, left); err != nil {
		fmt.Println(err)
		return
	}
	h, err := store.Load(attest.UEID{1}, 2000, &key.PublicKey) // verify.Options.History of the next record
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(h.Verdicts), len(h.Logs[attest.LogBoot]))
	// Output: 1 19
}
