package tdx

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
)

// oidSGX is the extension of a PCK certificate (Intel SGX PCK Certificate and CRL Profile Specification, 1.3.5).
var oidSGX = asn1.ObjectIdentifier{1, 2, 840, 113741, 1, 13, 1}

type member = pkix.AttributeTypeAndValue

func sgxOID(tail ...int) asn1.ObjectIdentifier { return append(slices.Clone(oidSGX), tail...) }

// sgxExtension encodes what a PCK certificate says of its platform: a sequence of members, of which the TCB is itself one of 18.
func sgxExtension(o *PlatformOptions) (pkix.Extension, error) {
	var tcb []member
	for i, svn := range o.CPUSVN {
		tcb = append(tcb, member{Type: sgxOID(2, i+1), Value: int(svn)})
	}
	tcb = append(tcb, member{Type: sgxOID(2, 17), Value: int(o.PCESVN)}, member{Type: sgxOID(2, 18), Value: o.CPUSVN[:]})
	der, err := asn1.Marshal([]member{
		{Type: sgxOID(1), Value: o.PPID[:]},
		{Type: sgxOID(2), Value: tcb},
		{Type: sgxOID(3), Value: o.PCEID[:]},
		{Type: sgxOID(4), Value: o.FMSPC[:]},
		{Type: sgxOID(5), Value: asn1.Enumerated(1)}, // scalable: the sort of server processors
	})
	if err != nil {
		return pkix.Extension{}, fmt.Errorf("synthetic tdx: sgx extension: %w", err)
	}
	return pkix.Extension{Id: oidSGX, Value: der}, nil
}

func unmarshal(der []byte, v any) {
	if _, err := asn1.Unmarshal(der, v); err != nil {
		panic(err) // just encoded
	}
}
