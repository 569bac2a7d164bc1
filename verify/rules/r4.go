package rules

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/stats"
)

// R4: the validator waits longer than the engine and the network take.
//
//	violated: client's p50 of the time to the first token - the agent's own - round trip, above the limit
//
// Unit: ms. It needs times that the agent measured of the same requests, which no evidence of this version has.
var r4 = Rule{ID: "R4", Group: Work, Kind: Heuristic,
	Reads:    []string{"stat-result latency.ttft_ms", "local times of the agent"},
	Sentence: "Between what the agent measures at the engine and what the validator waits lies more than the network: another hop, or another machine.",
	Honest:   "Gateways and relays: declare them.",
	eval: func(e *eval) {
		l := e.in.Local
		if l == nil {
			e.missing(NotBuilt, "no evidence of this version has times of the agent's own")
			return
		}
		e.engines(func(eng *Engine) {
			list := e.results(eng, "a time to the first token", func(r *stats.Result) bool { return r.Latency != nil && r.Latency.TTFT != nil })
			if list == nil {
				return
			}
			s := list[len(list)-1]
			ttft := s.Latency.TTFT.P50
			e.hold(reading{subject: "engine " + eng.Name, limit: "extra_ms", scope: e.scope(eng), value: ttft - l.TTFTMS - l.RTTMS, basis: Observed, inputs: []Source{eng.From, s.From, l.From},
				reason: fmt.Sprintf("%.1f ms at the validator, %.1f ms at the engine, %.1f ms of network", ttft, l.TTFTMS, l.RTTMS)})
		})
	}}
