package tdx

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// pcs is the address of Intel's provisioning certification service.
const pcs = "https://api.trustedservices.intel.com"

func tcbInfoURL(fmspc string) string { return pcs + "/tdx/certification/v4/tcb?fmspc=" + fmspc }
func qeIdentityURL() string          { return pcs + "/tdx/certification/v4/qe/identity" }
func pckCRLURL(ca string) string {
	return pcs + "/sgx/certification/v4/pckcrl?ca=" + ca + "&encoding=der"
}

// Answer is one answer of the service.
type Answer struct {
	File  string // its name in a directory
	Body  []byte
	Chain string // of the body's issuer, PEM; "" where the answer has none
	head  string // the header that carries it
}

// Answers are those of the service for one quote, by address. Bodies may be changed, as a cache or a thief of the wire could.
type Answers map[string]*Answer

// Answers are the collateral as Intel's service gives it.
func (c *Collateral) Answers(p *Platform) Answers {
	return Answers{
		tcbInfoURL(hex.EncodeToString(p.o.FMSPC[:])): {"tcb.json", []byte(`{"tcbInfo":` + c.TCBInfo + `,"signature":"` + c.TCBInfoSignature + `"}`), c.TCBInfoIssuerChain, "Tcb-Info-Issuer-Chain"},
		qeIdentityURL():   {"qe-identity.json", []byte(`{"enclaveIdentity":` + c.QEIdentity + `,"signature":"` + c.QEIdentitySignature + `"}`), c.QEIdentityIssuerChain, "Sgx-Enclave-Identity-Issuer-Chain"},
		pckCRLURL(p.CA()): {"pck-crl.der", unhex(c.PCKCRL), c.PCKCRLIssuerChain, "Sgx-Pck-Crl-Issuer-Chain"},
		RootCRLURL:        {"root-crl.der", unhex(c.RootCACRL), "", ""},
	}
}

// TCBInfo and QEIdentity are the answers with JSON, whatever their address.
func (a Answers) TCBInfo() *Answer    { return a.file("tcb.json") }
func (a Answers) QEIdentity() *Answer { return a.file("qe-identity.json") }

func (a Answers) file(name string) *Answer {
	for _, answer := range a {
		if answer.File == name {
			return answer
		}
	}
	return nil
}

// Get answers as Intel's service does: go-tdx-guest's trust.HTTPSGetter.
func (a Answers) Get(address string) (map[string][]string, []byte, error) {
	answer, ok := a[address]
	if !ok {
		return nil, nil, fmt.Errorf("synthetic tdx: 404 %s", address)
	}
	header := map[string][]string{}
	if answer.head != "" {
		header[answer.head] = []string{url.QueryEscape(answer.Chain)}
	}
	return header, answer.Body, nil
}

// Write writes the bodies into a directory, each with its issuer's chain beside it: name.chain.pem.
func (a Answers) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("synthetic tdx: %w", err)
	}
	for _, answer := range a {
		if err := os.WriteFile(filepath.Join(dir, answer.File), answer.Body, 0o644); err != nil {
			return fmt.Errorf("synthetic tdx: %w", err)
		}
		if answer.Chain == "" {
			continue
		}
		name := strings.TrimSuffix(answer.File, filepath.Ext(answer.File)) + ".chain.pem"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(answer.Chain), 0o644); err != nil {
			return fmt.Errorf("synthetic tdx: %w", err)
		}
	}
	return nil
}

// AddMember puts a member behind the first brace of a JSON object or, with last, before its last: a duplicate of one that
// is there, or one whose name differs in case only, which careless decoders take for it.
func AddMember(object []byte, name, value string, last bool) []byte {
	m := fmt.Sprintf("%q:%s", name, value)
	if last {
		return []byte(string(object[:len(object)-1]) + "," + m + "}")
	}
	return []byte("{" + m + "," + string(object[1:]))
}
