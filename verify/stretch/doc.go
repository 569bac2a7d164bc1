// Package stretch opens telemetry that somebody sent and computes what can be told
// from it. A stretch is worth what hashes to a head that the caller holds from a
// quote: Each and Open give nothing else. What the records say is the node's word;
// only that it has not changed since that quote is shown.
//
// Nothing here judges a node. Gaps are facts, rules return values and limits, and
// package verify says what follows. It must not be given a head that no quote showed.
package stretch
