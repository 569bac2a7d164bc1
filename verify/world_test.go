package verify

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/host"
	"github.com/hallmark-attest/hallmark/engine"
)

// boots lets the forge's TPM hold the registers of one of our own machine's boots (testdata/vm), and sends its logs.
func (f *forge) boots(dir string) *forge {
	f.t.Helper()
	values := readTestdata(f.t, "../testdata/vm/"+dir+"/quote.pcrs")
	f.pcrs = func(m map[uint][]byte) {
		for i := range m {
			m[i] = bytes.Clone(values[32*i : 32*i+32])
		}
	}
	f.logs[attest.LogBoot] = attest.Part{Bytes: readTestdata(f.t, "../testdata/vm/"+dir+"/boot.bin")}
	f.logs[attest.LogIMA] = attest.Part{Bytes: readTestdata(f.t, "../testdata/vm/"+dir+"/ima.bin")}
	return f
}

// holds changes registers after those of the boot are there.
func (f *forge) holds(change func(map[uint][]byte)) *forge {
	before := f.pcrs
	f.pcrs = func(m map[uint][]byte) { call(before, m); change(m) }
	return f
}

// sends replaces a log, its first byte at an offset.
func (f *forge) sends(name string, offset int, b []byte, more bool) *forge {
	f.logs[name] = attest.Part{Offset: uint64(offset), Bytes: b, More: more}
	return f
}

// measured lets the kernel have measured these records and no others.
func (f *forge) measured(records ...[]byte) *forge {
	register := replay10(records)
	f.holds(func(m map[uint][]byte) { m[10] = register })
	return f.sends(attest.LogIMA, 0, slices.Concat(records...), false)
}

// Records of the kernel's list, made apart from the code under test.

func u32(n int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }

func fields(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.Write(u32(len(p)))
		b.WriteString(p)
	}
	return b.String()
}

func rawRecord(hash []byte, template, data string) []byte {
	return slices.Concat(u32(10), hash, u32(len(template)), []byte(template), u32(len(data)), []byte(data))
}

// imaNG is a file of a digest under a path.
func imaNG(path, alg string, digest []byte) []byte {
	data := fields(alg+":\x00"+string(digest), path+"\x00")
	h := sha1.Sum([]byte(data))
	return rawRecord(h[:], "ima-ng", data)
}

func imaFile(path string) []byte {
	d := sha256.Sum256([]byte(path))
	return imaNG(path, "sha256", d[:])
}

func imaViolation(path string) []byte {
	return rawRecord(make([]byte, 20), "ima-ng", fields("sha256:\x00"+strings.Repeat("\x00", 32), path+"\x00"))
}

// records takes a list apart at its entries.
func records(b []byte) (out [][]byte) {
	for len(b) > 0 {
		n := 28 + int(binary.LittleEndian.Uint32(b[24:]))
		n += 4 + int(binary.LittleEndian.Uint32(b[n:]))
		out, b = append(out, b[:n:n]), b[n:]
	}
	return out
}

// replay10 is register 10 after the records (SHA-256 bank).
func replay10(list [][]byte) []byte {
	register := make([]byte, 32)
	for _, r := range list {
		digest := sha256.Sum256(r[32+binary.LittleEndian.Uint32(r[24:]):])
		if bytes.Equal(r[4:24], make([]byte, 20)) {
			digest = [32]byte(bytes.Repeat([]byte{0xff}, 32))
		}
		next := sha256.Sum256(append(register, digest[:]...))
		register = next[:]
	}
	return register
}

// digestIn is the digest under which a list has a path.
func digestIn(t testing.TB, list []byte, path string) attest.Digest {
	t.Helper()
	for _, r := range records(list) {
		if at := bytes.Index(r, []byte(path+"\x00")); at > 0 {
			return attest.Digest(r[at-4-32 : at-4])
		}
	}
	t.Fatalf("no %s in the list", path)
	return attest.Digest{}
}

