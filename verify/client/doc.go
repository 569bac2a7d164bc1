// Package client asks a node: identity, activation, challenge. It writes down
// what it saw (times, TLS key, channel binding) and judges nothing; the record
// it makes goes to package verify.
//
// The node's certificate is self-made, so TLS alone proves nothing: trust comes
// from the evidence, which names the TLS key and the channel. That is why the
// usual certificate check is off, and why nothing else may be learned from a
// response before its record is verified.
package client
