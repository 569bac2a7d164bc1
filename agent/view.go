package agent

import (
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/fxamacker/cbor/v2"

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
	roots, err := attest.ParseRoots(ev.Roots)
	if err != nil {
		return nil, err
	}
	sizes := map[string]int{"envelope": len(envelope), "bound": len(ev.Bound), "roots": len(ev.Roots)}
	claims := map[string]any{}
	for k, b := range bound.Submods {
		sizes["claims."+string(k)] = len(b)
		if claims[string(k)], err = generic(b); err != nil {
			return nil, fmt.Errorf("view of %s: %w", k, err)
		}
	}
	quotes := map[string]any{}
	for k, b := range roots {
		if quotes[string(k)], err = generic(b); err != nil {
			return nil, fmt.Errorf("view of %s: %w", k, err)
		}
	}
	var software attest.Software
	if len(bound.Measurements) == 1 {
		if err := attest.Unmarshal(bound.Measurements[0].Bytes, &software, attest.MaxEvidenceSize); err != nil {
			return nil, fmt.Errorf("view of software: %w", err)
		}
	}
	out := map[string]any{
		"profile": ev.Profile, "issued_at": bound.IssuedAt, "root": bound.Root.String(), "ueid": bound.UEID.String(),
		"evidence_key": map[string]string{"x": bound.Confirmation.Key.X.String(), "y": bound.Confirmation.Key.Y.String()},
		"name":         bound.Name, "version": bound.Version, "software": printableSoftware(software), "tls_key": bound.TLSKey.String(), "class": bound.Class,
		"inputs": map[string]any{"config": bound.Inputs.Config.String(), "paths": bound.Inputs.Paths, "statfs": bound.Inputs.StatFS,
			"namespaces": bound.Inputs.Namespaces, "nondefault": bound.Inputs.NonDefault},
		"claims": claims, "absent": printableAbsences(bound.Absent), "roots": quotes, "sizes_bytes": sizes,
	}
	return json.MarshalIndent(out, "", "  ")
}

// generic decodes one CBOR map into what encoding/json prints.
func generic(b []byte) (any, error) {
	var v any
	if err := cbor.Unmarshal(b, &v); err != nil {
		return nil, err
	}
	return printable(v), nil
}

func printable(v any) any {
	switch x := v.(type) {
	case []byte:
		return hex.EncodeToString(x)
	case []any:
		for i := range x {
			x[i] = printable(x[i])
		}
		return x
	case map[any]any:
		m := make(map[string]any, len(x))
		for k, e := range x {
			m[fmt.Sprint(k)] = printable(e)
		}
		return m
	}
	return v
}

func printableSoftware(s attest.Software) map[string]any {
	out := map[string]any{}
	for name, d := range map[string]*attest.FileDigest{"agent": s.Agent, "probe": s.Probe} {
		if d != nil {
			out[name] = map[string]any{"size_bytes": d.Size, "fsverity": d.FSVerity.String(), "sha256": d.SHA256.String()}
		}
	}
	return out
}

func printableAbsences(list []attest.Absence) []map[string]string {
	out := []map[string]string{}
	for _, a := range list {
		out = append(out, map[string]string{"what": a.What, "reason": string(a.Reason), "detail": a.Detail})
	}
	return out
}
