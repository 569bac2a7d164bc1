package proc_test

import (
	"fmt"
	"os"

	"github.com/hallmark-attest/hallmark/internal/proc"
)

// Which file does this process run? The descriptor, not the name, is the answer.
func ExampleFS_OpenExe() {
	fs := proc.FS{Root: "/proc"}
	f, err := fs.OpenExe(os.Getpid())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	magic := make([]byte, 4)
	f.ReadAt(magic, 0)
	fmt.Printf("%q\n", magic)
	// Output: "\x7fELF"
}
