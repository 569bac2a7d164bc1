package rules

import "fmt"

// N3: work that goes over network cards where NVLink is claimed.
//
//	violated: RDMA bytes / (RDMA bytes + NVLink bytes sent)  above the limit
//
// Unit: 1. Traffic of network cards is no evidence of this version.
var n3 = Rule{ID: "N3", Group: Fabric, Kind: Heuristic,
	Reads:    []string{"RDMA port counters", "telemetry nvlink_sent_kib", "engines[].declared.tensor_parallel"},
	Sentence: "The GPUs exchange over network cards what they say goes over NVLink.",
	Honest:   "Groups of several hosts, which are declared; storage over RDMA.",
	eval: func(e *eval) {
		r, t := e.in.RDMA, e.in.Telemetry
		switch {
		case r == nil:
			e.missing(NotBuilt, "no evidence of this version has the traffic of network cards")
			return
		case t == nil || len(t.Activity) == 0:
			e.untold()
			return
		}
		links, seen := 0.0, false
		for _, a := range t.Activity {
			if a.LinkSentMiB != nil {
				links, seen = links+*a.LinkSentMiB*(1<<20), true
			}
		}
		if !seen || r.Bytes+links == 0 {
			e.unable("", Silent, "no counters of NVLink, or no traffic at all", r.From, t.From)
			return
		}
		e.hold(reading{limit: "rdma_share", scope: Scope{GPU: e.oneModel(), Model: e.declared()}, value: r.Bytes / (r.Bytes + links), basis: Self, inputs: []Source{r.From, t.From},
			reason: fmt.Sprintf("%.0f MB over RDMA, %.0f MB over NVLink", r.Bytes/1e6, links/1e6)})
	}}
