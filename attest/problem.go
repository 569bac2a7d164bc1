package attest

// Problem is an RFC 9457 problem document: why a request was refused. Refusals cost no TPM operation.
type Problem struct {
	Type   string `json:"type"` // ProblemBase + one of the Problem* names
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// ProblemBase prefixes every problem type.
const ProblemBase = "https://github.com/hallmark-attest/hallmark/problems/"

// Problem names (docs/format.md section "Problem documents"): add, never rename.
const (
	ProblemMalformed   = "malformed"        // 400: not one encoding of a request
	ProblemTooLarge    = "too-large"        // 413
	ProblemMediaType   = "media-type"       // 415
	ProblemUnknownKey  = "unknown-key"      // 403: not by a listed validator
	ProblemSignature   = "signature"        // 403
	ProblemAudience    = "audience"         // 403: addressed to another node
	ProblemProfile     = "profile"          // 406: no acceptable profile
	ProblemNotYet      = "not-yet-valid"    // 403: issued in the future
	ProblemExpired     = "expired"          // 403
	ProblemLife        = "life"             // 400: life over the limit
	ProblemReplayed    = "replayed"         // 409: this key's nonce was used before
	ProblemRate        = "rate-limited"     // 429 with Retry-After
	ProblemBusy        = "busy"             // 503 with Retry-After
	ProblemNoTPM       = "no-tpm"           // 409: activation asked of a node without attestation key
	ProblemActivation  = "activation"       // 422: the TPM refused the credential
	ProblemUnavailable = "unavailable"      // 503: evidence could not be made; the detail says why
	ProblemNotFound    = "not-found"        // 404
	ProblemMethod      = "method"           // 405
	ProblemStopping    = "shutting-down"    // 503
	ProblemInternal    = "internal"         // 500
	ProblemTimeout     = "deadline"         // 504
	ProblemUnsupported = "kind-unsupported" // 422
)
