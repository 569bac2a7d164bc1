package modelsig

import (
	"errors"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
)

const (
	statementType = "https://in-toto.io/Statement/v1"
	predicateType = "https://model_signing/signature/v1.0"
	oldPredicate  = "https://model_signing/Digests/v0.1"
)

// Subject names the model as a whole. The name is for people: the signer wrote
// the base name of a directory, and nothing may depend on it (OMS 6.5).
type Subject struct {
	Name   string
	SHA256 [32]byte // root digest: SHA-256 over the resources' digests in their order
}

// Resource is one signed digest. With MethodShards the name ends in ":start:end".
type Resource struct {
	Name      string
	Digest    [32]byte
	Algorithm string
}

// Statement is what a publisher's key has signed. Only Open makes one.
type Statement struct {
	Subject       Subject
	Serialization Serialization
	Resources     []Resource

	files   map[string]*signedFile // by path
	ignored map[string]bool
	bundle  [32]byte // SHA-256 of the bundle itself
}

// rawStatement is the payload as written, before one part is held against another:
// JSON may bring the parts in any order.
type rawStatement struct {
	name, root string
	resources  []rawResource
	ser        Serialization
}

type rawResource struct{ name, digest, algorithm string }

// parseStatement reads a verified payload (OMS 8.3; schemas/v1.0/statement.schema.json).
func parseStatement(payload []byte) (*Statement, error) {
	r, err := newReader(payload)
	if err != nil {
		return nil, err
	}
	var raw rawStatement
	err = r.object("document", []string{"_type", "subject", "predicateType", "predicate"}, func(name string) error {
		switch name {
		case "_type":
			return r.exactly(name, statementType)
		case "subject":
			return raw.readSubject(r)
		case "predicateType":
			return readPredicateType(r)
		case "predicate":
			return raw.readPredicate(r)
		}
		return fmt.Errorf("unknown member %q", attest.Clean(name))
	})
	if err != nil {
		return nil, err
	}
	return raw.statement()
}

func readPredicateType(r *reader) error {
	got, err := r.text("predicateType")
	switch {
	case err != nil || got == predicateType:
		return err
	case got == oldPredicate:
		return fmt.Errorf("%w: predicateType %q, the form before version 1.0: ask the publisher to sign anew", ErrNotEvaluable, got)
	}
	return fmt.Errorf("predicateType: %q, want %q", attest.Clean(got), predicateType)
}

func (raw *rawStatement) readSubject(r *reader) error {
	found := false
	err := r.array("subject", 1, func() error {
		found = true
		return r.object("subject", []string{"name", "digest"}, func(name string) (err error) {
			switch name {
			case "name":
				raw.name, err = r.text("subject name")
				return err
			case "digest":
				return r.object("subject digest", []string{"sha256"}, func(name string) (err error) {
					if name != "sha256" {
						return r.skip(name)
					}
					raw.root, err = r.text(name)
					return err
				})
			}
			return r.skip(name)
		})
	})
	if err == nil && !found {
		return errors.New("subject: none")
	}
	return err
}

func (raw *rawStatement) readPredicate(r *reader) error {
	return r.object("predicate", []string{"resources", "serialization"}, func(name string) error {
		switch name {
		case "resources":
			return r.array(name, MaxResources, func() error { return raw.readResource(r) })
		case "serialization":
			return readSerialization(r, &raw.ser)
		}
		return fmt.Errorf("predicate: unknown member %q", attest.Clean(name))
	})
}

// readResource reads over members that in-toto defines and this format does not use (OMS 5.2.1).
func (raw *rawStatement) readResource(r *reader) error {
	var res rawResource
	err := r.object("resource", []string{"name", "digest", "algorithm"}, func(name string) (err error) {
		switch name {
		case "name":
			res.name, err = r.text(name)
		case "digest":
			res.digest, err = r.text(name)
		case "algorithm":
			res.algorithm, err = r.text(name)
		default:
			err = r.skip(name)
		}
		return err
	})
	raw.resources = append(raw.resources, res)
	return err
}
