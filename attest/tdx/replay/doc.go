// Package replay holds event logs of a TD against the RTMRs of its quote: the firmware's (CCEL), dstack's, and ours (attest/runlog).
//
// A log is worth what replays. Each event's digest is authentic once its register replays to the value that a checked quote has;
// its type is not; its data is where a rule derives the digest from it (Event.Proven). An RTMR is shared and cannot be set
// back, so others may extend RTMR3 beside us. Given what they extended (a log of theirs, such as Dstack reads), Runtime tells them
// apart and counts them; ours must all be there, once and in order. The evidence of hallmark-agent carries no log of others: there ours is held
// against the register alone, and the agent ends it where somebody else extends RTMR3.
//
// Everything in a log came from the guest. Sizes and counts are compared with limits before a library sees them.
package replay
