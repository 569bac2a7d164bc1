package proc

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

const statLine = "4242 (a) b (c) S 17 4242 4242 0 -1 4194304 100 0 0 0 1 2 0 0 20 0 1 0 987654 1000 10 18446744073709551615 1 1 0 0\n"

func TestStatKeepsParenthesesInName(t *testing.T) {
	got, err := ParseStat([]byte(statLine))
	if want := (Stat{PID: 4242, Comm: "a) b (c", State: 'S', PPID: 17, StartTicks: 987654}); err != nil || got != want {
		t.Fatalf("%+v, %v; want %+v", got, err, want)
	}
}

func TestStatRejectsMalformed(t *testing.T) {
	for _, s := range []string{"", "1", "1 (x", "1 (x) S 1", "x (x) S 1 " + strings.Repeat("0 ", 30), "1(x) S 1 " + strings.Repeat("0 ", 30),
		strings.Replace(statLine, "987654", "-1", 1), strings.Replace(statLine, " 17 ", " 99999999999 ", 1)} {
		if got, err := ParseStat([]byte(s)); !errors.Is(err, ErrSyntax) {
			t.Errorf("%q: %+v, %v", s, got, err)
		}
	}
}

const mapsText = `55581000-55585000 r-xp 00001000 fe:02 1234                       /usr/bin/with space
7f0000000000-7f0000001000 rw-p 00000000 00:00 0
7f0000001000-7f0000002000 r--s 00000000 08:10 99                         /srv/m.safetensors (deleted)
7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]
`

func TestMapsReturnsFilesOnly(t *testing.T) {
	got, err := ParseMaps([]byte(mapsText))
	want := []Mapping{
		{0x55581000, 0x55585000, "r-xp", 0x1000, 0xfe02, 1234, "/usr/bin/with space", false},
		{0x7f0000001000, 0x7f0000002000, "r--s", 0, 0x810, 99, "/srv/m.safetensors", true},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v, %v", got, err)
	}
	if !got[0].Executable() || got[1].Executable() || got[0].Range() != "55581000-55585000" {
		t.Fatalf("permissions or range read wrongly: %+v", got)
	}
}

func TestMapsRejectsMalformed(t *testing.T) {
	ok := "1000-2000 r-xp 00000000 fe:02 12 /x\n"
	for _, r := range [][2]string{{"1000-2000", "2000-1000"}, {"1000-2000", "1000"}, {"r-xp", "r-x"}, {"r-xp", "rxwp"}, {"fe:02", "fe02"}, {" 12 ", " -1 "}, {" 00000000", " zz"}, {" fe:02 12 /x", ""}} {
		if got, err := ParseMaps([]byte(strings.Replace(ok, r[0], r[1], 1))); !errors.Is(err, ErrSyntax) {
			t.Errorf("%q for %q: %+v, %v", r[1], r[0], got, err)
		}
	}
	if _, err := ParseMaps(make([]byte, MaxMaps+1)); !errors.Is(err, ErrOversize) {
		t.Errorf("oversize: %v", err)
	}
}

const tcpText = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 228 1 00000000cc15a545 100 0 0 10 0
   1: 0100007F:1F40 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 229 1 00000000cc15a545 100 0 0 10 0
`

const tcp6Text = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: B80D0120000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7 1 0 100 0 0 10 0
`

