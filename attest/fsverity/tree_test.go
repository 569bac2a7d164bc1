package fsverity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"testing"
)

// summed computes digest and sums of data.
func summed(t testing.TB, data, salt []byte, opt Options) (digest [32]byte, sums []byte) {
	t.Helper()
	opt.Salt = salt
	opt.Sums = func(b []byte) error {
		sums = append(sums, b...)
		return nil
	}
	digest, err := Digest(t.Context(), bytes.NewReader(data), int64(len(data)), opt)
	if err != nil {
		t.Fatal(err)
	}
	return digest, sums
}

var treeSizes = []int{0, 1, 4095, 4096, 4097, 8192, SpanSize - 1, SpanSize, SpanSize + 1, ChunkSize, ChunkSize + 1, 9<<20 + 77, 64<<20 - 1, 64 << 20, 64<<20 + 1}

func TestPathLeadsFromEveryKindOfBlockToDigest(t *testing.T) {
	for _, n := range treeSizes {
		data := random(n, uint64(n))
		for _, salt := range [][]byte{nil, random(11, 3)} {
			digest, sums := summed(t, data, salt, Options{})
			if want := ceil(int64(n), SpanSize) * HashSize; int64(len(sums)) != want {
				t.Fatalf("size %d: %d bytes of sums, want %d", n, len(sums), want)
			}
			tree, err := NewTree(bytes.NewReader(sums), int64(n), salt)
			if err != nil || tree.Digest() != digest {
				t.Fatalf("size %d: tree of digest %x, %v, want %x", n, tree.Digest(), err, digest)
			}
			last := Blocks(int64(n)) - 1
			for _, at := range []int64{0, last, last / 2, 127, 128, 128*128 - 1, 128 * 128} {
				if at < 0 || at > last {
					continue
				}
				block, path, err := tree.Path(t.Context(), bytes.NewReader(data), at)
				if err != nil {
					t.Fatalf("size %d, block %d: %v", n, at, err)
				}
				if !bytes.Equal(block, data[at*BlockSize:min(n, int(at+1)*BlockSize)]) {
					t.Fatalf("size %d: not block %d", n, at)
				}
				if err := VerifyBlock(digest, int64(n), salt, at, block, path); err != nil {
					t.Fatalf("size %d, block %d: %v", n, at, err)
				}
			}
		}
	}
}

