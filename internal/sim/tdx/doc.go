// Package tdx is a synthetic TDX world for tests and the demo: an Authority that stands where Intel stands, a
// Platform with a PCK certificate and a quoting enclave, a TD that signs quotes of version 4 and 5, the
// Collateral a verifier needs for them, and a TSM tree through which the production collector asks for them.
//
// It is a demo authority. Its certificates carry Intel's common names, since verifiers compare those literally,
// and the organisation "hallmark demo authority, not Intel"; its keys follow from a seed that anyone may know. A quote of it
// proves nothing about hardware, and no verifier trusts it unless an option that ends in Unsafe hands it the root.
//
// Everything is a function of seed, time and options: the same ones give the same bytes.
//
// Knobs are of two sorts. What the platform or the TD is stands in PlatformOptions and TD; what the collateral says
// of it stands in CollateralOptions. A knob that is not turned gives a platform that is up to date in everything.
package tdx
