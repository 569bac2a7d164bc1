package disk_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hallmark-attest/hallmark/attest/fsverity"
	"github.com/hallmark-attest/hallmark/attest/fsverity/disk"
)

// A file is hashed at the lowest priority the disk has.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "model.gguf")
	if err := os.WriteFile(name, []byte("hello\n"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	f, err := os.Open(name)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	d := disk.Open(f)
	defer d.Close()
	sum, err := fsverity.Digest(context.Background(), d, 6, fsverity.Options{Workers: d.Workers(), Worker: disk.Idle})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("sha256:%x\n", sum)
	// Output: sha256:9c76eecc7b76fcb46199cb27b90cf59a660e10575bb0412128905129d5b1c2aa
}
