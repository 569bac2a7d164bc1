// Command hallmark-demo shows the main job end to end on this machine alone: the real agent on a simulated host, a
// validator that enrols, challenges and judges it, and attackers, each ending with the finding it must end with.
//
// TPMs, GPUs, engine and certificate authority are simulated. Their keys are trusted by options that say unsafe and by
// nothing else; this program is never packaged. See docs/demo.md.
package main
