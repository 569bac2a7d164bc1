// Package sign is the envelope: COSE_Sign1 (RFC 9052) with ES256, one exact
// protected header per document type, no unprotected headers, low-S signatures.
//
// Open returns a Message whose payload cannot be read before Verify has named
// the key, so skipping the check does not compile. The key that verifies is the
// caller's: nothing inside a message is trusted to choose it.
package sign
