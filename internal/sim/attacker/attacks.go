package attacker

import "context"

// Attack is one attempt to be taken for something better than one is.
type Attack struct {
	Name   string
	Does   string // one sentence: what the attacker does
	Expect string // the id of the finding it must end with
	run    func(context.Context, *Scene) (Verdict, error)
}

// Run performs the attack. An error says that it could not be performed, which is no result.
func (a *Attack) Run(ctx context.Context, s *Scene) (Verdict, error) { return a.run(ctx, s) }

// Attacks lists all attacks: first between node and validator, then dishonest nodes, then enrolment. The last two of the
// middle group change the honest node's engine and put it back.
func Attacks() []Attack {
	return []Attack{
		{"flipped-byte", "flips one bit of the evidence on its way", "evidence.signature", flippedByte},
		{"replayed-answer", "answers a new challenge with an old response", "batch.root", replayedAnswer},
		{"relayed", "stands in the middle with a TLS key of his own and forwards to the honest node", "channel.mismatch", relayed},
		{"other-node", "answers for the enrolled node with genuine evidence of another host", "ueid.audience", otherNode},
		{"edited-record", "changes a byte in the validator's record", "record.signature", editedRecord},
		{"foreign-record", "asks the node himself and hands in his own record", "challenge.foreign", foreignRecord},
		{"self-made-challenge", "has the validator's recorder write down an answer to a challenge of his own", "challenge.signature", selfMadeChallenge},
		{"stale-record", "shows yesterday's record as today's", "freshness.age", staleRecord},
		{"demo-roots", "shows a node enrolled under demonstration roots to a validator that does not ask for them", "node.demo_root", demoRoots},

		{"edited-claims", "edits the GPU claims after the quote and signs the envelope again", "tpm.quote.binding", editedClaims},
		{"withdrawn", "leaves the TPM out, under the name enrolled with it", "kind.withdrawn", withdrawn},
		{"foreign-ak", "quotes with the key of another genuine TPM, under the enrolled name", "tpm.ak.foreign", foreignAK},
		{"software-ak", "edits claims and quotes anew with a key in software, under the enrolled name", "tpm.ak.foreign", softwareAK},
		{"unrestricted-key", "signs an invented quote with an unrestricted key of his TPM", "tpm.ak.attributes", unrestrictedKey},
		{"swapped-weights", "exchanges the weights after enrolment, same names and sizes, same declared model", "engine.model.mismatch", swappedWeights},
		{"swapped-engine", "serves with another executable of the same name", "engine.executable.mismatch", swappedEngine},

		{"unrestricted-enrol", "offers an unrestricted key of his TPM at enrolment", "enroll.ak.attributes", unrestrictedEnrolment},
		{"software-enrol", "offers a key in software beside a genuine endorsement key", "enroll.activation", softwareEnrolment},
		{"other-authority", "offers a TPM certified by an authority the validator does not list", "enroll.ek.untrusted", otherAuthority},
	}
}
