// Command hallmark-demo shows the main job end to end on this machine alone: the real agent on a simulated host, a node in a
// simulated trust domain, a validator that enrols, challenges and judges them, and attackers, each ending with the finding it must end with.
//
// TPMs, trust domain, GPUs, engine and certificate authorities are simulated. Their keys are trusted by options that say unsafe and by
// nothing else; this program is never packaged. See docs/demo.md.
package main
