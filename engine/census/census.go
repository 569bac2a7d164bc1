package census

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/hallmark-attest/hallmark/attest"
)

// The closed set of Census.Format.
const (
	FormatSafetensors = "safetensors"
	FormatGGUF        = "gguf"
)

// Census is what the headers of a model's weight files hold.
type Census struct {
	Format     string      `cbor:"format"`
	Files      uint64      `cbor:"files"` // whose headers were counted
	Tensors    uint64      `cbor:"tensors"`
	Parameters uint64      `cbor:"parameters"` // logical; without scales, zero points and unknown packings
	ByType     []TypeCount `cbor:"by_type"`    // by type, then scheme

	// Unknown are tensors whose packing is not known: not counted, and room for
	// at most eight parameters in each byte.
	UnknownTensors uint64 `cbor:"unknown_tensors,omitempty"`
	UnknownBytes   uint64 `cbor:"unknown_bytes,omitempty"`

	// ActiveParameters take part in one token: all of them in a dense model, the
	// used share of the routed experts in a mixture. Absent where that share is not known.
	ActiveParameters *uint64  `cbor:"active_parameters,omitempty"`
	Experts          *Experts `cbor:"experts,omitempty"` // of a mixture of experts
	// SideParameters are those of the active ones that a token need not read, by the tensors' names: looked-up tables, towers, further heads.
	SideParameters uint64 `cbor:"side_parameters,omitempty"`

	Config    *Config    `cbor:"config,omitempty"`
	Conflicts []Conflict `cbor:"conflicts,omitempty"` // by key

	// Ignored are weight files that belong to no part of the model that was
	// counted: below the model's folder, outside its index, adapters, projectors.
	Ignored      []string `cbor:"ignored,omitempty"` // the first of them, sorted
	IgnoredFiles uint64   `cbor:"ignored_files,omitempty"`
}

// TypeCount is the share of one type in one packing. MilliBits are bits of storage
// for each parameter, scales included, in thousandths.
type TypeCount struct {
	Type         string `cbor:"type"`   // "bf16", "fp8-e4m3", "int4", "nf4", "nvfp4", "q4_k", …
	Scheme       string `cbor:"scheme"` // "none", "gptq", "awq", "compressed-tensors", "gguf", …
	Tensors      uint64 `cbor:"tensors"`
	Parameters   uint64 `cbor:"parameters"`
	StorageBytes uint64 `cbor:"storage_bytes"`
	MilliBits    uint64 `cbor:"millibits"`
}

// Experts describes the routed experts; shared ones are like any other layer.
type Experts struct {
	Count      uint64  `cbor:"count"`               // of each layer, by the tensors
	PerToken   *uint64 `cbor:"per_token,omitempty"` // by the configuration
	Parameters uint64  `cbor:"parameters"`
}

// Config is what the model's own configuration declares: config.json and its
// companions, or a GGUF's metadata.
type Config struct {
	Architecture    string  `cbor:"architecture,omitempty"`
	DType           string  `cbor:"dtype,omitempty"`        // torch_dtype or dtype, as written
	Method          string  `cbor:"quant_method,omitempty"` // as written
	Format          string  `cbor:"quant_format,omitempty"`
	Bits            *uint64 `cbor:"bits,omitempty"`
	GroupSize       *uint64 `cbor:"group_size,omitempty"`
	FileType        string  `cbor:"file_type,omitempty"` // a GGUF's general.file_type
	Experts         *uint64 `cbor:"experts,omitempty"`
	ExpertsPerToken *uint64 `cbor:"experts_per_token,omitempty"`

	groups []group // of packed weights, for the census itself
}

// group is one way to pack whole numbers: bits of each, and how many share a
// scale, 0 where a whole row does.
type group struct{ bits, size uint64 }

// Conflict is one thing that the configuration says and something else of the
// model, as a rule its headers, says differently. It is for people and for rules
// that weigh it; none is a violation by itself.
type Conflict struct {
	_      struct{} `cbor:",toarray"`
	Key    string
	Config string
	Found  string
}

// Parse decodes one encoded Census and checks it.
func Parse(b []byte) (*Census, error) {
	c := new(Census)
	if err := attest.Unmarshal(b, c, MaxCensusSize); err != nil {
		return nil, fmt.Errorf("census: %w", err)
	}
	return c, c.Check()
}

