// Package hw opens real devices. It is the only room that knows device paths and vendor libraries; everything else
// receives what it opens as a small interface.
//
// Invariants: opening never falls back to another device or to a simulator, and an error names the device and the fix.
// Only commands import it.
package hw
