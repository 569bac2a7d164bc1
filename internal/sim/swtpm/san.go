package swtpm

import (
	"crypto/x509/pkix"
	"encoding/asn1"
)

type asn1OID = asn1.ObjectIdentifier

// subjectAltName writes the TPM's maker, model and version as the TCG EK Credential Profile wants them: one directory
// name with attributes 2.23.133.2.1, .2 and .3, in a critical extension.
func subjectAltName(manufacturer, model, version string) (pkix.Extension, error) {
	var name pkix.RDNSequence
	for i, v := range []string{manufacturer, model, version} {
		name = append(name, pkix.RelativeDistinguishedNameSET{{
			Type:  asn1OID{2, 23, 133, 2, i + 1},
			Value: asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(v)},
		}})
	}
	der, err := asn1.Marshal(name)
	if err != nil {
		return pkix.Extension{}, err
	}
	directory := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 4, IsCompound: true, Bytes: der}
	value, err := asn1.Marshal([]asn1.RawValue{directory})
	return pkix.Extension{Id: asn1OID{2, 5, 29, 17}, Critical: true, Value: value}, err
}
