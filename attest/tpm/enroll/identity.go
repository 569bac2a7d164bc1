package enroll

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/hallmark-attest/hallmark/attest"
)

// ErrIdentity says that an EK certificate does not name its TPM as the TCG EK Credential Profile demands.
var ErrIdentity = errors.New("no TPM manufacturer, model and version in subjectAltName")

// Identity is what the certifier says of the TPM: attributes of one directory name in subjectAltName.
type Identity struct {
	Manufacturer string // 2.23.133.2.1: "id:" and the hex of the TCG vendor id
	Model        string // 2.23.133.2.2
	Version      string // 2.23.133.2.3: "id:" and hex of the firmware version
}

var oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}

const (
	directoryName = 4 // GeneralName's tag: RFC 5280 section 4.2.1.6
	maxAttributes = 64
)

// identity reads subjectAltName. Go's parser does not know directory names and counts the extension as unhandled; who
// clears that must have read all of it, so everything but directory names is refused when the extension is critical.
func identity(c *x509.Certificate) (*Identity, error) {
	id := new(Identity)
	for _, e := range c.Extensions {
		if !e.Id.Equal(oidSubjectAltName) {
			continue
		}
		if err := id.names(e.Value); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrIdentity, err)
		}
	}
	if id.Manufacturer == "" || id.Model == "" || id.Version == "" {
		return nil, ErrIdentity
	}
	return id, nil
}

func (id *Identity) names(der []byte) error {
	var list []asn1.RawValue
	if err := all(der, &list); err != nil {
		return err
	}
	for _, n := range list {
		if n.Class != asn1.ClassContextSpecific || n.Tag != directoryName {
			continue // a hardware module name beside it says nothing we use
		}
		if err := id.directory(n.Bytes); err != nil {
			return err
		}
	}
	return nil
}

// attribute is AttributeTypeAndValue; relative names are sets of them, and makers put one or all three into a set.
type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}
type attributeSET []attribute

func (id *Identity) directory(der []byte) error {
	var rdns []attributeSET
	if err := all(der, &rdns); err != nil {
		return err
	}
	seen := 0
	for _, set := range rdns {
		for _, a := range set {
			if seen++; seen > maxAttributes {
				return fmt.Errorf("more than %d attributes", maxAttributes)
			}
			if err := id.attribute(a); err != nil {
				return err
			}
		}
	}
	return nil
}

func (id *Identity) attribute(a attribute) error {
	for i, field := range []*string{&id.Manufacturer, &id.Model, &id.Version} {
		if !a.Type.Equal(asn1.ObjectIdentifier{2, 23, 133, 2, i + 1}) {
			continue
		}
		if *field != "" {
			return fmt.Errorf("attribute %s twice", a.Type)
		}
		if !utf8.Valid(a.Value.Bytes) {
			return fmt.Errorf("attribute %s is not text", a.Type)
		}
		*field = attest.Clean(string(a.Value.Bytes))
	}
	return nil
}

func all(der []byte, v any) error {
	rest, err := asn1.Unmarshal(der, v)
	if err == nil && len(rest) > 0 {
		err = errors.New("trailing bytes")
	}
	return err
}
