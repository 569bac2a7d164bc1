// Package replay holds event logs of a TD against the RTMRs of its quote: the firmware's (CCEL), dstack's, and ours (attest/runlog).
//
// A log is worth what replays. Each event's digest is authentic once its register replays to the value that a checked quote has;
// its type is not; its data is where a rule derives the digest from it (Event.Proven). An RTMR is shared and cannot be set
// back, so others may extend RTMR3 beside us: they are told apart, counted and tolerated, and ours must all be there, once and in order.
//
// Everything in a log came from the guest. Sizes and counts are compared with limits before a library sees them.
package replay
