// Package policy holds a TD and its platform against what a verifier accepts. It is the third of the three results, after
// signature (package quote) and TCB status (package collateral), and gives reasons, not one bool.
//
// In a Policy absent never means unchecked: a field that is neither given nor ignored is an error of Check, and a value of the wrong
// length does not compile. (go-tdx-guest's validate takes one empty entry of a list for "any" and panics on a short one, D4; refuses quotes of
// version 5, D5; lets debug TDs through unless asked, D7; and has one old list of attributes, D10.)
package policy
