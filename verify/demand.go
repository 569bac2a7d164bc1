package verify

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
)

// demandEntry ties a demand to what meets it and to the finding that explains its lack.
type demandEntry struct {
	name    Demand
	finding string // explains why it is not met
	met     func(*CrossChecked) bool
}

// notEvaluable is the answer of a demand whose evidence this version does not read: never met, never guilty.
func notEvaluable(*CrossChecked) bool { return false }

// demands lists every demand in the order in which lacks are reported. A
// CrossChecked value exists only after signature, binding and freshness were
// authenticated, so those are met by its existence.
var demands = []demandEntry{
	{DemandSignature, "evidence.signature", func(*CrossChecked) bool { return true }},
	{DemandFresh, "freshness.order", func(*CrossChecked) bool { return true }},
	{DemandEnrolledKey, "node.not_given", func(c *CrossChecked) bool { return c.auth.node != nil }},
	{DemandNoContradiction, "tier.capped", func(c *CrossChecked) bool { return !c.findings.contradicted() }},
	{DemandChannel, "channel.none", func(c *CrossChecked) bool { return c.auth.channelBound }},
	{DemandHardwareRoot, "root.none", func(c *CrossChecked) bool { return c.auth.hardwareRoot() }},
	{DemandQuote, "quote.none", func(c *CrossChecked) bool { return c.auth.quote != nil }},
	{DemandBootLog, "boot.not_evaluable", notEvaluable},
	{DemandEngineStated, "engine.not_stated", func(c *CrossChecked) bool { return c.engineStated() }},
	{DemandSecureBoot, "secure_boot.not_evaluable", notEvaluable},
	{DemandTPMClass, "tpm_class.not_evaluable", notEvaluable},
	{DemandGPUPlausible, "gpu_plausible.not_evaluable", notEvaluable},
	{DemandTelemetryWindow, "telemetry.not_evaluable", notEvaluable},
	{DemandTap, "tap.not_evaluable", notEvaluable},
	{DemandMeasured, "measured.not_evaluable", notEvaluable},
	{DemandTD, "td.not_evaluable", notEvaluable},
	{DemandGPUReports, "gpu_reports.not_evaluable", notEvaluable},
	{DemandTopologySigned, "topology.not_evaluable", notEvaluable},
}
