package sha256x16

import "golang.org/x/sys/cpu"

// Available says that this processor, under this operating system, hashes
// sixteen messages side by side. GODEBUG=cpu.avx512f=off says no.
func Available() bool { return cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW }

// sum16 hashes sixteen messages that lie one behind the other. state is where
// each of them begins, pad what padding returns. Word i of the hash of message m
// goes to out[i][m].
//
//go:noescape
func sum16(out *[8][Lanes]uint32, data *[Lanes * MessageSize]byte, state *[8]uint32, pad *[64]uint32)
