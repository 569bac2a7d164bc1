package honest

// disturbance is what befalls an honest node. Probabilities are guesses, higher than an operator would like: rare ones must occur among ten thousand.
type disturbance struct {
	name        string
	probability float64
	disturb     func(*world)
}

var disturbances = []disturbance{
	// disturb_load.go
	{"load", .3, load},
	{"long context", .1, longContext},
	{"declared speculation", .15, speculates},
	{"speculation not stated", .03, speculatesUnsaid},
	{"gateway that buffers", .1, gateway},
	{"gateway that joins tokens", .1, joins},
	{"answers kept", .05, kept},
	{"pool of hosts", .1, pool},
	{"group of hosts", .03, group},
	// disturb_hardware.go
	{"throttled", .1, throttled},
	{"power cap", .1, powerCap},
	{"ECC switched", .1, eccSwitched},
	{"ECC error, GPU reset", .02, eccReset},
	{"overclocked memory", .05, overclocked},
	{"MIG", .06, mig},
	{"vGPU", .03, vgpu},
	{"unknown board", .07, unknownBoard},
	{"links off", .05, linksOff},
	{"liquid cooling", .05, liquid},
	{"confidential mode claimed", .03, confidential},
	// disturb_model.go
	{"declared LoRA", .06, lora},
	{"packed anew, stated", .05, packed},
	{"packed anew by a file", .02, packedByFile},
	{"layers on the host", .05, offloaded},
	{"another cache format", .08, cacheFormat},
	{"template changed for an epoch", .02, templateOnce},
	{"wrong template", .004, templateWrong},
	{"knowledge base brought up to date", .05, newBase},
	{"other defaults of sampling", .03, sampling},
	// disturb_agent.go
	{"engine restarted", .05, engineRestarted},
	{"engine restarted with other settings", .03, engineChanged},
	{"agent restarted", .06, agentRestarted},
	{"probe restarted", .04, probeRestarted},
	{"sweeps missed", .04, sweepsMissed},
	{"driver without fields", .1, fieldsMissing},
	{"clock skew", .1, skewed},
	// disturb_past.go
	{"TPM cleared", .03, tpmCleared},
	{"host suspended", .02, suspended},
	{"card moved here", .03, cardMoved},
	{"card moved here from an older node", .03, cardFromOlder},
	{"card lent and come back", .01, cardBack},
	{"agent set up anew", .03, agentAnew},
	{"agent set up anew, the old one still on", .005, agentTwice},
	{"identity copied by another", .01, copied},
}
