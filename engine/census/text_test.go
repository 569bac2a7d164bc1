package census_test

import (
	"testing"

	"github.com/hallmark-attest/hallmark/engine/census"
)

func TestTextNamesSharesAndWhatIsNotCounted(t *testing.T) {
	active := uint64(500)
	c := &census.Census{Format: "safetensors", Files: 2, Tensors: 4, Parameters: 1000, ActiveParameters: &active, ByType: []census.TypeCount{
		{Type: "bf16", Scheme: "none", Tensors: 1, Parameters: 25, StorageBytes: 50, MilliBits: 16000},
		{Type: "int4", Scheme: "gptq", Tensors: 1, Parameters: 975, StorageBytes: 510, MilliBits: 4184}, {Type: "u8", Scheme: "none", Tensors: 1}},
		UnknownTensors: 1, UnknownBytes: 9, Ignored: []string{"x.bin"}, IgnoredFiles: 1, Conflicts: []census.Conflict{{Key: "bits", Config: "8", Found: "4"}}}
	want := `parameters 1000, 500 of them active  (safetensors, 2 files, 4 tensors)
    2.5 %  bf16       none               16.000 bits each  25 parameters
   97.5 %  int4       gptq                4.184 bits each  975 parameters
  not counted: 1 tensors with 9 bytes in a packing that is not known
  not counted: 1 weight files that are no part of it: x.bin
  bits: the configuration says 8, found 4
`
	if got := c.Text(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
