package verify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/sign"
)

// Inspection is what a record holds, judged by nobody: no signature was checked.
type Inspection struct {
	View  json.RawMessage   // for people
	Parts map[string][]byte // raw parts for other tools, by file name
}

// Inspect takes a record, node.json, reference file or history of telemetry apart.
func Inspect(b []byte) (*Inspection, error) {
	if len(b) > 0 && b[0] == '{' {
		return inspectJSON(b)
	}
	if h, err := telemetry.ParseHistory(b); err == nil {
		return inspectHistory(h)
	}
	msg, err := sign.Open(b, attest.TypeRecord, attest.MaxRecordSize)
	if err != nil {
		return nil, fmt.Errorf("neither a record, a node or reference file, nor a history of telemetry: %w", err)
	}
	rec, err := attest.ParseRecord(msg.Unverified())
	if err != nil {
		return nil, err
	}
	in := &inspector{parts: map[string][]byte{"challenge.cbor": rec.Challenge}}
	view := map[string]any{"judged": false, "signer": msg.KeyID().String(), "sent_ms": rec.Sent, "received_ms": rec.Received,
		"tls_key": rec.TLSKey.String(), "challenge": in.challenge(rec.Challenge), "response": in.response(rec)}
	if rec.Exporter != nil {
		view["exporter"] = rec.Exporter.String()
	}
	out, err := json.Marshal(view)
	return &Inspection{out, in.parts}, err
}

func inspectJSON(b []byte) (*Inspection, error) {
	var f struct {
		nodeFile
		Reference string `json:"reference"`
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, err
	}
	var view any
	switch {
	case f.Node != "":
		n, err := OpenNode(b)
		if err != nil {
			return nil, err
		}
		payload, err := attest.Marshal(n.Node)
		if err != nil {
			return nil, err
		}
		v, err := attest.View(payload, attest.NodeNames)
		if err != nil {
			return nil, err
		}
		view = map[string]any{"judged": false, "signer": fingerprint(n.Signer), "node": v}
	case f.Reference != "":
		r, _, err := openReference(b, nil)
		if err != nil {
			return nil, err
		}
		payload, err := attest.Marshal(r)
		if err != nil {
			return nil, err
		}
		v, err := attest.View(payload, attest.ReferenceNames)
		if err != nil {
			return nil, err
		}
		view = map[string]any{"judged": false, "reference": v}
	default:
		return nil, errors.New("neither a node record nor a reference file")
	}
	out, err := json.Marshal(view)
	return &Inspection{View: out, Parts: map[string][]byte{}}, err
}

// inspector collects parts; what does not parse stands in the view as its error.
type inspector struct{ parts map[string][]byte }

func problem(err error) any { return map[string]string{"error": err.Error()} }

func (in *inspector) challenge(b []byte) any {
	msg, err := sign.Open(b, attest.TypeChallenge, attest.MaxRequestSize)
	if err != nil {
		return problem(err)
	}
	v, err := attest.View(msg.Unverified(), attest.ChallengeNames)
	if err != nil {
		return problem(err)
	}
	return map[string]any{"signer": msg.KeyID().String(), "payload": v}
}

func (in *inspector) response(rec *attest.Record) any {
	r, err := attest.ParseResponse(rec.Response)
	if err != nil {
		return problem(err)
	}
	in.parts["evidence.cbor"] = r.Evidence
	path := make([]string, len(r.Path))
	for i, p := range r.Path {
		path[i] = p.String()
	}
	logs := map[string]any{}
	for name, p := range r.Logs {
		logs[name] = logView(p)
		if file, ok := logFiles[name]; ok && len(p.Bytes) > 0 {
			in.parts[file] = p.Bytes
		}
	}
	view := map[string]any{"size": r.Size, "logs": logs, "index": r.Index, "path": path, "evidence": in.evidence(r.Evidence)}
	if r.Window != nil {
		view["window"] = windowView(r.Window)
	}
	if a, err := attest.ParseAnswer(r.Answer); err != nil {
		view["answer"] = problem(err)
	} else {
		answer := map[string]any{}
		if a.Channel != nil {
			answer["channel"] = a.Channel.String()
		}
		if len(a.Blocks) > 0 {
			answer["blocks"] = blocksView(a.Blocks)
		}
		view["answer"] = answer
	}
	return view
}