func TestTCPReturnsListenersOnly(t *testing.T) {
	got, err := ParseTCP([]byte(tcpText))
	if want := []Listener{{netip.MustParseAddrPort("127.0.0.1:8000"), 1000, 228}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v, %v", got, err)
	}
	got, err = ParseTCP([]byte(tcp6Text))
	if want := []Listener{{netip.MustParseAddrPort("[2001:db8::1]:80"), 0, 7}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestTCPRejectsMalformed(t *testing.T) {
	for _, r := range [][2]string{{"0100007F:1F40", "0100007:1F40"}, {"0100007F:1F40", "010000:1F40"}, {":1F40 00000000:0000 0A", ":11F40 00000000:0000 0A"}, {" 228 ", " x "}, {" 1000 ", " -1 "}, {" 228 1 00000000cc15a545 100 0 0 10 0", ""}} {
		if got, err := ParseTCP([]byte(strings.Replace(tcpText, r[0], r[1], 1))); !errors.Is(err, ErrSyntax) {
			t.Errorf("%q: %+v, %v", r[1], got, err)
		}
	}
}

func TestCgroupPrefersUnifiedHierarchy(t *testing.T) {
	for in, want := range map[string]string{
		"0::/system.slice/vllm.service\n":                         "/system.slice/vllm.service",
		"12:cpu,cpuacct:/docker/ab\n1:name=systemd:/x\n0::/\n":    "/docker/ab",
		"3:pids:/\n2:cpu:/kubepods/x\n0::/system.slice/a:b.scope": "/system.slice/a:b.scope",
		"0::/\n": "/",
	} {
		if got, err := ParseCgroup([]byte(in)); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "0:/x", "0::x"} {
		if got, err := ParseCgroup([]byte(in)); !errors.Is(err, ErrSyntax) {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

func TestListDropsTrailingTerminatorsAndRejectsTooMany(t *testing.T) {
	got, err := ParseList([]byte("a\x00\x00b\x00\x00\x00"))
	if err != nil || !reflect.DeepEqual(got, []string{"a", "", "b"}) {
		t.Fatalf("%q, %v", got, err)
	}
	if _, err := ParseList([]byte(strings.Repeat("a\x00", MaxArgs+1))); !errors.Is(err, ErrOversize) {
		t.Fatalf("too many: %v", err)
	}
}

func TestKernelThreadIsToldByItsFlag(t *testing.T) {
	for flags, want := range map[string]bool{"2129984": true, "4194560": false} {
		got, err := ParseStat([]byte("2 (kthreadd) S 0 0 0 0 -1 " + flags + strings.Repeat(" 0", 30)))
		if err != nil || got.Kernel != want {
			t.Errorf("flags %s: %+v, %v", flags, got, err)
		}
	}
}

func TestLastPIDRejectsMalformed(t *testing.T) {
	if n, err := ParseLastPID([]byte("0.20 0.18 0.12 1/80 11206\n")); err != nil || n != 11206 {
		t.Errorf("%d, %v", n, err)
	}
	for _, s := range []string{"", "0.20 0.18 0.12 1/80", "0.20 0.18 0.12 1/80 -1", "0.20 0.18 0.12 1/80 1 2", strings.Repeat("1 ", MaxStat)} {
		if n, err := ParseLastPID([]byte(s)); !errors.Is(err, ErrSyntax) {
			t.Errorf("%q: %d, %v", s, n, err)
		}
	}
}

func FuzzParseLastPID(f *testing.F) {
	f.Add([]byte("0.20 0.18 0.12 1/80 11206\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := ParseLastPID(b); err == nil && n < 0 {
			t.Fatalf("id %d", n)
		}
	})
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte(statLine))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := ParseStat(b); err == nil && (s.PID < 0 || s.PPID < 0) {
			t.Fatalf("accepted %+v", s)
		}
	})
}

func FuzzParseMaps(f *testing.F) {
	f.Add([]byte(mapsText))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := ParseMaps(b)
		for _, m := range list {
			if err != nil || m.Start >= m.End || m.Inode == 0 || m.Path == "" {
				t.Fatalf("accepted %+v, %v", m, err)
			}
			_ = m.Executable()
		}
	})
}

func FuzzParseTCP(f *testing.F) {
	f.Add([]byte(tcpText))
	f.Add([]byte(tcp6Text))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := ParseTCP(b)
		for _, l := range list {
			if err != nil || !l.Addr.IsValid() {
				t.Fatalf("accepted %+v, %v", l, err)
			}
		}
	})
}

func FuzzParseCgroup(f *testing.F) {
	f.Add([]byte("0::/system.slice/x\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := ParseCgroup(b); err == nil && !strings.HasPrefix(p, "/") {
			t.Fatalf("accepted %q", p)
		}
	})
}

func FuzzParseList(f *testing.F) {
	f.Add([]byte("a\x00b\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if l, err := ParseList(b); err == nil && len(l) > MaxArgs {
			t.Fatalf("%d strings", len(l))
		}
	})
}
