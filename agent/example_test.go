package agent_test

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/agent"
)

// A typing mistake is an error that names its place and the nearest key.
func ExampleParseConfig() {
	_, err := agent.ParseConfig([]byte("tpm:\n  devise: /dev/tpmrm0\n"))
	fmt.Println(err)
	// Output:
	// [2:3] unknown field "devise"
	//    1 | tpm:
	// >  2 |   devise: /dev/tpmrm0
	//          ^
	// hint: did you mean "device"?
}
