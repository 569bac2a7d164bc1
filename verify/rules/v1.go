package rules

import "fmt"

// V1: confidential computing that reports do not show.
//
//	violated: devices that claim a protected mode, less those whose signed report for this evidence shows it, above the limit
//
// Unit: devices. A report that is not there is an absence: the claim counts for nothing. One that is there and shows another mode contradicts.
var v1 = Rule{ID: "V1", Group: Identity, Kind: Bound,
	Reads:    []string{"gpu confidential_compute", "signed GPU reports"},
	Sentence: "The node claims protected GPUs, and their signed reports for this evidence show something else.",
	Honest:   "None: a service that is down leaves no report, and that is not evaluable.",
	eval: func(e *eval) {
		c := e.in.Confidential
		switch {
		case c == nil:
			e.missing(NotApplicable, "no protected GPUs are claimed")
		case c.Reports == nil:
			e.unable("GPUs", NotBuilt, "this version reads no signed GPU reports: the claim counts for nothing", c.From)
		default:
			e.hold(reading{subject: "GPUs", limit: "unshown", value: float64(c.Devices - *c.Reports), basis: Self, contradicts: true, inputs: []Source{c.From}, reason: fmt.Sprintf("%d of %d claimed devices shown", *c.Reports, c.Devices)})
		}
	}}
