// Package node launches the processes of a demonstration host: the real hallmark-agent with a configuration of its own,
// and the simulated inference engine it measures. Nothing of the agent is imported or replaced; what is simulated stands
// below it (TPM socket, NVML library) or beside it (engine).
//
// Invariants: every process ends with this one, however this one ends; nothing listens but on loopback; nothing is written
// outside the directory that was given. Only the demo and tests import this package.
package node
