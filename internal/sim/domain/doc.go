// Package domain is a domain of nodes on this machine: honest ones and cheats, each a real hallmark-agent over a software TPM, a simulated
// NVML library and a simulated engine's process. A validator asks them questions through their endpoints, times the answers, computes the
// statistics, challenges the agents before and after, and holds all of it against each other by the rules of package verify/rules.
//
// Answers are words drawn by chance, GPUs follow a script, and the embedder counts words: what is real is every byte and every
// process between them and the verdict. Limits are fitted on the domain's own honest nodes, and marked as a demonstration's.
//
// Only the demo and tests import this package.
package domain
