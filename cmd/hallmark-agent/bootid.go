package main

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
)

// bootID is the kernel's random name for this boot.
func bootID() (id [16]byte, err error) {
	const path = "/proc/sys/kernel/random/boot_id"
	b, err := os.ReadFile(path)
	if err != nil {
		return id, err
	}
	n, err := hex.Decode(id[:], []byte(strings.ReplaceAll(strings.TrimSpace(string(b)), "-", "")))
	if err != nil || n != len(id) {
		return id, fmt.Errorf("%s: %.60q is no boot id", path, b)
	}
	return id, nil
}
