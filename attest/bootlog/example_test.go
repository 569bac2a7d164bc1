package bootlog_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"github.com/hallmark-attest/hallmark/attest/bootlog"
)

// A validator has checked a quote, and has its registers and the node's boot log.
func ExampleJudge() {
	raw, err := os.ReadFile("testdata/vm-secureboot.bin")
	if err != nil {
		panic(err)
	}
	report := bootlog.Judge(raw, 0x000b, exampleRegisters())

	fmt.Println("replays:", report.Replays && report.Closed)
	if on, err := report.SecureBoot.Get(); err != nil {
		fmt.Println("secure boot: not known:", err)
	} else {
		fmt.Println("secure boot:", on)
	}
	authorities, _ := report.Authorities.Get()
	for _, a := range authorities {
		if a.Key.Kind != bootlog.KeyValue {
			fmt.Println("verified by:", a.Variable, a.Key.Name)
		}
	}
	lines, _ := report.CommandLines.Get()
	fmt.Println("kernel:", lines)
	// Output:
	// replays: true
	// secure boot: true
	// verified by: db Microsoft Corporation UEFI CA 2011
	// verified by: MokListRT Debian Secure Boot CA
	// kernel: [/vmlinuz root=LABEL=root rw console=ttyS0 quiet ima_policy=tcb lsm=lockdown,integrity]
}

func exampleRegisters() map[uint][]byte {
	b, err := os.ReadFile("testdata/registers.json")
	if err != nil {
		panic(err)
	}
	var all map[string]map[string]map[string]string
	if err := json.Unmarshal(b, &all); err != nil {
		panic(err)
	}
	pcrs := map[uint][]byte{}
	for k, v := range all["vm-secureboot"]["sha256"] {
		i, _ := strconv.Atoi(k)
		pcrs[uint(i)], _ = hex.DecodeString(v)
	}
	return pcrs
}
