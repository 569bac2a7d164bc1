package stats

// Schema names this version of the record.
const Schema = "stat-result/v1"

// Result is one method's outcome on one node in one epoch: what
// docs/stat-result.schema.json describes. Members that are empty are left out.
// The signature is not a member: a signed record is a COSE_Sign1 around the canonical form.
type Result struct {
	Schema      string       `json:"schema"`
	ID          string       `json:"id"`
	Method      Method       `json:"method"`
	Subject     Subject      `json:"subject"`
	Epoch       Epoch        `json:"epoch"`
	Reference   Reference    `json:"reference"`
	Sample      Sample       `json:"sample"`
	Embedding   *Embedding   `json:"embedding,omitempty"`
	Stats       []Stat       `json:"stats,omitempty"`
	PValue      *float64     `json:"p_value,omitempty"`
	PKind       PKind        `json:"p_kind,omitempty"`
	QValue      *float64     `json:"q_value,omitempty"` // Benjamini-Hochberg adjusted
	Threshold   *Threshold   `json:"threshold,omitempty"`
	Calibration *Calibration `json:"calibration,omitempty"`
	Decision    Decision     `json:"decision"`
	Reason      string       `json:"reason,omitempty"` // why there is no decision; required where there is none
	Flags       []Flag       `json:"flags,omitempty"`
	Latency     *Latency     `json:"latency,omitempty"`
	RawDigest   string       `json:"raw_digest,omitempty"` // sha256:… of the answers and embeddings it was computed from
	Publication *Publication `json:"publication,omitempty"`
}

// Method says how the numbers were made. Params are the method's numeric settings; Seed makes permutations repeatable.
type Method struct {
	Name    MethodName         `json:"name"`
	Version string             `json:"version"`
	Params  map[string]float64 `json:"params,omitempty"`
	Seed    *uint64            `json:"seed,omitempty"`
}

// Subject is who was measured.
type Subject struct {
	NodeID   string `json:"node_id"`
	Domain   string `json:"domain,omitempty"`
	ModelRef string `json:"model_ref,omitempty"` // as the node declares it
	Endpoint string `json:"endpoint,omitempty"`
}

// Epoch is when. Times are milliseconds since the Unix epoch, by the clock named.
type Epoch struct {
	ID          string `json:"id"`
	StartMS     uint64 `json:"start_ms,omitempty"`
	EndMS       uint64 `json:"end_ms,omitempty"`
	ClockSource string `json:"clock_source,omitempty"`
}

// Reference is what the node was compared with.
type Reference struct {
	Kind        ReferenceKind `json:"kind"`
	ID          string        `json:"id,omitempty"`
	N           int           `json:"n,omitempty"` // answers to each question, nodes for peers
	ModelDigest string        `json:"model_digest,omitempty"`
}

// Sample is how much was asked, and how.
type Sample struct {
	Set               Set       `json:"set,omitempty"`
	Questions         int       `json:"questions"`
	Repeats           int       `json:"repeats"`               // most answers to one question
	RepeatsMin        int       `json:"repeats_min,omitempty"` // fewest, where that is less
	Tokens            int       `json:"tokens,omitempty"`
	PromptsCommitment string    `json:"prompts_commitment,omitempty"`
	Sampling          *Sampling `json:"sampling,omitempty"`
	ChallengeIDs      []string  `json:"challenge_ids,omitempty"`
}

// Sampling is what the node was asked to sample with.
type Sampling struct {
	Temperature *float64 `json:"temperature,omitempty"`
	TopP        *float64 `json:"top_p,omitempty"`
	MaxTokens   int      `json:"max_tokens,omitempty"`
	SeedSync    bool     `json:"seed_sync,omitempty"`
	// UniquePrompts says that every prompt began with what nobody had seen before: no cache holds a part of it, or its answer.
	UniquePrompts bool `json:"unique_prompts,omitempty"`
}

// Embedding is who turned text into vectors. The validator does: a cheater that embeds its own answers chooses the distances.
type Embedding struct {
	Embedder   string `json:"embedder"`
	Digest     string `json:"digest,omitempty"`
	Dimensions int    `json:"dimensions"` // z
	Normalised bool   `json:"normalised,omitempty"`
}

// Stat is one number, or the reason why there is none.
type Stat struct {
	Name         string      `json:"name"`
	Value        *float64    `json:"value,omitempty"`
	NotEvaluable string      `json:"not_evaluable,omitempty"`
	Unit         string      `json:"unit"`
	Direction    Direction   `json:"direction"`
	Convention   Convention  `json:"convention,omitempty"`
	DDof         *int        `json:"ddof,omitempty"`
	CI95         *[2]float64 `json:"ci95,omitempty"`
	N            int         `json:"n,omitempty"`
	Note         string      `json:"note,omitempty"`
}

// Threshold is the cut that the decision used, on which stat.
type Threshold struct {
	Stat  string  `json:"stat"`
	Value float64 `json:"value"`
}

// Calibration is where the threshold's false-positive rate was measured. Without one the threshold is uncalibrated.
type Calibration struct {
	ID     string  `json:"id"`
	FPR    float64 `json:"fpr"`
	FromMS uint64  `json:"from_ms,omitempty"`
	ToMS   uint64  `json:"to_ms,omitempty"`
}

// Latency summarises answer times.
type Latency struct {
	TTFT            *Summary `json:"ttft_ms,omitempty"`
	ITL             *Summary `json:"itl_ms,omitempty"`
	TokensPerSecond *Summary `json:"tokens_per_second,omitempty"`
	SamplesDigest   string   `json:"samples_digest,omitempty"`
}

// Summary is two quantiles (linear interpolation, type 7) of n values.
type Summary struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	N   int     `json:"n"`
}

// Publication is a commitment made before the epoch ended.
type Publication struct {
	Commitment     string `json:"commitment"`
	ReleaseAfterMS uint64 `json:"release_after_ms,omitempty"`
	DARef          string `json:"da_ref,omitempty"`
}
