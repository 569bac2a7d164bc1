package client_test

import (
	"context"
	"fmt"
	"os"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/sign"
	"github.com/hallmark-attest/hallmark/verify/client"
)

// A validator asks a node everything and keeps the record. It is compiled, not run: there is no node.
func Example() {
	key, err := sign.GenerateKey()
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
	id, _, err := c.Identity(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	ueid, err := attest.ParseUEID(id.UEID) // unproven; a node record would say whom to address
	if err != nil {
		fmt.Println(err)
		return
	}
	record, _, err := c.Ask(context.Background(), key, ueid, client.Question{Kinds: attest.Built()})
	if err == nil {
		err = os.WriteFile("answer.hm", record, 0o600)
	}
	fmt.Println(err)
}
