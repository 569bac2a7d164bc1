package sha256x16_test

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/attest/fsverity/sha256x16"
)

// Twenty blocks of zeroes, as in the lowest level of a sparse file's tree.
func ExampleHasher_Sum() {
	h, err := sha256x16.New(nil, false)
	if err != nil {
		fmt.Println(err)
		return
	}
	data := make([]byte, 20*sha256x16.MessageSize)
	sums := make([]byte, 20*32)
	h.Sum(sums, data)
	fmt.Printf("%x\n", sums[19*32:])
	// Output: ad7facb2586fc6e966c004d7d1d16b024f5805ff7cb47c7a85dabd8b48892ca7
}
