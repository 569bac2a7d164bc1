package attest

// Media types: the `typ` header (RFC 9596) of each signed document, and the
// content type it travels under. A document of one type is never taken for another.
const (
	TypeChallenge = "application/vnd.hallmark.challenge+cbor"
	TypeActivate  = "application/vnd.hallmark.activate+cbor"
	TypeEvidence  = "application/eat+cwt"
	TypeTelemetry = "application/vnd.hallmark.telemetry+cbor"
	TypeRecord    = "application/vnd.hallmark.record+cbor"
	TypeNode      = "application/vnd.hallmark.node+cbor"
	TypeReference = "application/vnd.hallmark.reference+cbor"
	TypeVerdict   = "application/vnd.hallmark.verdict+cbor"
	// TypeStatResult is a signed stat-result/v1, whose payload is canonical JSON (docs/statistics.md).
	TypeStatResult = "application/vnd.hallmark.stat-result+json"

	TypeResponse   = "application/vnd.hallmark.response+cbor"
	TypeActivation = "application/vnd.hallmark.activation+cbor"
	TypeHistory    = "application/vnd.hallmark.history+cbor"
	TypeIdentity   = "application/json"
	TypeProblem    = "application/problem+json" // RFC 9457
)
