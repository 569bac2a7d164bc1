// Package host holds the claims of kind "host" and reads most of them from a
// root directory: PCI devices, RDMA ports, DMI, kernel state, and what the
// NVIDIA driver says of itself in /proc. Package sysinfo below reads the rest
// (operating system, CPU, memory) through gopsutil, so that a verifier, which
// imports this package for Parse, links no reader of its own machine.
//
// Invariants: the root is handed in; every file is optional and bounded; what
// cannot be read becomes an absence. No serial number and no kernel command
// line leaves the host unless an option says so.
//
// Everything here is the word of whoever holds root on the host (assurance
// "asserted") unless the closed world of docs/kinds/host.md holds. Below a
// hypervisor even the PCI configuration space is what the hypervisor shows.
package host
