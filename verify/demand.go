package verify

import (
	"slices"

	"github.com/hallmark-attest/hallmark/verify/rules"
)

// Demand names one thing a tier may require.
type Demand string

const (
	DemandSignature       Demand = "signature"
	DemandFresh           Demand = "fresh"
	DemandEnrolledKey     Demand = "enrolled_key"
	DemandNoContradiction Demand = "no_contradiction"
	DemandChannel         Demand = "channel"
	DemandHardwareRoot    Demand = "hardware_root"
	DemandQuote           Demand = "quote"
	DemandBootLog         Demand = "boot_log"
	DemandEngineStated    Demand = "engine_stated"
	DemandSecureBoot      Demand = "secure_boot"
	DemandTPMClass        Demand = "tpm_class"
	DemandGPUPlausible    Demand = "gpu_plausible"
	DemandTelemetryWindow Demand = "telemetry_window"
	DemandTap             Demand = "tap"
	DemandMeasured        Demand = "measured"
	DemandTD              Demand = "td"
	DemandGPUReports      Demand = "gpu_reports"
	DemandTopologySigned  Demand = "topology_signed"
	DemandUnsuspected     Demand = "unsuspected"
)

// demandEntry ties a demand to what meets it and to the finding that explains its lack.
type demandEntry struct {
	name     Demand
	findings []string // what may explain why it is not met: the first that spoke, else the last
	met      func(*CrossChecked) bool
}

// why picks the finding that explains an unmet demand.
func (d demandEntry) why(said findings) string {
	for _, id := range d.findings {
		if slices.ContainsFunc(said, func(f Finding) bool { return f.ID == id && f.Status != Affirming }) {
			return id
		}
	}
	return d.findings[len(d.findings)-1]
}

// conditionIDs are the findings that may say why claims are not measured.
func conditionIDs() []string {
	var ids []string
	for _, c := range conditions {
		ids = append(ids, c.id)
	}
	return append(ids, "measured.engine", "measured.gpu_driver", "measured.not_evaluable")
}

// tdLacks are the findings that may say why a TD counts for nothing.
var tdLacks = []string{"tdx.debug", "tdx.tcb.revoked", "tdx.tcb.status", "tdx.collateral.stale", "tdx.policy", "tdx.tcb.not_evaluable", "tdx.quote.not_evaluable"}

// notEvaluable is the answer of a demand whose evidence this version does not read: never met, never guilty.
func notEvaluable(*CrossChecked) bool { return false }

// demands lists every demand in the order in which lacks are reported. A
// CrossChecked value exists only after signature, binding and freshness were
// authenticated, so those are met by its existence.
var demands = []demandEntry{
	{DemandSignature, []string{"evidence.signature"}, func(*CrossChecked) bool { return true }},
	{DemandFresh, []string{"freshness.order"}, func(*CrossChecked) bool { return true }},
	{DemandEnrolledKey, []string{"node.not_given"}, func(c *CrossChecked) bool { return c.auth.node != nil }},
	{DemandNoContradiction, []string{"tier.capped"}, func(c *CrossChecked) bool { return !c.findings.contradicted() }},
	{DemandChannel, []string{"channel.none"}, func(c *CrossChecked) bool { return c.auth.channelBound }},
	{DemandHardwareRoot, slices.Concat([]string{"tpm.cleared"}, tdLacks, []string{"root.none"}),
		func(c *CrossChecked) bool { return c.auth.hardwareRoot() && !c.cleared || c.tdAccepted() }},
	{DemandQuote, []string{"tdx.quote.not_evaluable", "quote.none"}, func(c *CrossChecked) bool { return c.auth.quote != nil || c.auth.td != nil }},
	{DemandBootLog, slices.Concat([]string{"boot.replay", "tdx.replay", "boot.not_evaluable", "tdx.replay.not_evaluable"}, tdLacks, []string{"root.none"}),
		func(c *CrossChecked) bool { return c.boot.replays || c.tdAccepted() && c.td.replays }},
	{DemandEngineStated, []string{"engine.not_stated"}, func(c *CrossChecked) bool { return c.engineStated() }},
	{DemandSecureBoot, []string{"secure_boot.off", "boot.parsers_disagree", "secure_boot.not_evaluable"}, func(c *CrossChecked) bool { return c.boot.secureBoot }},
	{DemandTPMClass, []string{"tpm.class", "tpm_class.not_evaluable"}, func(c *CrossChecked) bool { return c.classAccepted() }},
	{DemandGPUPlausible, []string{"gpu_plausible.not_evaluable"}, notEvaluable},
	{DemandTelemetryWindow, telemetryIDs, func(c *CrossChecked) bool { return c.chain.bracketed() }},
	{DemandTap, []string{"tap.not_evaluable"}, notEvaluable},
	{DemandMeasured, conditionIDs(), func(c *CrossChecked) bool { return c.measuredAll() }},
	{DemandTD, slices.Concat(tdLacks, []string{"td.image"}),
		func(c *CrossChecked) bool {
			return c.auth.td != nil && c.auth.tdAssurance() == Hardware && c.td.current && c.td.image
		}},
	{DemandGPUReports, []string{"gpu_reports.not_evaluable"}, notEvaluable},
	{DemandTopologySigned, []string{"topology.not_evaluable"}, notEvaluable},
	{DemandUnsuspected, []string{"rules.contradicted", "engine.precision.lower", "clock.rollback", "rules.suspect"}, func(c *CrossChecked) bool { return c.conclusion.Judgement == rules.Clear }},
}
