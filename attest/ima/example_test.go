package ima_test

import (
	"bytes"
	"fmt"
	"os"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/ima"
)

// A verifier holds a quoted register 10 and a list that went on growing behind it.
func Example() {
	list, err := os.ReadFile("testdata/vm-ima-sig.bin")
	if err != nil {
		fmt.Println(err)
		return
	}
	quoted := []byte("\x3d\x25\x0b\x03\x85\x0d\x0d\x59\x02\xf0\x7e\xb0\x43\xeb\xb7\xf9\x43\x77\x63\x6b\x0f\xaa\x43\x6e\x03\x04\x2c\x27\xb1\x70\x54\xcd")

	l, err := ima.NewReplay(ima.Bank{Alg: ima.SHA256}).Continue(list)
	if err != nil {
		fmt.Println(err) // the entries before the bad one are in l all the same
	}
	n, _, ok := l.LongestPrefix(func(register []byte) bool { return bytes.Equal(register, quoted) })
	if !ok {
		fmt.Println("the list does not replay to the quoted register")
		return
	}
	state := l.At(n) // kept: the next list is asked for from state.Bytes on
	fmt.Println(n, "of", len(l.Entries), "entries,", state.Violations, "violations, next offset", state.Bytes)
	e := l.Entries[n-1]
	fmt.Printf("%s %s:%x...\n", attest.Clean(e.Path), e.Digest.Alg, e.Digest.Value[:4])
	// Output:
	// 465 of 675 entries, 0 violations, next offset 62544
	// /usr/lib/x86_64-linux-gnu/libtss2-tcti-device.so.0.0.0 sha256:f722b353...
}
