// Package roomy gives a goroutine room on its stack at once.
//
// A goroutine begins with a few KiB and doubles its stack whenever a call does not fit, copying it each time and
// rewriting every pointer into it. Encoding by reflection (CBOR, go-tpm) nests many calls, so that a short goroutine that
// does it grows several times, at last with a deep stack to copy. Grown before there is anything on it, that costs an allocation.
package roomy

// Stack makes room on the stack of the goroutine that calls it, which should be the first that it does.
//
//go:noinline
func Stack() {
	var frame [room]byte
	touch(&frame)
}

const room = 12 << 10 // and with what is around it a stack of 16 KiB

//go:noinline
func touch(*[room]byte) {}
