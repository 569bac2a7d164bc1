package runlog_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hallmark-attest/hallmark/attest/runlog"
)

// An agent records its start and an engine; a verifier reads the log as far as a quoted register says.
func Example() {
	dir, err := os.MkdirTemp("", "runlog")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx, tpm := context.Background(), newRegister(runlog.SHA256) // on a host: PCR 13 of its TPM

	log, err := runlog.Open(ctx, runlog.Options{Path: filepath.Join(dir, "runtime.cel"), BootID: [16]byte{0xb0}, PCR: 13, Register: tpm,
		Clock: func() time.Time { return time.UnixMilli(1_700_000_000_000) }})
	if err != nil {
		fmt.Println(err) // ErrForeign: the register is not ours, to be said aloud
		return
	}
	defer log.Close()
	this := runlog.Start{Version: "0.3.0", AgentSHA256: bytes.Repeat([]byte{1}, 32), ConfigDigest: [32]byte{2}, EvidenceKey: [32]byte{3}}
	if _, err := log.Append(ctx, runlog.TypeStart, this.Facts()); err != nil {
		fmt.Println(err)
		return
	}
	quoted := bytes.Clone(tpm.banks[runlog.SHA256])
	if _, err := log.Append(ctx, runlog.TypeEngine, runlog.Facts{"name": "vllm", "pid": uint64(4711)}); err != nil {
		fmt.Println(err)
		return
	}

	part, more, err := log.Part(0, 1<<20)
	if err != nil || more {
		fmt.Println(more, err)
		return
	}
	list, err := runlog.NewReplay(runlog.SHA256, 13).Continue(part)
	if err != nil {
		fmt.Println(err)
		return
	}
	n, _, ok := list.LongestPrefix(func(register []byte) bool { return bytes.Equal(register, quoted) })
	fmt.Println(ok, n, "of", len(list.Records))
	for _, r := range list.Records[:n] {
		fmt.Println(r.Event.Sequence, r.Event.Type, r.Event.Facts["version"])
	}
	// Output:
	// true 1 of 2
	// 0 start 0.3.0
}
