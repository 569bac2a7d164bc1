package attacker

import "context"

// Attack is one attempt to be taken for something better than one is.
type Attack struct {
	Name   string
	Does   string // one sentence: what the attacker does
	Expect string // the id of the finding it must end with; "" where it cannot be seen
	run    func(context.Context, *Scene) (Verdict, error)
	Unseen string // why it cannot be seen, and its price: such a node must be accepted, at verified and not above
	// Caps marks an attack that gains nothing and contradicts nothing: the node stays at community.
	Caps bool
}

// Run performs the attack. An error says that it could not be performed, which is no result.
func (a *Attack) Run(ctx context.Context, s *Scene) (Verdict, error) { return a.run(ctx, s) }

// Attacks lists all attacks: between node and validator, with records, by owners of nodes, at enrolment, and what is not seen.
func Attacks() []Attack {
	return []Attack{
		{"flipped-byte", "flips one bit of the evidence on its way", "evidence.signature", flippedByte, "", false},
		{"replayed-answer", "answers a new challenge with an old response", "batch.root", replayedAnswer, "", false},
		{"relayed", "stands in the middle with a TLS key of his own and forwards to the honest node", "channel.mismatch", relayed, "", false},
		{"relayed-inside", "does the same with a node that binds and quotes his TLS key", "channel.mismatch", relayedInside, "", false},
		{"other-node", "answers for the enrolled node with genuine evidence of another host", "ueid.audience", otherNode, "", false},

		{"edited-record", "changes a byte in the validator's record", "record.signature", editedRecord, "", false},
		{"foreign-record", "asks the node himself and hands in his own record", "challenge.foreign", foreignRecord, "", false},
		{"self-made-challenge", "has the validator's recorder write down an answer to a challenge of his own", "challenge.signature", selfMadeChallenge, "", false},
		{"exchanged-record", "hands a validator that waits for an answer an older record of its own", "challenge.mismatch", exchangedRecord, "", false},
		{"stale-record", "shows yesterday's record as today's", "freshness.age", staleRecord, "", false},
		{"demo-roots", "shows a node enrolled under demonstration roots to a validator that does not ask for them", "node.demo_root", demoRoots, "", false},

		{"edited-claims", "edits the GPU claims after the quote and signs the envelope again", "tpm.quote.binding", editedClaims, "", false},
		{"edited-registers", "shows register values of another machine beside a genuine quote", "tpm.quote.pcr_digest", editedRegisters, "", false},
		{"withdrawn", "leaves the TPM out, under the name enrolled with it", "kind.withdrawn", withdrawn, "", false},
		{"foreign-ak", "quotes with the key of another genuine TPM, under the enrolled name", "tpm.ak.foreign", foreignAK, "", false},
		{"software-ak", "edits claims and quotes them with a key in software, under the enrolled name", "tpm.ak.foreign", softwareAK, "", false},
		{"unrestricted-key", "has his TPM sign an invented quote with an unrestricted key", "tpm.ak.attributes", unrestrictedKey, "", false},
		{"other-boot-log", "shows the boot log of a machine that was started with another command line", "boot.replay", otherBootLog, "", true},
		{"rolled-back", "puts back an older state of his software TPM, as one does with a virtual machine's disk", "clock.rollback", rolledBack, "", false},
		{"rewritten-telemetry", "changes afterwards what his GPUs did before an answer that the validator remembers", "telemetry.fork", rewrittenTelemetry, "", false},
		{"duplicate-gpu", "states one GPU twice", "gpu.duplicate", duplicateGPU, "", false},
		{"swapped-weights", "exchanges the weights after enrolment: same names, same sizes, same declaration", "engine.model.mismatch", swappedWeights, "", false},
		{"down-cast", "saves the weights again in half the bits under the same names and declaration; the validator has no reference of the model", "engine.precision.lower", downCast, "", false},
		{"weights-beside", "leaves the declared weights on disk and serves others", "engine.weights.foreign", weightsBeside, "", false},
		{"forgotten-weights", "keeps the digests of the weights and not the files, and is asked for blocks that the nonce picks", "weights.blocks.wrong", forgottenWeights, "", false},
		{"swapped-engine", "serves with another executable of the same name", "engine.executable.mismatch", swappedEngine, "", false},

		{"debug-td", "starts the enrolled trust domain again under debug, where its memory is his", "tdx.debug", debugTD, "", false},
		{"foreign-td-quote", "shows the genuine quote of another trust domain on the same platform", "tdx.quote.binding", foreignTDQuote, "", false},
		{"stale-collateral", "has the validator judge a platform by what was known of it two months ago", "tdx.collateral.stale", staleCollateral, "", true},

		{"unrestricted-enrol", "offers an unrestricted key of his TPM at enrolment", "enroll.ak.attributes", unrestrictedEnrolment, "", false},
		{"software-enrol", "offers a key in software beside the endorsement key of a genuine TPM", "enroll.activation", softwareEnrolment, "", false},
		{"other-authority", "offers a TPM certified by an authority the validator does not list", "enroll.ek.untrusted", otherAuthority, "", false},

		{"invented-claims", "invents newer GPUs before the TPM quotes the claims", "", inventedClaims,
			"Not seen: root decides what the agent reads, and a TPM quotes the digest of anything. Its price is nothing; so such claims are asserted, and raise no tier.", false},
	}
}
