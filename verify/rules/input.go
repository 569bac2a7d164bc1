package rules

import (
	"github.com/hallmark-attest/hallmark/stats"
	"github.com/hallmark-attest/hallmark/verify/catalogue"
	"github.com/hallmark-attest/hallmark/verify/stretch"
)

// Input is everything that the rules may read of one node at one time. A nil pointer, map or list is not known; where
// that has a reason, it stands beside. Times are milliseconds since the Unix epoch by the validator's clock, unless
// stated. Members that no evidence of this version fills are marked; rules that need them say so.
type Input struct {
	Sent, Received uint64 // of the challenge that the evidence answers

	Engines    []Engine
	EnginesWhy string // why there are none
	GPUs       []GPU
	GPUsWhy    string

	// Stats are results on this node, from the oldest epoch to the newest. Who signed each was looked at before.
	Stats []Stat

	Telemetry    *Telemetry
	TelemetryWhy string
	Chained      bool // a chain of telemetry is stated, of which nothing was asked for
	Clock        *Clock
	ClockWhy     string
	Nodes        []Node // other nodes of this validator
	NodesWhy     string

	Local        *Local        // no evidence of this version
	Tap          *Tap          // no evidence of this version
	RDMA         *RDMA         // no evidence of this version
	Confidential *Confidential // claims of confidential computing; the signed reports are no evidence of this version

	urls map[string]string // in one form, by what was stated
}

// Engine is one engine as stated, with its model as compared with the references.
type Engine struct {
	Name     string
	From     Source
	Public   []string // URLs
	Since    uint64   // latest that its process can have begun; 0: not known
	Repacked string   // the argument by which it packs weights anew while it loads them; empty: none stated
	Adapted  string   // the argument by which it adds adapters (LoRA) to the model; empty: none stated
	GPUs     []string // keys of the GPUs on which its processes are; nil: not known
	Declared Declared
	Model    *ModelFacts // the one that the declaration is about; nil: ModelWhy
	ModelWhy string
	Held     *uint64 // bytes that processes of its tree hold on all GPUs; nil: HeldWhy
	HeldWhy  string
	// Precision is census.Against's answer for the declared precision.
	Precision *Precision
}

// Declared is the operator's word.
type Declared struct {
	Model          string
	Precision      string
	TensorParallel uint64  // 0: not stated
	Speculation    *uint64 // most draft tokens that one step may accept; 0: none; nil: not stated
	Alone          bool    // this host alone answers at the public URLs, and with its own GPUs alone
}

// Precision is a declared precision against the headers of the files.
type Precision struct {
	BelowPermille, LimitPermille float64
	Why                          string
	Comparable                   bool
}

// ModelFacts is a model by its files.
type ModelFacts struct {
	// Reference: "match" (files or weights are those of a reference under the declared name), "different" (that name is known with others), "unknown".
	Reference   string
	WeightBytes float64  // of all tensors
	ActiveBytes *float64 // that take part in one token, as they lie in the files; nil: ActiveWhy
	// LeastBytes and LeastParameters are what each token surely reads and multiplies with: without tables of which a row is looked up, towers and
	// further heads, and with 4 bits of each parameter at most, since engines may pack weights anew in ways that nobody sees.
	LeastBytes, LeastParameters *float64
	ActiveWhy                   string
	Layers, Width               *float64 // hidden size; no evidence of this version
	ActivationBytes             *float64 // of one number that is exchanged; no evidence of this version
}

// What ModelFacts.Reference says.
const (
	Matches   = "match"
	Different = "different"
	Unknown   = "unknown"
)

// GPU is one device as stated.
type GPU struct {
	Name     string // "GPU 0000:1b:00.0"
	Key      string // as telemetry names it
	From     Source
	Model    *catalogue.GPU // by its PCI device id; nil: a model that is not known here
	Named    string         // as NVML names it
	Identity string         // of the board, as Node.GPUs names it; empty: none stated
	// FirstStated is when this node first stated this GPU, by history; 0: with this record. What it stated of others says nothing of this one.
	FirstStated uint64
	// Untold says why nobody can tell whether other nodes have it; empty: it can be told.
	Untold string
	// Sliced says why the device is not a whole board of its own: "MIG", "vgpu"; empty: it is whole, as far as stated.
	Sliced            string
	Architecture      string
	ComputeCapability string
	MemoryMiB         *float64
	MemoryBusBits     *float64
	CUDACores         *float64
	ActiveLinks       *int // NVLinks that are active; nil: not known
}

// Stat is a statistical result and where it comes from.
type Stat struct {
	*stats.Result
	From Source
	// Own: signed by this validator, or handed over on its command line as its own. Those of others are shown, and carry no violation.
	Own bool
}

// Telemetry is what was shown of a stretch of time.
type Telemetry struct {
	From     Source
	FromMS   uint64 // by the validator's clock, latest that it can have begun
	ToMS     uint64 // earliest that it can have ended
	Checks   []stretch.Check
	Coverage *Coverage // nil: Why
	Why      string    // why there is no coverage to judge
	Activity []stretch.Activity
	// SpanSeconds is the time from the first record to the last: what a GPU was followed for is held against it.
	SpanSeconds float64
}

// Coverage is how much of the time around a challenge is covered.
type Coverage struct {
	Percent   float64
	LargestMS uint64 // longest time missing
	AllowedMS uint64
	Of        string
}

// Clock is how the quoted TPM clock stands to earlier quotes.
type Clock struct {
	From Source
	Step string // "continuous", "rate", "cleared", "rollback"
	Seen string
}

// Node is another node of this validator that stated GPUs, each of them from its first such record to its last.
type Node struct {
	Name        string
	From        Source
	GPUs        []string // as GPU.Identity; of other times: another Node of the same name
	First, Last uint64   // received
}

// Local is what the agent measured at its own side of the engine.
type Local struct {
	From   Source
	TTFTMS float64 // median, of the very requests that the statistics timed
	RTTMS  float64 // network, by the validator
}

// Tap is the record of the serving tap about the validator's own questions.
type Tap struct {
	From      Source
	Questions int
	Found     int // with equal digests of request and response, and times inside the validator's
}

// RDMA is traffic of network cards beside that of the GPUs' links, over the telemetry's time.
type RDMA struct {
	From  Source
	Bytes float64
}

// Confidential is what a node claims of confidential computing, and what signed reports showed of it.
type Confidential struct {
	From    Source
	Reports *int // devices with a verified report bound to this evidence; nil: this version reads none
	Devices int
}