func TestTreeRefusesBlockOutsideFile(t *testing.T) {
	digest, sums := summed(t, random(SpanSize, 1), nil, Options{})
	tree, err := NewTree(bytes.NewReader(sums), SpanSize, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{-1, 128, 1 << 60} {
		if _, _, err := tree.Path(t.Context(), zeroes(SpanSize), at); err == nil {
			t.Errorf("block %d of 128 has a path", at)
		}
		if err := VerifyBlock(digest, SpanSize, nil, at, make([]byte, BlockSize), nil); !errors.Is(err, ErrProof) {
			t.Errorf("block %d of 128: %v", at, err)
		}
	}
}

func TestPathNoticesChangedAndShorterFile(t *testing.T) {
	data := random(3<<20, 1)
	_, sums := summed(t, data, nil, Options{})
	tree, err := NewTree(bytes.NewReader(sums), 3<<20, nil)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(data)
	changed[2<<20] ^= 1
	if _, _, err := tree.Path(t.Context(), bytes.NewReader(changed), 2<<20/BlockSize+9); !errors.Is(err, ErrChanged) {
		t.Errorf("byte changed in the span: %v", err)
	}
	if _, _, err := tree.Path(t.Context(), bytes.NewReader(data[:2<<20+1]), 2<<20/BlockSize); !errors.Is(err, ErrSize) {
		t.Errorf("truncated: %v", err)
	}
	if _, _, err := tree.Path(t.Context(), failing{0}, 0); !errors.Is(err, errDisk) {
		t.Errorf("read error: %v", err)
	}
}

func TestTreeOfOtherSumsHasOtherDigest(t *testing.T) {
	digest, sums := summed(t, random(70<<20, 1), nil, Options{})
	for _, at := range []int{0, 17, len(sums) - 1} {
		other := bytes.Clone(sums)
		other[at] ^= 0x80
		if tree, err := NewTree(bytes.NewReader(other), 70<<20, nil); err != nil || tree.Digest() == digest {
			t.Errorf("byte %d flipped: %v, digest as before", at, err)
		}
	}
	if _, err := NewTree(bytes.NewReader(sums[:len(sums)-1]), 70<<20, nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("too few sums: %v", err)
	}
}

func TestPathReadsOneSpanAndIsSmall(t *testing.T) {
	const size = 64<<20 + 4096 // three levels
	digest, sums := summed(t, make([]byte, size), nil, Options{})
	tree, err := NewTree(bytes.NewReader(sums), size, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &counting{r: zeroes(size)}
	block, path, err := tree.Path(t.Context(), c, 5000)
	if err != nil || tree.Digest() != digest {
		t.Fatal(err)
	}
	proof := len(block)
	for _, b := range path {
		proof += len(b)
	}
	if c.n.Load() > SpanSize || proof > 21<<10 {
		t.Fatalf("%d bytes read, proof of %d bytes", c.n.Load(), proof)
	}
}

type counting struct {
	r io.ReaderAt
	n atomic.Int64
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.r.ReadAt(p, off)
	c.n.Add(int64(n))
	return n, err
}

// A path is refused when any byte of it, or any number beside it, is another one.
func TestVerifyBlockRejectsWhatIsChanged(t *testing.T) {
	const size = 64<<20 + 4000
	data, salt := random(size, 1), random(32, 2)
	digest, sums := summed(t, data, salt, Options{})
	tree, err := NewTree(bytes.NewReader(sums), size, salt)
	if err != nil {
		t.Fatal(err)
	}
	const at = 16384 // the last one, 4000 bytes
	block, path, err := tree.Path(t.Context(), bytes.NewReader(data), at)
	if err != nil {
		t.Fatal(err)
	}
	with := func(b []byte, i int) []byte {
		b = bytes.Clone(b)
		b[i] ^= 1
		return b
	}
	swap := func(l, i int) [][]byte {
		p := append([][]byte(nil), path...)
		p[l] = with(p[l], i)
		return p
	}
	wrong := map[string]error{
		"digest":         VerifyBlock([32]byte(with(digest[:], 3)), size, salt, at, block, path),
		"size":           VerifyBlock(digest, size+1, salt, at, append(bytes.Clone(block), 0), path),
		"salt":           VerifyBlock(digest, size, with(salt, 31), at, block, path),
		"no salt":        VerifyBlock(digest, size, nil, at, block, path),
		"index":          VerifyBlock(digest, size, salt, at-1, append(bytes.Clone(block), make([]byte, 96)...), path),
		"block":          VerifyBlock(digest, size, salt, at, with(block, 3999), path),
		"padded block":   VerifyBlock(digest, size, salt, at, append(bytes.Clone(block), make([]byte, 96)...), path),
		"short block":    VerifyBlock(digest, size, salt, at, block[:3999], path),
		"empty":          VerifyBlock(digest, size, salt, at, nil, nil),
		"path too short": VerifyBlock(digest, size, salt, at, block, path[:2]),
		"path too long":  VerifyBlock(digest, size, salt, at, block, append(path[:3:3], path[2])),
		"tree block cut": VerifyBlock(digest, size, salt, at, block, [][]byte{path[0][:4064], path[1], path[2]}),
		"empty file":     VerifyBlock(digest, 0, salt, 0, nil, nil),
		"tree as data":   VerifyBlock(digest, size, salt, 0, path[0], path[1:]),
	}
	for l := range path {
		for _, i := range []int{0, 32, 4095} {
			wrong[fmt.Sprintf("byte %d of level %d", i, l)] = VerifyBlock(digest, size, salt, at, block, swap(l, i))
		}
	}
	for what, err := range wrong {
		if !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if VerifyBlock(digest, -1, salt, 0, block, path) == nil || VerifyBlock(digest, size, make([]byte, 33), at, block, path) == nil {
		t.Error("out of bounds accepted")
	}
}

// kernelTree is the whole Merkle tree as the kernel stores it, computed level by level in memory.
func kernelTree(data, salt []byte) []byte {
	var tree []byte
	level := data
	for len(level) > BlockSize {
		var up []byte
		for b := level; len(b) > 0; b = b[min(len(b), BlockSize):] {
			s := one(prefix(salt), b[:min(len(b), BlockSize)])
			up = append(up, s[:]...)
		}
		up = padded(up)
		tree = append(bytes.Clone(up), tree...)
		level = up
	}
	return tree
}

func TestKernelPathReadsKernelLayout(t *testing.T) {
	for _, n := range []int{1, 4096, 4097, SpanSize + 1, 64<<20 + 1} {
		data, salt := random(n, 5), random(n%2*16, 6)
		digest, _ := summed(t, data, salt, Options{})
		tree := bytes.NewReader(kernelTree(data, salt))
		last := Blocks(int64(n)) - 1
		for _, at := range []int64{0, last / 3, last} {
			block, path, err := KernelPath(t.Context(), bytes.NewReader(data), tree, digest, int64(n), salt, at)
			if err != nil || len(path) != Levels(int64(n)) || !bytes.Equal(block, data[at*BlockSize:][:len(block)]) {
				t.Errorf("size %d, block %d: %v", n, at, err)
			}
			if _, _, err = KernelPath(t.Context(), zeroes(n), tree, digest, int64(n), salt, at); !errors.Is(err, ErrProof) {
				t.Errorf("size %d, block %d of other bytes: %v", n, at, err)
			}
		}
		if _, _, err := KernelPath(t.Context(), bytes.NewReader(data), tree, digest, int64(n), salt, last+1); err == nil {
			t.Errorf("size %d: block behind the end", n)
		}
	}
}

func TestPassGoesOnWhereAnotherEnded(t *testing.T) {
	for _, n := range []int{1, 4096, 5000, SpanSize, ChunkSize, ChunkSize + 5, 9<<20 + 1, 70<<20 + 3} {
		data, salt := random(n, 7), random(9, 1)
		digest, sums := summed(t, data, salt, Options{})
		whole := n / ChunkSize * 64
		for _, have := range []int{0, min(64, whole), whole / 128 * 64, whole, len(sums)} {
			c := &counting{r: bytes.NewReader(data)}
			var more []byte
			got, err := Digest(t.Context(), c, int64(n), Options{Salt: salt, Workers: 3, Done: bytes.NewReader(sums[:have]),
				Sums: func(b []byte) error { more = append(more, b...); return nil }})
			if err != nil || got != digest || !bytes.Equal(append(sums[:have:have], more...), sums) {
				t.Fatalf("size %d, %d sums known: %v, same digest %v", n, have/32, err, got == digest)
			}
			read, want := c.n.Load(), int64(n-min(n, have/64*ChunkSize))
			if have == len(sums) {
				want = 0
			}
			if read != want {
				t.Fatalf("size %d, %d sums known: %d bytes read, want %d", n, have/32, read, want)
			}
		}
	}
}

func TestPassRejectsSumsOfNoPass(t *testing.T) {
	const n = 5<<20 + 1 // eleven spans
	for _, have := range []int{1, 31, 32, 33, 96, 10*32 + 32*2, 12 * 32, 1 << 20} {
		_, err := Digest(t.Context(), zeroes(n), n, Options{Done: bytes.NewReader(make([]byte, have))})
		if !errors.Is(err, errDone) {
			t.Errorf("%d bytes: %v", have, err)
		}
	}
	if got, err := Digest(t.Context(), zeroes(n), n, Options{Done: bytes.NewReader(make([]byte, 64))}); err != nil || got == reference(make([]byte, n), nil) {
		t.Errorf("sums of other bytes: %v, digest unchanged", err)
	}
	if _, _, err := Both(t.Context(), zeroes(n), n, Options{Done: bytes.NewReader(nil)}); err == nil {
		t.Error("plain SHA-256 from the middle on")
	}
}

func TestErrorOfSumsAndOfBudgetEndsPass(t *testing.T) {
	full := errors.New("no space left on device")
	for _, n := range []int64{1, 5 << 20, 200 << 20} {
		if _, err := Digest(t.Context(), zeroes(n), n, Options{Sums: func([]byte) error { return full }}); !errors.Is(err, full) {
			t.Errorf("size %d: %v", n, err)
		}
	}
	var asked int
	_, err := Digest(t.Context(), zeroes(9<<20+1), 9<<20+1, Options{Workers: 1, Wait: func(_ context.Context, n int) error {
		if asked += n; asked > 8<<20 {
			return full
		}
		return nil
	}})
	if !errors.Is(err, full) || asked != 9<<20 {
		t.Errorf("%v after %d bytes", err, asked)
	}
}

func TestPortableAndLanesAgree(t *testing.T) {
	data, salt := random(9<<20+123, 4), random(32, 5)
	a, sa := summed(t, data, salt, Options{Workers: 2})
	b, sb := summed(t, data, salt, Options{Workers: 5, Portable: true})
	if a != b || !bytes.Equal(sa, sb) {
		t.Fatal("they differ")
	}
}

func FuzzVerifyBlock(f *testing.F) {
	data := random(SpanSize+1, 1)
	digest, sums := summed(f, data, nil, Options{})
	tree, err := NewTree(bytes.NewReader(sums), SpanSize+1, nil)
	if err != nil {
		f.Fatal(err)
	}
	block, path, err := tree.Path(f.Context(), bytes.NewReader(data), 128)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(int64(SpanSize+1), []byte{}, int64(128), block, bytes.Join(path, nil))
	f.Add(int64(0), []byte{1}, int64(0), []byte{}, []byte{})
	f.Add(int64(1)<<62, []byte{}, int64(1)<<49, block, bytes.Join(path, nil))
	f.Fuzz(func(t *testing.T, size int64, salt []byte, index int64, b, joined []byte) {
		var p [][]byte
		for len(joined) > 0 {
			n := min(len(joined), BlockSize)
			p, joined = append(p, joined[:n]), joined[n:]
		}
		if err := VerifyBlock(digest, size, salt, index, b, p); err == nil {
			if size != SpanSize+1 || index < 0 || index > 128 || !bytes.Equal(b, data[index*BlockSize:min(len(data), int(index+1)*BlockSize)]) {
				t.Fatalf("block %d of size %d accepted, and the file has other bytes there", index, size)
			}
		}
	})
}

// Every block of a random file has a path, and a changed bit anywhere in it has none.
func FuzzPath(f *testing.F) {
	f.Add(uint32(1), uint8(0), uint32(0), uint32(5))
	f.Add(uint32(2<<20), uint8(3), uint32(300), uint32(99999))
	f.Fuzz(func(t *testing.T, n uint32, saltLen uint8, at, flip uint32) {
		data := random(int(n%(3<<20))+1, uint64(n))
		salt := random(int(saltLen%(MaxSalt+1)), 3)
		digest, sums := summed(t, data, salt, Options{Workers: 1 + rand.IntN(4)})
		tree, err := NewTree(bytes.NewReader(sums), int64(len(data)), salt)
		if err != nil || tree.Digest() != digest {
			t.Fatal(err)
		}
		index := int64(at) % Blocks(int64(len(data)))
		block, path, err := tree.Path(t.Context(), bytes.NewReader(data), index)
		if err != nil {
			t.Fatal(err)
		}
		all := append([][]byte{block}, path...)
		part := all[int(flip>>16)%len(all)]
		part[int(flip)%len(part)] ^= 1 << (flip % 8)
		if err := VerifyBlock(digest, int64(len(data)), salt, index, block, path); !errors.Is(err, ErrProof) {
			t.Fatalf("changed path: %v", err)
		}
	})
}
