package sums_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hallmark-attest/hallmark/attest/fsverity"
	"github.com/hallmark-attest/hallmark/attest/fsverity/sums"
)

// A pass leaves sums; a block is proved from them later.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx, weights := context.Background(), strings.NewReader(strings.Repeat("weights ", 1<<18))
	f, err := sums.Open(filepath.Join(dir, "sums"), sums.Subject{Size: weights.Size(), Begun: time.Now()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	digest, err := fsverity.Digest(ctx, weights, weights.Size(), fsverity.Options{Done: f.Done(), Sums: f.Add})
	if err != nil {
		fmt.Println(err)
		return
	}
	tree, err := fsverity.NewTree(f, weights.Size(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	block, path, err := tree.Path(ctx, weights, 300)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(path), "tree blocks:", fsverity.VerifyBlock(digest, weights.Size(), nil, 300, block, path))
	// Output: 2 tree blocks: <nil>
}
