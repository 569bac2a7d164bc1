package fsverity_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/hallmark-attest/hallmark/attest/fsverity"
)

// The digest of a one-line file, as `fsverity digest` prints it.
func ExampleDigest() {
	file := strings.NewReader("hello\n")
	d, err := fsverity.Digest(context.Background(), file, file.Size(), fsverity.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("sha256:%x\n", d)
	// Output: sha256:9c76eecc7b76fcb46199cb27b90cf59a660e10575bb0412128905129d5b1c2aa
}
