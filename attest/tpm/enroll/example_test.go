package enroll_test

import (
	"crypto/subtle"
	"fmt"
	"os"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm/enroll"
)

// A validator enrols a node. It is compiled, not run: ask and activate are the two requests to the node.
func Example() {
	var ask func() *attest.Parameters
	var activate func(ek string, credential, encrypted []byte) []byte

	roots, err := enroll.LoadRoots(os.DirFS("/etc/hallmark/ek-roots"))
	if err != nil {
		fmt.Println(err)
		return
	}
	parameters := ask()
	ak, err := enroll.CheckParameters(parameters)
	if err != nil {
		fmt.Println(err)
		return
	}
	ek, refusals, err := enroll.ChooseEK(parameters.EKs, roots, time.Now())
	for _, r := range refusals {
		fmt.Println(r)
	}
	if err != nil {
		return
	}
	secret := enroll.NewSecret()
	credential, encrypted, err := enroll.MakeCredential(ek.Public, ak.Name(), secret)
	if err != nil {
		fmt.Println(err)
		return
	}
	if subtle.ConstantTimeCompare(activate(ek.Template.Name, credential, encrypted), secret) == 1 {
		fmt.Printf("AK %x lives with the EK of a %s TPM\n", ak.NameDigest(), ek.Class)
	}
}
