// Package vm embeds the logs of our own virtual machine for the demonstration
// and for tests (README.md). Nothing that ships imports it.
package vm

import _ "embed"

// Logs of the boot with Secure Boot, and the boot log of the same machine started with another command line.
var (
	//go:embed secure-boot/boot.bin
	Boot []byte
	//go:embed secure-boot/ima.bin
	IMA []byte
	//go:embed changed-cmdline/boot.bin
	OtherBoot []byte
)
