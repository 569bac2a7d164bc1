package quote

import (
	"crypto/sha256"
	"crypto/x509"
	_ "embed" // Intel's root
	"encoding/pem"
	"errors"
	"sync"
)

//go:embed intel-sgx-root-ca.pem
var intelRoot []byte

// IntelRootDigest is the SHA-256 of Intel's SGX Root CA certificate (DER), as at
// https://certificates.trustedservices.intel.com/Intel_SGX_Provisioning_Certification_RootCA.cer.
var IntelRootDigest = [32]byte{
	0x44, 0xa0, 0x19, 0x6b, 0x2b, 0x99, 0xf8, 0x89, 0xb8, 0xe1, 0x49, 0xe9, 0x5b, 0x80, 0x7a, 0x35,
	0x0e, 0x74, 0x24, 0x96, 0x43, 0x99, 0xe8, 0x85, 0xa7, 0xcb, 0xb8, 0xcc, 0xfa, 0xb6, 0x74, 0xd3,
}

// IntelRoots is a pool with Intel's root alone. A pool of a simulator's root is made by the caller.
func IntelRoots() (*x509.CertPool, error) {
	cert, err := intelCertificate()
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return pool, nil
}

var intelCertificate = sync.OnceValues(func() (*x509.Certificate, error) {
	block, _ := pem.Decode(intelRoot)
	if block == nil || sha256.Sum256(block.Bytes) != IntelRootDigest {
		return nil, errors.New("tdx quote: the embedded root is not Intel's")
	}
	return x509.ParseCertificate(block.Bytes)
})
