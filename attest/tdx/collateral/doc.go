// Package collateral judges how current the platform behind a TDX quote is, by what Intel publishes about it: TCB
// info, QE identity and two CRLs, handed in as one file or a directory. Nothing is fetched.
//
//	c, err := collateral.Parse(file)        // strict JSON, certificates, CRLs: nothing is true yet
//	checked, err := c.Check(roots, at)      // signatures, chains, revoked signers; Memo.Check does it once per exact bytes
//	tcb, err := checked.Appraise(q, platform)
//
// The appraisal is ours because go-tdx-guest's, at the version we can load, lets bad platforms pass: it ignores the platform
// level on TDX 1.5 (D1), believes members whose names differ in case from what was signed (D2), and does not look at issue
// dates (D6). The rule is that of Intel's Quote Verification Library (EvaluateTcb.cpp) and of the PCS API, version 4.
//
// Three things stay apart: an error says that the collateral cannot be believed or is for other hardware; TCB.Status says how
// current the platform is; TCB.Stale says which part was judged outside its time. None hides another.
package collateral
