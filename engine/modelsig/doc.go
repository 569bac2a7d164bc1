// Package modelsig opens a publisher's signature over a model: an OpenSSF Model
// Signing bundle (OMS v1.0) in its key form, and holds a directory's files
// against the list that was signed.
//
// A bundle is a sigstore bundle v0.3 in JSON. It carries a DSSE envelope, the
// envelope an in-toto Statement v1, the statement one digest for each file.
//
// Invariants: no byte of the payload is interpreted before the signature over it
// was verified; the key is handed in by the caller and never taken from the
// bundle; what verificationMaterial says of a key helps an error message and
// decides nothing. Every length meets a limit (limits.go), JSON with a name twice
// or with anything after its end is refused, and so is an unknown member wherever
// the specification's schema closes the object. Nothing here reads a file.
//
// A signature says that the holder of a key signed these digests, once. It does
// not say when, nor that the publisher still stands by them: key form has no time
// and no revocation. What the publisher left out of scope (ignore_paths) is not
// covered at all; Statement.Ignored lists it, because a weight file there would
// be as unsigned as any other.
//
// Signatures by certificate and by sigstore identity are named and refused
// (ErrNotEvaluable): judging them needs trust roots and a transparency log.
package modelsig
