package ima_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/hallmark-attest/hallmark/attest/ima"
)

// Any bytes end in a list whose parts add up; hiding what it can read does not move the register.
func FuzzContinue(f *testing.F) {
	part := vmList(f)
	f.Add(part[:2000], true)
	f.Add(part[len(part)-1000:], false)
	f.Add(slices.Concat(ng("/a"), violation("/b"), fixed("dddddddddddddddddddd", "/c")), true)
	f.Add(hideAll(f, ng("/a")), false)
	f.Add(rec(10, "ima-sigv2", fields("verity:"+dng("x"), "/x\x00", "sig")), true)
	f.Fuzz(func(t *testing.T, part []byte, sha384 bool) {
		bank := bank256
		if sha384 {
			bank.Alg = ima.SHA384
		}
		l, _ := ima.NewReplay(bank).Continue(part)
		end := l.At(len(l.Entries))
		if int(end.Bytes)+l.Pending != len(part) {
			t.Fatalf("%d bytes consumed, %d pending of %d", end.Bytes, l.Pending, len(part))
		}
		if n, size, ok := l.LongestPrefix(equals(end.Register)); !ok || n != len(l.Entries) || uint64(size) != end.Bytes {
			t.Fatalf("prefix %d of %d, %v", n, len(l.Entries), ok)
		}
		if sha384 {
			return
		}
		hidden := hideAll(t, part[:end.Bytes])
		after := whole(t, bank, hidden)
		if got := after.At(len(after.Entries)); len(hidden) != int(end.Bytes) || !bytes.Equal(got.Register, end.Register) {
			t.Fatalf("hiding moved the register of %x", part)
		}
	})
}

// Records of any content: what the kernel could write is read, replays in pieces, and hides.
func FuzzHide(f *testing.F) {
	f.Add("/usr/bin/env", "content", "sig", uint8(0))
	f.Add("/", "", "", uint8(1))
	f.Add("boot_aggregate", "x", "y", uint8(2))
	f.Fuzz(func(t *testing.T, path, content, sig string, kind uint8) {
		if len(path)+len(sig) > ima.MaxData/2 {
			return
		}
		var r []byte
		switch kind % 4 {
		case 0:
			r = rec(10, "ima-sig", fields(dng(content), path+"\x00", sig))
		case 1:
			r = rec(10, "ima-ngv2", fields("verity:"+dng(content), path+"\x00"))
		case 2:
			r = fixed(string(bytes.Repeat([]byte{kind}, 20)), path[:min(len(path), 255)])
		case 3:
			r = rec(10, "ima-buf", fields(dng(content), path+"\x00", content))
		}
		part := slices.Concat(ng("boot_aggregate"), r, violation("/v"))
		before, after := whole(t, bank256, part), whole(t, bank256, hideAll(t, part))
		if !bytes.Equal(before.At(3).Register, after.At(3).Register) || before.At(3).Bytes != after.At(3).Bytes {
			t.Errorf("%q %q %q %d: register or length differs", path, content, sig, kind)
		}
	})
}