func windowView(w *attest.Window) any {
	if w.Absent != nil {
		return map[string]any{"absent": string(w.Absent.Reason) + ": " + w.Absent.Detail}
	}
	size := 0
	for _, c := range w.Chunks {
		size += len(c)
	}
	return map[string]any{"chunks": len(w.Chunks), "bytes": size}
}

// logFiles are the names that other tools know the logs by.
var logFiles = map[string]string{attest.LogBoot: "boot.log", attest.LogIMA: "ima.bin", attest.LogCEL: "runtime.cel"}

func logView(p attest.Part) any {
	if p.Absent != nil {
		return map[string]any{"absent": string(p.Absent.Reason) + ": " + p.Absent.Detail}
	}
	return map[string]any{"offset": p.Offset, "bytes": len(p.Bytes), "more": p.More}
}

func (in *inspector) evidence(b []byte) any {
	msg, err := sign.Open(b, attest.TypeEvidence, attest.MaxEvidenceSize)
	if err != nil {
		return problem(err)
	}
	e, err := attest.ParseEvidence(msg.Unverified())
	if err != nil {
		return problem(err)
	}
	view := map[string]any{"profile": e.Profile}
	if v, err := attest.View(e.Bound, attest.BoundNames); err != nil {
		view["bound"] = problem(err)
	} else {
		view["bound"] = v
	}
	view["roots"] = in.roots(e)
	return view
}

func (in *inspector) roots(e *attest.Evidence) any {
	roots, err := attest.ParseRoots(e.Roots)
	if err != nil {
		return problem(err)
	}
	out, inside := map[string]any{}, map[attest.Kind]attest.Digest{}
	if raw, ok := roots[attest.KindTDX]; ok {
		out["tdx"] = in.td(raw, inside)
	}
	if raw, ok := roots[attest.KindTPM]; ok {
		out["tpm"] = in.tpm(e, raw, inside)
	}
	return out
}

// td takes a TD quote apart, and puts its digest among those that the TPM's quote covers.
func (in *inspector) td(raw []byte, inside map[attest.Kind]attest.Digest) any {
	var b []byte
	if err := attest.Unmarshal(raw, &b, attest.MaxEvidenceSize); err != nil {
		return problem(err)
	}
	in.parts["tdx.quote"], inside[attest.KindTDX] = b, sha256.Sum256(b)
	q, err := quote.Parse(b)
	if err != nil {
		return problem(err)
	}
	return tdFacts(q)
}

func (in *inspector) tpm(e *attest.Evidence, raw []byte, inside map[attest.Kind]attest.Digest) any {
	var q tpm.Quote
	if err := attest.Unmarshal(raw, &q, attest.MaxEvidenceSize); err != nil {
		return problem(err)
	}
	in.parts["quote.msg"], in.parts["quote.sig"] = q.Attest, q.Signature
	pcrs := map[string]string{}
	for i, v := range q.PCRs {
		pcrs[fmt.Sprint(i)] = hex.EncodeToString(v)
	}
	in.parts["pcrs.json"], _ = json.MarshalIndent(map[string]any{"bank": q.Bank, "pcrs": pcrs}, "", "  ")
	view := map[string]any{"attest": hex.EncodeToString(q.Attest), "signature": hex.EncodeToString(q.Signature), "bank": q.Bank, "pcrs": pcrs}
	in.quote(e, view, inside)
	return view
}

// quote adds what the quoted structure says and what it should have been made over.
func (in *inspector) quote(e *attest.Evidence, view map[string]any, inside map[attest.Kind]attest.Digest) {
	b, err := attest.ParseBound(e.Bound)
	if err != nil {
		return
	}
	if pub, err := b.Confirmation.PublicKey(); err == nil {
		if key, err := attest.KeyDigest(pub); err == nil {
			inner, _ := attest.Inner(inside)
			q := attest.TPMQualifying(attest.Binding(b.Root, key, e.Bound), inner)
			in.parts["qualifying.hex"] = []byte(q.String() + "\n")
			view["qualifying"] = q.String()
		}
	}
	if c, err := tpm.Parse(b.Submods[attest.KindTPM]); err == nil {
		if ak, err := tpm.ParseAK(c.AK); err == nil {
			if pem, err := sign.MarshalPublicKey(ak.Key()); err == nil {
				in.parts["ak.pem"] = pem
			}
		}
	}
}
