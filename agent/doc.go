// Package agent is the Attester: it answers validators' challenges about the
// host it runs on.
//
// Two halves with one small protocol between them (link.go). The front end has
// the network: it admits challenges, cheapest check first, batches them under
// one root and hands out responses. The collector has the devices: it holds the
// attestation key and the evidence key, reads claims, binds them and lets the
// TPM quote the binding. They run in one process or in two.
//
// Who may hold up whom: TPM claims are read ahead and evidence has the TPM before
// enrolment (turn.go); whoever hangs up takes the work with it (link_serve.go);
// connections, rates and bodies are bounded such that strangers and recorded
// requests get in their own way alone (connections.go, pay.go, body.go); keys take
// turns in queue and batch (queue.go).
//
// Invariants: a refused request costs no TPM operation. Nothing enters the
// evidence after the binding except what signs it. What cannot be read becomes
// an absence with a reason, never a gap. A node that has an attestation key
// never falls back to a software key. Devices, clock and log are handed in;
// no policy lives here, and package verify is never imported.
//
// Goroutines are started in Collector.Run, Server.Serve, Frontend.Serve and
// Client; each ends with its context and is waited for, except a device call
// that the kernel does not return from: it is left behind and its device stays
// marked busy.
package agent
