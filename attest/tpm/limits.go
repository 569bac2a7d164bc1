package tpm

// Limits of this package, bytes unless stated. They hold on both sides: a node
// never sends what a verifier would refuse for its size.
const (
	MaxAttest       = 1024 // TPMS_ATTEST; ours is 145 bytes
	MaxSignature    = 1024 // TPMT_SIGNATURE; RSA-4096 is 518
	MaxPublic       = 1024 // TPMT_PUBLIC
	MaxCreationData = 1024 // TPMS_CREATION_DATA
	MaxCredential   = 256  // TPM2B_ID_OBJECT's content
	MaxSecret       = 1024 // TPM2B_ENCRYPTED_SECRET's content
	MaxDigest       = 64   // any digest
	MaxPCR          = 24   // PCRs 0 to 23, the number of the PC Client Platform TPM Profile
	MaxEKs          = 8    // elements
	MaxChain        = 16   // elements: certificates of the NV chain
	MaxCertificate  = 8 << 10
	// MaxCertificates bounds all certificates of one enrolment together, so that
	// they fit into attest.MaxActivateSize with everything else.
	MaxCertificates = 48 << 10
	// MaxClaims bounds the encoded claims of kind "tpm".
	MaxClaims = 64 << 10

	maxTransient = 64 // handles listed when looking for what a killed agent left
	maxHandles   = 8  // TPM2_GetCapability calls for one list
)
