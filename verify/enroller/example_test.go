package enroller_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/hallmark-attest/hallmark/attest/tpm/enroll"
	"github.com/hallmark-attest/hallmark/sign"
	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/client"
	"github.com/hallmark-attest/hallmark/verify/enroller"
)

// A validator enrols a node and keeps its record. It is compiled, not run: there is no node.
func Example() {
	key, err := sign.GenerateKey()
	if err != nil {
		fmt.Println(err)
		return
	}
	roots, err := enroll.LoadRoots(os.DirFS("/etc/hallmark/ek-roots"))
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := client.New("https://node.example:8443", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	node, err := enroller.Enroll(context.Background(), c, key, enroller.Options{Roots: roots})
	var refused *enroller.Refusal
	if errors.As(err, &refused) {
		fmt.Println("refused:", refused.Entry.ID)
		return
	} else if err != nil {
		fmt.Println("not judged:", err)
		return
	}
	file, err := verify.MarshalNode(key, *node)
	if err == nil {
		err = os.WriteFile("node.json", file, 0o644)
	}
	fmt.Println(err)
}