// Check holds a census against limits, orders and its own sums. It judges form only.
func (c *Census) Check() error {
	if err := cmp.Or(c.checkCounts(), c.checkRest()); err != nil {
		return fmt.Errorf("census: %w", err)
	}
	return nil
}

// maxParameters is far above what MaxFiles files of MaxFileBytes can hold in one-bit weights.
const maxParameters = 1 << 62

func (c *Census) checkCounts() error {
	if c.Format != FormatSafetensors && c.Format != FormatGGUF {
		return fmt.Errorf("unknown format %q", attest.Clean(c.Format))
	}
	if len(c.ByType) > MaxTypes || c.Files == 0 || c.Files > MaxFiles || c.Tensors > MaxTensors {
		return fmt.Errorf("%d types in %d files with %d tensors: over a limit", len(c.ByType), c.Files, c.Tensors)
	}
	var params, tensors uint64
	for i, t := range c.ByType {
		if _, ok := payloadBits(t.Type); !ok || attest.Clean(t.Scheme) != t.Scheme || t.Scheme == "" || len(t.Scheme) > 32 {
			return fmt.Errorf("by_type[%d]: unknown type or scheme", i)
		}
		if i > 0 && compareType(c.ByType[i-1], t) >= 0 {
			return fmt.Errorf("by_type[%d]: not in order", i)
		}
		if t.Parameters > maxParameters || t.Tensors > MaxTensors || t.StorageBytes > MaxFiles*MaxFileBytes || t.MilliBits != milliBits(t.StorageBytes, t.Parameters) {
			return fmt.Errorf("by_type[%d]: numbers out of range or not those of each other", i)
		}
		if params, tensors = params+t.Parameters, tensors+t.Tensors; params > maxParameters {
			return errors.New("parameters out of range")
		}
	}
	if params != c.Parameters || tensors > c.Tensors {
		return fmt.Errorf("%d parameters, the types have %d", c.Parameters, params)
	}
	if c.UnknownBytes > MaxFiles*MaxFileBytes || c.UnknownTensors > c.Tensors || c.UnknownTensors == 0 && c.UnknownBytes != 0 {
		return errors.New("unknown tensors out of range")
	}
	return c.checkActive()
}

func (c *Census) checkActive() error {
	if c.ActiveParameters != nil && *c.ActiveParameters > c.Parameters {
		return errors.New("more active parameters than parameters")
	}
	if c.SideParameters > c.Parameters || c.ActiveParameters != nil && c.SideParameters > *c.ActiveParameters {
		return errors.New("more side parameters than active ones")
	}
	if e := c.Experts; e != nil && (e.Parameters > c.Parameters || e.Count > maxExperts || e.PerToken != nil && *e.PerToken > e.Count) {
		return errors.New("experts out of range")
	}
	return nil
}

func (c *Census) checkRest() error {
	if len(c.Conflicts) > MaxConflicts || len(c.Ignored) > MaxIgnored || uint64(len(c.Ignored)) > c.IgnoredFiles {
		return errors.New("conflicts or ignored files over a limit")
	}
	texts := slices.Clone(c.Ignored)
	for _, x := range c.Conflicts {
		texts = append(texts, x.Key, x.Config, x.Found)
	}
	if k := c.Config; k != nil {
		texts = append(texts, k.Architecture, k.DType, k.Method, k.Format, k.FileType)
	}
	for _, s := range texts {
		if s != attest.Clean(s) {
			return errors.New("text with control characters or over a limit")
		}
	}
	if !slices.IsSorted(c.Ignored) || !slices.IsSortedFunc(c.Conflicts, compareConflict) {
		return errors.New("conflicts or ignored files not in order")
	}
	return nil
}

func compareType(a, b TypeCount) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Scheme, b.Scheme))
}

func compareConflict(a, b Conflict) int {
	return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Config, b.Config), cmp.Compare(a.Found, b.Found))
}

// milliBits is bytes*8000/params, rounded down; 0 without parameters.
func milliBits(bytes, params uint64) uint64 { return scale(bytes, 8000, params) }

// scale is a*b/c, rounded down, 0 where c is 0 or the result does not fit.
func scale(a, b, c uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	if hi >= c {
		return 0
	}
	q, _ := bits.Div64(hi, lo, c)
	return q
}
