package stats

import "slices"

// The closed sets of words in a record.
type (
	Direction     string
	Convention    string
	Decision      string
	Flag          string
	PKind         string
	ReferenceKind string
	Set           string
)

const (
	HighBad  Direction = "high_bad"
	LowBad   Direction = "low_bad"
	TwoSided Direction = "two_sided"

	// PerDimRMS is sqrt(mean over dimensions of the variance): what the paper calls sigma. It is smaller than
	// TotalRMS, sqrt(sum of the variances), by sqrt(z): a ratio means nothing without the word.
	PerDimRMS Convention = "per_dim_rms"
	TotalRMS  Convention = "total_rms"

	Inlier       Decision = "inlier"
	Outlier      Decision = "outlier"
	Inconclusive Decision = "inconclusive"  // measured, and it says neither
	NotEvaluable Decision = "not_evaluable" // asked for, and the data do not allow it
	NotRun       Decision = "not_run"

	FlagOutlier    Flag = "outlier"
	FlagSlow       Flag = "slow"
	FlagTimeout    Flag = "timeout"
	FlagError500   Flag = "error_500"
	FlagError404   Flag = "error_404"
	FlagErrorOther Flag = "error_other"

	Permutation   PKind = "permutation"
	Parametric    PKind = "parametric"
	EmpiricalNull PKind = "empirical_null"

	Peers  ReferenceKind = "peers"
	Anchor ReferenceKind = "anchor"
	Replay ReferenceKind = "replay"
	Golden ReferenceKind = "golden"
	None   ReferenceKind = "none"

	General   Set = "general"
	Knowledge Set = "knowledge" // questions whose answer lies in the knowledge base alone
)

// Flags lists every flag in the order in which records state them.
func Flags() []Flag {
	return []Flag{FlagOutlier, FlagSlow, FlagTimeout, FlagError500, FlagError404, FlagErrorOther}
}

func known[T comparable](v T, of ...T) bool { return slices.Contains(of, v) }

// MethodName is what made a result.
type MethodName string

const (
	GaiaAVS         MethodName = "gaia-avs"        // the paper's distances and sigma, without a score
	EmbeddingScore  MethodName = "embedding-score" // the studentised score T, with the paper's numbers beside it
	EnergyDistance  MethodName = "energy-distance"
	TOPLOC          MethodName = "toploc"         // arXiv 2501.16007
	ModelEquality   MethodName = "model-equality" // arXiv 2410.20247
	TokenDiFR       MethodName = "token-difr"     // arXiv 2511.20621
	ActivationDiFR  MethodName = "activation-difr"
	SVIP            MethodName = "svip" // arXiv 2410.22307
	LatencyMethod   MethodName = "latency"
	KnownAnswer     MethodName = "known-answer"
	HTTPOutcomes    MethodName = "http-outcomes"
	ForcedChallenge MethodName = "dcr" // forced random tokens, logprobs compared
)

// method says what a record of it must carry.
type method struct {
	embeds bool     // repeats, dimensions and embedder
	sigma  bool     // a stat with a convention of sigma
	anyOf  []string // at least one of these stats
}

var methods = map[MethodName]method{
	GaiaAVS:         {embeds: true, sigma: true, anyOf: []string{"d_ave"}},
	EmbeddingScore:  {embeds: true, sigma: true, anyOf: []string{"t"}},
	EnergyDistance:  {embeds: true, anyOf: []string{"energy"}},
	TOPLOC:          {anyOf: []string{"exp_mismatches", "exp_intersections"}},
	ModelEquality:   {anyOf: []string{"mmd2"}},
	TokenDiFR:       {anyOf: []string{"token_divergence", "match_rate"}},
	ActivationDiFR:  {anyOf: []string{"activation_distance"}},
	SVIP:            {anyOf: []string{"pass_rate"}},
	LatencyMethod:   {},
	KnownAnswer:     {anyOf: []string{"pass_rate"}},
	HTTPOutcomes:    {anyOf: []string{"error_rate"}},
	ForcedChallenge: {anyOf: []string{"dlogprob"}},
}

// stat says what is fixed about a well-known name.
type stat struct {
	unit      string
	direction Direction
	sigma     bool // convention and ddof are required
}

// named are the stats whose unit and direction nobody may choose. Others are carried as they come.
var named = map[string]stat{
	"t":                   {"1", HighBad, false},
	"d_ave":               {"embedding", HighBad, false},
	"d_max":               {"embedding", HighBad, false},
	"noise_distance":      {"embedding", TwoSided, false},
	"sigma":               {"embedding", TwoSided, true},
	"sigma_max":           {"embedding", TwoSided, true},
	"d_over_sigma_max":    {"1", HighBad, true},
	"apart_share":         {"1", HighBad, false},
	"energy":              {"1", HighBad, false},
	"scatter_ratio":       {"1", TwoSided, false},
	"mmd2":                {"1", HighBad, false},
	"exp_mismatches":      {"1", HighBad, false},
	"exp_intersections":   {"1", LowBad, false},
	"mant_err_mean":       {"1", HighBad, false},
	"mant_err_median":     {"1", HighBad, false},
	"token_divergence":    {"1", HighBad, false},
	"match_rate":          {"1", LowBad, false},
	"activation_distance": {"1", HighBad, false},
	"pass_rate":           {"1", LowBad, false},
	"dlogprob":            {"nat", HighBad, false},
	"top1_agreement":      {"1", LowBad, false},
	"ttft_shift":          {"ms", HighBad, false},
	"itl_shift":           {"ms", HighBad, false},
	"tokens_shift":        {"1/s", LowBad, false},
	"e2e_rate":            {"1/s", TwoSided, false}, // tokens over the time from sending to the last byte
	"prefill_ms":          {"ms", TwoSided, false},  // to the end of answers of one token
	"prefill_tokens":      {"1", TwoSided, false},   // of their prompts, the fewest
	"itl_low_share":       {"1", HighBad, false},    // of the times between tokens, those below a quarter of the median
	"challenge_shift":     {"1", TwoSided, false},   // of what looks like a challenge against other questions, of the median
	"challenge_p":         {"1", LowBad, false},
	"error_rate":          {"1", HighBad, false},
	"timeout_rate":        {"1", HighBad, false},
	"error_500_rate":      {"1", HighBad, false},
	"error_404_rate":      {"1", HighBad, false},
	"error_other_rate":    {"1", HighBad, false},
}

// New returns the well-known stat of that name, its unit and direction filled in.
func New(name string) Stat {
	s := named[name]
	return Stat{Name: name, Unit: s.unit, Direction: s.direction}
}
