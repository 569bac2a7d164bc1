package agent

import (
	"encoding/json"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/sign"
)

// View prints an envelope's content as indented JSON, byte strings in hex, with
// the size of each part. It is for people: what is hashed and signed is the CBOR.
func View(envelope []byte) ([]byte, error) {
	msg, err := sign.Open(envelope, attest.TypeEvidence, attest.MaxEvidenceSize)
	if err != nil {
		return nil, err
	}
	ev, err := attest.ParseEvidence(msg.Unverified())
	if err != nil {
		return nil, err
	}
	bound, err := attest.ParseBound(ev.Bound)
	if err != nil {
		return nil, err
	}
	sizes := map[string]int{"envelope": len(envelope), "bound": len(ev.Bound), "roots": len(ev.Roots)}
	for k, b := range bound.Submods {
		sizes["claims."+string(k)] = len(b)
	}
	out := map[string]any{"profile": ev.Profile, "sizes_bytes": sizes}
	for _, part := range []struct {
		name  string
		bytes []byte
		names attest.Names
	}{{"bound", ev.Bound, attest.BoundNames}, {"roots", ev.Roots, attest.NoNames}} {
		if out[part.name], err = attest.View(part.bytes, part.names); err != nil {
			return nil, fmt.Errorf("view of %s: %w", part.name, err)
		}
	}
	var software []json.RawMessage // encoded inside bound, so shown in hex there
	for _, m := range bound.Measurements {
		v, err := attest.View(m.Bytes, attest.NoNames)
		if err != nil {
			return nil, fmt.Errorf("view of software: %w", err)
		}
		software = append(software, v)
	}
	out["software"] = software
	return json.MarshalIndent(out, "", "  ")
}
