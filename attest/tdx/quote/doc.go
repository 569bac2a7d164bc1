// Package quote reads Intel TDX quotes (versions 4 and 5) and checks who signed them.
//
// Parse is our own reading: it walks every length before anything is sliced, knows one canonical length, and gives
// the fields. CheckSignature then lets github.com/google/go-tdx-guest verify the PCK chain and the three signatures
// (quote, QE report, QE report data), without collateral: its judgement of the TCB is not used (see package
// collateral for why), its parser sees only what ours has walked, and what it read must marshal back to our bytes.
//
// Invariants:
//   - No byte behind the signed data reaches anybody: a tail is zeros or the quote is refused.
//   - A Quote is as received until CheckSignature has returned nil; nothing in it is true before.
//   - No clock and no network: roots and time are handed in.
//
// A quote is malleable: replacing s by n-s in its signatures, or the spelling of its PEM chain, gives other bytes that verify
// as well. Replay caches are keyed by nonce and report data, never by a hash of the quote.
//
// What a valid quote says, and what it does not (whose machine, which bus listens), is in docs/tdx.md. The agent
// must not link this package: it asks for quotes and judges none (internal/house).
package quote
