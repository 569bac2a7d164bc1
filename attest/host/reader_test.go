package host

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-attest/hallmark/attest"
)

var update = flag.Bool("update", false, "rewrite golden files")

func fixed() time.Time { return time.UnixMilli(1_700_000_000_000) }

func read(t testing.TB, root fs.FS) *Claims {
	t.Helper()
	r := &Reader{Root: root, Now: fixed}
	c := r.Read(t.Context())
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestGoldenHGXHost(t *testing.T) {
	b, err := attest.Marshal(read(t, tree(t)))
	if err != nil {
		t.Fatal(err)
	}
	got := keyed(t, b)
	const name = "testdata/hgx.golden.json"
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("claims changed; -update writes them anew (-want +got):\n%s", cmp.Diff(string(want), string(got)))
	}
}

// keyed shows encoded claims as JSON under the keys they travel with.
func keyed(t *testing.T, b []byte) []byte {
	t.Helper()
	m, err := cbor.DecOptions{DefaultMapType: reflect.TypeFor[map[string]any]()}.DecMode()
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := m.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}

func TestClaimsRoundTrip(t *testing.T) {
	b, err := attest.Marshal(read(t, tree(t)))
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	again, err := attest.Marshal(c)
	if err != nil || !bytes.Equal(again, b) {
		t.Fatalf("%v; %d and %d bytes", err, len(b), len(again))
	}
}

func absence(c *Claims, what string) *attest.Absence {
	if i := slices.IndexFunc(c.Absent, func(a attest.Absence) bool { return a.What == what }); i >= 0 {
		return &c.Absent[i]
	}
	return nil
}

func TestSerialsAndCommandLineStayOnHostUnlessAllowed(t *testing.T) {
	b, err := attest.Marshal(read(t, tree(t)))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"000000X00000001", "hunter2"} {
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("claims hold %q", secret)
		}
	}
	c := (&Reader{Root: tree(t), Now: fixed, Serials: true, Cmdline: true}).Read(t.Context())
	if c.DMI.BoardSerial != "B000000X00000001" || !strings.Contains(c.Kernel.Cmdline, "iommu=pt") {
		t.Errorf("allowed, and yet absent: %+v, %q", c.DMI, c.Kernel.Cmdline)
	}
}

func TestEmptyRootStatesAbsencesAndNothingElse(t *testing.T) {
	c := read(t, fstest.MapFS{})
	for _, what := range []string{"system", "pci", "rdma", "dmi", "kernel.lockdown", "kernel.module_sig_enforce", "kernel.taint", "kernel.ima_policy", "nvidia", "nvidia_module", "nvml_library"} {
		if absence(c, what) == nil {
			t.Errorf("%s: neither stated nor absent", what)
		}
	}
	if c.DMI != nil || c.NVIDIA != nil || c.NVIDIAModule != nil || c.Kernel.Taint != nil || len(c.PCI) != 0 {
		t.Errorf("claims out of nothing: %+v", c)
	}
}

// denied refuses to open some files, as a kernel does for a user without rights.
type denied struct {
	fs.FS
	suffix string
}

func (d denied) Open(name string) (fs.File, error) {
	if strings.HasSuffix(name, d.suffix) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return d.FS.Open(name)
}
func (d denied) ReadLink(name string) (string, error)   { return fs.ReadLink(d.FS, name) }
func (d denied) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(d.FS, name) }

func TestUnreadableFileIsNotPermitted(t *testing.T) {
	for suffix, what := range map[string]string{"/lockdown": "kernel.lockdown", "19:00.0/vendor": "pci[0000:19:00.0].vendor", "3b:00.0/resource": "pci[0000:3b:00.0].bars",
		"9a:00.0/max_link_width": "pci[0000:9a:00.0].link_width_max", "bios_date": "dmi.bios_date", "19:00.0/information": "nvidia.gpus[0000:19:00.0]"} {
		c := read(t, denied{tree(t), suffix})
		if a := absence(c, what); a == nil || a.Reason != attest.NotPermitted {
			t.Errorf("%s unreadable: absence of %s is %+v", suffix, what, a)
		}
	}
}

func TestMalformedAttributesBecomeAbsences(t *testing.T) {
	for _, c := range []struct{ file, text, what string }{
		{"sys/kernel/security/lockdown", "[sideways]", "kernel.lockdown"},
		{"proc/sys/kernel/tainted", "-1", "kernel.taint"},
		{"sys/module/module/parameters/sig_enforce", "maybe", "kernel.module_sig_enforce"},
		{"proc/driver/nvidia/version", "hello", "nvidia.version"},
		{pciDir + "/0000:19:00.0/resource", "0x2 0x1 0x1\n", "pci[0000:19:00.0].bars"},
		{pciDir + "/0000:19:00.0/class", "0x1000000", "pci[0000:19:00.0].class"},
		{pciDir + "/0000:19:00.0/revision", "0x100", "pci[*].revision"},
		{rdmaDir + "/mlx5_0/ports/1/rate", "fast", "rdma[mlx5_0/1].rate_mbps"},
		{moduleDir + "notes/.note.gnu.build-id", "GNU", "nvidia_module.build_id"},
		{"sys/class/dmi/id/sys_vendor", strings.Repeat("x", maxAttribute+1), "dmi.sys_vendor"},
	} {
		m := tree(t)
		m[c.file] = &fstest.MapFile{Data: []byte(c.text)}
		if absence(read(t, m), c.what) == nil {
			t.Errorf("%s = %.20q: no absence of %s", c.file, c.text, c.what)
		}
	}
}

func TestReadStopsAtDeadline(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := (&Reader{Root: tree(t), Now: fixed}).Read(ctx)
	if a := absence(c, "pci"); a == nil || a.Reason != attest.Timeout || len(c.PCI) != 0 {
		t.Fatalf("%+v", a)
	}
}

func TestPCIDevicesAreBounded(t *testing.T) {
	m := fstest.MapFS{}
	for i := range MaxPCI + 1 {
		d := pciDir + "/" + addressOf(i) + "/"
		for name, v := range map[string]string{"vendor": "0x10de", "device": "0x2330", "class": "0x030200", "resource": ""} {
			m[d+name] = &fstest.MapFile{Data: []byte(v)}
		}
	}
	c := read(t, m)
	if a := absence(c, "pci"); len(c.PCI) != MaxPCI || a == nil || a.Reason != attest.Oversize {
		t.Fatalf("%d devices, %+v", len(c.PCI), a)
	}
}

func addressOf(i int) string {
	const x = "0123456789abcdef"
	return "0000:" + string([]byte{x[i>>8&15], x[i>>4&15]}) + ":0" + string(x[i&15]) + ".0"
}

func TestSettersReplaceTheAbsence(t *testing.T) {
	c := read(t, tree(t))
	f := MappedFile{Path: "/usr/lib/libnvidia-ml.so.1", SizeBytes: 1, FSVerity: make([]byte, 32), SHA256: make([]byte, 32), Exact: true}
	c.SetNVMLLibrary(f)
	c.SetModuleFile(f)
	if absence(c, whatNVML) != nil || absence(c, whatModule) != nil || c.Check() != nil {
		t.Fatalf("after setting: %+v, %v", c.Absent, c.Check())
	}
	c.SetNVMLAbsent(attest.Crashed, "probe died")
	c.SetModuleFileAbsent(attest.NotPermitted, "no")
	if a := absence(c, whatNVML); a == nil || a.Reason != attest.Crashed || c.NVMLLibrary != nil || c.NVIDIAModule.File != nil {
		t.Fatalf("after withdrawing: %+v", a)
	}
}