// world is a node in a closed world: every condition holds, against references that ReferenceOf made of itself.
type world struct {
	*forge
	host     host.Claims
	engine   engine.Claims
	software attest.Software
	bounds   func(*attest.Bound)
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{forge: newForge(t).boots("secure-boot")}
	list := w.logs[attest.LogIMA].Bytes
	file := func(path string, verity byte) *attest.FileDigest {
		return &attest.FileDigest{Size: 9, FSVerity: digest(verity), SHA256: digestIn(t, list, path)}
	}
	w.software = attest.Software{Agent: file("/usr/bin/hallmark-agent", 1), Probe: file("/usr/lib/hallmark/hallmark-gpuprobe", 2)}
	w.host = host.Claims{ObtainedAt: ms(w.at), How: "procfs", PCI: []host.PCIDevice{}, RDMA: []host.RDMAPort{},
		System: &host.System{OS: "linux", Hypervisor: ptr(false)}, Kernel: host.Kernel{Lockdown: "integrity", SigEnforce: ptr(true)}}
	e := serving(t)
	exe := digestIn(t, list, "/usr/bin/mount")
	e.Process.Exe.SHA256 = exe[:]
	w.engine = engine.Claims{ObtainedAt: ms(w.at), How: "procfs", Engines: []engine.Engine{*e}}
	w.bound = func(b *attest.Bound) {
		b.Measurements = []attest.Measurement{{Format: attest.FormatSoftware, Bytes: w.must(attest.Marshal(w.software))}}
		call(w.bounds, b)
	}
	return w
}

// state puts the claims as they are now into the evidence.
func (w *world) state() {
	w.claims[attest.KindHost] = w.must(attest.Marshal(w.host))
	w.claims[attest.KindEngine] = w.must(attest.Marshal(w.engine))
}

// reference makes reference values of the node as it is now.
func (w *world) reference() attest.Reference {
	w.t.Helper()
	w.state()
	v := w.verifier(w.t, w.known(), nil)
	r, err := v.ReferenceOf(w.make(), w.soon(TierCommunity))
	if err != nil {
		w.t.Fatal(err)
	}
	return *r
}

func (f *forge) references(list ...attest.Reference) *References {
	f.t.Helper()
	out := &References{}
	for _, r := range list {
		if err := out.Add(f.must(MarshalReference(nil, r)), nil); err != nil {
			f.t.Fatal(err)
		}
	}
	return out
}

func (w *world) judge(r *References) *Result {
	w.t.Helper()
	w.state()
	return w.forge.result(r, nil, TierEnterpriseMeasured)
}

// result judges the forge's record with references and history.
func (f *forge) result(refs *References, h *History, asked Tier) *Result {
	f.t.Helper()
	o := f.soon(asked)
	o.History = h
	r, err := f.judgeWith(f.known(), refs, o)
	if err != nil {
		f.t.Fatal(err)
	}
	if bad := ids(r, Contraindicated); slices.Contains(bad, "claims.malformed") || slices.Contains(bad, "response.malformed") || slices.Contains(bad, "challenge.malformed") {
		f.t.Fatalf("the test sends what nobody reads: %+v", r.Findings)
	}
	return r
}

// wants holds a result's findings against ids: "+id" must be there as affirming, "!id" as warning, "x id" as contradiction,
// "?id" as none, "-id" not at all.
func wants(t testing.TB, r *Result, list ...string) {
	t.Helper()
	status := map[byte]Status{'+': Affirming, '!': Warning, 'x': Contraindicated, '?': None}
	for _, w := range list {
		id := strings.TrimSpace(w[1:])
		if _, ok := EntryOf(id); !ok {
			t.Fatalf("%s is no finding", id)
		}
		if w[0] == '-' {
			if slices.Contains(said(r), id) {
				t.Errorf("%s is said: %q", id, seenOf(r, id))
			}
		} else if !slices.Contains(ids(r, status[w[0]]), id) {
			t.Errorf("%s is not %s\n%v", id, status[w[0]], said(r))
		}
	}
}

// seenOf is what a finding saw.
func seenOf(r *Result, id string) string {
	for _, f := range r.Findings {
		if f.ID == id {
			return f.Seen
		}
	}
	return ""
}

// rawVerity is a file by its fs-verity digest.
func rawVerity(path string, digest []byte) []byte {
	data := fields("verity:sha256:\x00"+string(digest), path+"\x00")
	h := sha1.Sum([]byte(data))
	return rawRecord(h[:], "ima-ngv2", data)
}
