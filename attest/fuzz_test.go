package attest

import (
	"bytes"
	"testing"
)

// fuzzParse asserts that what a parser accepts encodes to the same bytes again.
func fuzzParse[T any](f *testing.F, seed T, parse func([]byte) (*T, error)) {
	b, err := Marshal(seed)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := parse(b)
		if err != nil {
			return
		}
		if again, err := Marshal(*v); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("accepted %x, which encodes to %x (%v)", b, again, err)
		}
	})
}

func FuzzParseChallenge(f *testing.F) {
	zero := uint64(0)
	fuzzParse(f, Challenge{Profiles: []string{Profile}, Nonce: Nonce{1}, Issued: 1, Expires: 2, Audience: UEID{1}, Kinds: []Kind{"gpu"}, Blocks: []BlockRequest{{3, Digest{1}}}, Logs: &Logs{Boot: &zero}}, ParseChallenge)
}

func FuzzParseActivate(f *testing.F) {
	fuzzParse(f, Activate{Profiles: []string{Profile}, Nonce: Nonce{1}, Issued: 1, Expires: 2, Audience: UEID{1}, Step: StepActivate, EK: "L-1", Credential: []byte{1}, Secret: []byte{2}}, ParseActivate)
}

func FuzzParseParameters(f *testing.F) {
	fuzzParse(f, Parameters{EKs: []EKOffer{{Template: "L-1", Key: []byte{1}, Chain: [][]byte{{1}}}}, AK: []byte{1}, Absent: []Absence{Absent("x", Failed, "y")}}, ParseParameters)
}

func FuzzParseResponse(f *testing.F) {
	fuzzParse(f, Response{Evidence: []byte{1}, Answer: []byte{2}, Size: 2, Index: 1, Path: []Digest{{}}}, ParseResponse)
}

func FuzzParseAnswer(f *testing.F) {
	node := bytes.Repeat([]byte{7}, BlockBytes)
	for _, a := range []BlockAnswer{NoBlocks(Digest{1}, NotYet, "x"), NewBlockAnswer(Digest{2}, [][]byte{{1}, {2}}, [][][]byte{{node}, {node}})} {
		b, err := Marshal(Answer{Blocks: []BlockAnswer{a}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	fuzzParse(f, Answer{Channel: &Digest{}}, ParseAnswer)
}

func FuzzParseEvidence(f *testing.F) {
	fuzzParse(f, Evidence{Profile: Profile, Bound: []byte{0xa0}, Roots: []byte{0xa0}}, ParseEvidence)
}

func FuzzParseBound(f *testing.F) {
	b := Bound{UEID: UEID{1}, Class: ClassFast, Name: "hallmark-agent", Version: []string{"1"},
		Measurements: []Measurement{{Format: FormatSoftware, Bytes: []byte{0xa0}}}}
	for _, k := range []Kind{"engine", "gpu", "gpu-report", "guest", "host", "tdx", "telemetry", "tpm"} {
		b.Absent = append(b.Absent, Absent(string(k), NotConfigured, ""))
	}
	fuzzParse(f, b, ParseBound)
}

func FuzzParseRecord(f *testing.F) {
	fuzzParse(f, Record{Challenge: []byte{1}, Sent: 1, Received: 2, Exporter: &Digest{}, Response: []byte{1}}, ParseRecord)
}

func FuzzParseNode(f *testing.F) {
	fuzzParse(f, Node{Profile: Profile, UEID: UEID{1}, Trust: TrustCertificate, TPM: &NodeTPM{AK: []byte{1}, EKTemplate: "L-1", Class: "unknown"}}, ParseNode)
}

func FuzzParseReference(f *testing.F) {
	fuzzParse(f, Reference{Version: 1, Models: []ReferenceModel{{Name: "m"}, {Name: "n", Census: []byte{0xa1, 0x61, 'a', 0x01}, Publisher: &Publisher{Digest{1}, "n"}}}, Executables: []ReferenceExecutable{{Name: "e", Role: RoleEngine}}}, ParseReference)
}

func FuzzParseVerdict(f *testing.F) {
	fuzzParse(f, Verdict{Profile: Profile, UEID: UEID{1}, Sent: 1, Received: 2, Tier: "verified", Findings: []string{"a", "b"}, Clock: &VerdictClock{Clock: 1}}, ParseVerdict)
}
