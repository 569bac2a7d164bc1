// Package engine is what runs inside the simulated inference engine: a process with a weights file of the real
// safetensors form mapped into its memory, and an HTTP address that clients reach. Its answers are words drawn by
// chance; it computes nothing else. What the agent
// reads of it (socket, process, executable, mappings, files) is as real as of any engine.
//
// Only the demo and tests import this package.
package engine
