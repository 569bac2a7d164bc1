// Package tdx is the asking side of Intel TDX: it has a trust domain quoted, reads the firmware's event log, and extends
// runtime events into an RTMR. Parsing and judging quotes is the business of the packages below it.
//
// The asking side is Device, over two things that are handed in: a configfsi.Client for the kernel's report tree
// (/sys/kernel/config/tsm, Linux 6.7) and Files for a handful of paths in /sys and /proc. Quotes come from go-configfs-tsm's
// report.Get and not from go-tdx-guest's client, which leaves an entry behind in the kernel for each quote.
//
// Invariants:
//   - One request at a time: the driver has one buffer, and others get EBUSY from it.
//   - A caller whose context ends gets an error. A driver that never answers costs one goroutine and one entry, not the agent;
//     both go when it answers.
//   - No entry outlives its quote. One that cannot be removed is tried again before the next quote, what a killed agent left is
//     removed at the first use, and where too many stay no more are made.
//   - A provider other than tdx_guest is refused, and so is a quote over other report data than was asked for.
//   - Quote returns the quote and nothing behind it: what drivers pad it with is signed by nobody, would make
//     two forms of one quote, and on older kernels can be the TD's own memory where the host lies about a length.
//   - Whatever keeps a TD from being quoted is an *attest.AbsentError that says what to do. Outside a trust domain that is
//     the ordinary case.
//
// A quote is signed over 64 bytes of report data, which the caller makes from the binding (docs/format.md, "Names, binding").
// What the claims say beside it is the node's word.
package tdx
