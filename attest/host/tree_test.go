package host

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
)

// tree loads the simulated host. It is one text file because PCI addresses hold
// colons, which a Go module may not carry in file names.
func tree(t testing.TB) fstest.MapFS {
	t.Helper()
	a, err := txtar.ParseFile("testdata/hgx.txtar")
	if err != nil {
		t.Fatal(err)
	}
	m := fstest.MapFS{}
	for _, f := range a.Files {
		if name, target, ok := strings.Cut(f.Name, " -> "); ok {
			m[name] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}
			continue
		}
		m[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o444}
	}
	// the build id note the kernel keeps of the loaded module is binary
	m[moduleDir+"notes/.note.gnu.build-id"] = &fstest.MapFile{Data: append([]byte("\x04\x00\x00\x00\x14\x00\x00\x00\x03\x00\x00\x00GNU\x00"), []byte(strings.Repeat("\xb1", 20))...), Mode: 0o444}
	return m
}
