package attacker_test

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/internal/sim/attacker"
)

// What each attack must end with is stated before it is performed. Run performs it on a Scene, as cmd/hallmark-demo sets it.
func ExampleAttacks() {
	for _, a := range attacker.Attacks()[:3] {
		fmt.Println(a.Name, "->", a.Expect)
	}
	// Output:
	// flipped-byte -> evidence.signature
	// replayed-answer -> batch.root
	// relayed -> channel.mismatch
}
