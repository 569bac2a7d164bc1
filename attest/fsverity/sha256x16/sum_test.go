package sha256x16

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"testing"
)

func random(n int, seed uint64) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24)})
	r.Read(b)
	return b
}

// expected is the definition: one hash after the other by the standard library.
func expected(prefix, data []byte) (out []byte) {
	for ; len(data) > 0; data = data[MessageSize:] {
		s := sha256.Sum256(append(bytes.Clone(prefix), data[:MessageSize]...))
		out = append(out, s[:]...)
	}
	return out
}

func sum(t testing.TB, prefix, data []byte, portable bool) []byte {
	t.Helper()
	h, err := New(prefix, portable)
	if err != nil {
		t.Fatal(err)
	}
	const guard = 64
	buf := bytes.Repeat([]byte{0xa5}, len(data)/MessageSize*sha256.Size+guard)
	out := buf[:len(buf)-guard]
	for range 2 { // a Hasher is used again and again
		h.Sum(out, data)
	}
	if !bytes.Equal(buf[len(out):], bytes.Repeat([]byte{0xa5}, guard)) {
		t.Fatal("wrote behind its output")
	}
	return out
}

func needsLanes(t testing.TB) {
	if !Available() {
		t.Skip("no AVX-512 on this processor, or switched off: the sixteen lanes are not exercised")
	}
}

func TestSumEqualsStandardLibrary(t *testing.T) {
	for _, prefix := range [][]byte{nil, make([]byte, 64), random(64, 1), random(128, 2), random(MaxPrefix, 3)} {
		for n := range 50 {
			data := random(n*MessageSize, uint64(n))
			want := expected(prefix, data)
			for _, portable := range []bool{false, true} {
				if got := sum(t, prefix, data, portable); !bytes.Equal(got, want) {
					t.Errorf("prefix of %d, %d messages, portable %v: differs", len(prefix), n, portable)
				}
			}
		}
	}
}

// Messages of one bit each: a lane, word or byte in the wrong place shows.
func TestEveryByteOfEveryLaneCounts(t *testing.T) {
	needsLanes(t)
	seen := map[[32]byte]string{}
	for _, at := range []int{0, 1, 3, 4, 15, 16, 31, 32, 63, 64, 2047, 4032, 4095} {
		for lane := range Lanes {
			data := make([]byte, Lanes*MessageSize)
			data[lane*MessageSize+at] = 1
			out := sum(t, nil, data, false)
			for l := range Lanes {
				s := [32]byte(out[l*32:])
				name := fmt.Sprintf("byte %d", at)
				if l != lane {
					name = "zeroes"
				}
				if before, ok := seen[s]; ok && before != name {
					t.Fatalf("lane %d: hash of %s is that of %s", l, name, before)
				}
				seen[s] = name
			}
		}
	}
	if len(seen) != 14 {
		t.Fatalf("%d hashes of 14 messages", len(seen))
	}
}

func TestUnalignedMessages(t *testing.T) {
	needsLanes(t)
	for off := range 65 {
		data := random(Lanes*MessageSize+off, 9)[off:]
		if !bytes.Equal(sum(t, nil, data, false), expected(nil, data)) {
			t.Fatalf("offset %d: differs", off)
		}
	}
}

func TestNewRejectsPrefixOfPartialBlocks(t *testing.T) {
	for _, n := range []int{1, 63, 65, MaxPrefix + 64} {
		if _, err := New(make([]byte, n), false); err == nil {
			t.Errorf("prefix of %d bytes accepted", n)
		}
	}
}

func TestSumDoesNotAllocate(t *testing.T) {
	data, out := random(25*MessageSize, 1), make([]byte, 25*32)
	h, _ := New(random(64, 1), false)
	h.Sum(out, data)
	if n := testing.AllocsPerRun(10, func() { h.Sum(out, data) }); n > 0 {
		t.Fatalf("%v allocations", n)
	}
}

func FuzzSum(f *testing.F) {
	f.Add(uint8(16), uint8(0), uint64(1), []byte{})
	f.Add(uint8(33), uint8(1), uint64(2), []byte("abc"))
	f.Add(uint8(9), uint8(2), uint64(3), []byte{0xff})
	f.Fuzz(func(t *testing.T, n, blocks uint8, seed uint64, mix []byte) {
		prefix := random(int(blocks%17)*64, seed+1)
		data := random(int(n%66)*MessageSize, seed)
		if len(data) > 0 {
			copy(data[int(seed%uint64(len(data))):], mix)
		}
		want := expected(prefix, data)
		if !bytes.Equal(sum(t, prefix, data, false), want) || !bytes.Equal(sum(t, prefix, data, true), want) {
			t.Fatalf("%d messages behind %d bytes: differs", n%66, len(prefix))
		}
	})
}

func BenchmarkSum(b *testing.B) {
	for _, portable := range []bool{false, true} {
		b.Run(fmt.Sprintf("portable=%v", portable), func(b *testing.B) {
			data := random(256*MessageSize, 1)
			out := make([]byte, 256*32)
			h, _ := New(nil, portable)
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				h.Sum(out, data)
			}
		})
	}
}
