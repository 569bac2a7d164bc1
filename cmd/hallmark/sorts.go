package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/sign"
	"github.com/hallmark-attest/hallmark/stats"
	"github.com/hallmark-attest/hallmark/stats/compute"
)

// fileSort is a sort of file, by the look of it, and who takes it. Nothing is checked.
type fileSort struct{ name, use string }

// Sorts of files that commands take.
var (
	sortRecord     = fileSort{"a record of hallmark challenge", "hallmark verify judges it, hallmark inspect shows it"}
	sortNode       = fileSort{"a node record of hallmark enroll", "give it as --node; hallmark inspect shows it"}
	sortReference  = fileSort{"a reference file", "give it to hallmark verify as --reference; hallmark inspect shows it"}
	sortHistory    = fileSort{"a history of hallmark telemetry", "hallmark inspect --telemetry shows it"}
	sortResults    = fileSort{"statistical results", "hallmark stats show takes it, and hallmark verify --stats beside a record"}
	sortAnswers    = fileSort{"nodes' answers", "hallmark stats compute takes it"}
	sortEmbeddings = fileSort{"embeddings of answers", "hallmark stats compute takes it as --embeddings"}
	sortChallenge  = fileSort{"a signed challenge", "hallmark verify takes it as --challenge"}
	sortPolicy     = fileSort{name: "a policy for trust domains"}
	sortKey        = fileSort{"a key or certificate (PEM)", "public keys go to --validator, --signer or --reference-key, private ones to --key"}
)

// sortOf tells what a file is by its beginning.
func sortOf(b []byte) (fileSort, bool) {
	first, _, _ := bytes.Cut(bytes.TrimSpace(b), []byte("\n"))
	switch {
	case bytes.HasPrefix(first, []byte("-----BEGIN ")):
		return sortKey, true
	case bytes.HasPrefix(first, []byte("{")):
		return sortOfJSON(b)
	}
	if _, err := sign.Open(b, attest.TypeRecord, attest.MaxRecordSize); err == nil {
		return sortRecord, true
	}
	if _, err := sign.Open(b, attest.TypeChallenge, attest.MaxRequestSize); err == nil {
		return sortChallenge, true
	}
	if _, err := telemetry.ParseHistory(b); err == nil {
		return sortHistory, true
	}
	return fileSort{}, false
}

func sortOfJSON(b []byte) (fileSort, bool) {
	var first struct {
		Node, Reference, Schema any
		Signed                  any `json:"stat_result"`
	}
	if json.NewDecoder(bytes.NewReader(b)).Decode(&first) != nil {
		return fileSort{}, false
	}
	switch {
	case first.Schema == compute.AnswersSchema:
		return sortAnswers, true
	case first.Schema == compute.EmbeddingsSchema:
		return sortEmbeddings, true
	case first.Schema == stats.Schema || first.Signed != nil:
		return sortResults, true
	case document(first.Node):
		return sortNode, true
	case document(first.Reference):
		return sortReference, true
	}
	return fileSort{}, false
}

// document tells a signed document in base64 from a name.
func document(v any) bool {
	s, ok := v.(string)
	return ok && len(s) > compute.MaxID
}

// unlike is err, about the content of a file, or where the file is of none of the wanted sorts, what it is and who takes it.
func unlike(path string, b []byte, err error, want ...fileSort) error {
	got, ok := sortOf(b)
	if !ok || slices.Contains(want, got) {
		return err
	}
	names := make([]string, len(want))
	for i, w := range want {
		names[i] = w.name
	}
	return fmt.Errorf("%s is %s, not %s: %s", path, got.name, strings.Join(names, " or "), got.use)
}
