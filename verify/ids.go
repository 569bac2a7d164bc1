package verify

// Entry explains a finding id. Soundness says what a contraindicated finding of this id shows.
type Entry struct {
	ID        string `json:"id"`
	Stage     string `json:"stage"`
	Worst     Status `json:"worst"`     // the worst status it can have
	Soundness string `json:"soundness"` // "exact": a cryptographic or structural fact; "reference": as good as the reference values; "heuristic": a rule of thumb, whose sentence names it; "-": never contradicts
	Sentence  string `json:"sentence"`
}

// Registry lists every finding id of this version, in the order of the stages.
// Ids are part of the format: add, never rename.
func Registry() []Entry { return registry }

const (
	exact     = "exact"
	reference = "reference"
	heuristic = "heuristic"
	harmless  = "-"
)

var registry = []Entry{
	{"record.signature", "open", Contraindicated, exact, "The record's signature does not verify under the validator's key: it was changed after the validator wrote it."},
	{"challenge.foreign", "open", Contraindicated, exact, "The record was signed by another key than the validator's: somebody else asked, so its freshness proves nothing here."},
	{"challenge.signature", "open", Contraindicated, exact, "The challenge inside the record is not by the validator's key: it was made by somebody else around an answer."},
	{"challenge.malformed", "open", Contraindicated, exact, "The challenge inside the record does not follow the format."},
	{"challenge.mismatch", "open", Contraindicated, exact, "The challenge in the record is not the one this validator stored when it asked."},
	{"challenge.profile", "open", Contraindicated, exact, "The challenge does not accept the format version this verifier reads."},
	{"freshness.order", "open", Contraindicated, exact, "Issued, sent, received and expiry are not in order: the answer did not arrive within the challenge's life."},
	{"freshness.age", "open", Contraindicated, exact, "The record is older than the age asked for, or lies in the future."},
	{"freshness.ok", "open", Affirming, harmless, "The answer arrived within the challenge's life."},
	{"node.signature", "open", Contraindicated, exact, "The node record's signature does not verify under its enroller's key."},
	{"node.foreign", "open", Contraindicated, exact, "The node record was made by another key than the validator's."},
	{"node.malformed", "open", Contraindicated, exact, "The node record does not follow the format."},
	{"node.audience", "open", Contraindicated, exact, "The challenge was addressed to another node than the one in the node record."},
	{"node.demo_root", "open", Contraindicated, exact, "The node was enrolled under a demonstration authority, which is trusted only by an option that says unsafe."},
	{"node.not_given", "open", Warning, harmless, "No node record was given: nothing says whose key this is, and no tier above community can be reached. Give --node."},

	{"response.malformed", "authenticate", Contraindicated, exact, "The response does not follow the format."},
	{"answer.malformed", "authenticate", Contraindicated, exact, "The challenge's own answer does not follow the format."},
	{"evidence.malformed", "authenticate", Contraindicated, exact, "The evidence does not follow the format."},
	{"evidence.profile", "authenticate", Contraindicated, exact, "The evidence is of a format version the challenge did not accept."},
	{"evidence.signature", "authenticate", Contraindicated, exact, "The evidence envelope's signature does not verify under the key it names: its bytes were changed."},
	{"evidence.key", "authenticate", Contraindicated, exact, "The evidence names a key that is not a point on P-256."},
	{"batch.root", "authenticate", Contraindicated, exact, "This challenge and answer are not under the root the evidence was made for: an old answer, or one to another challenge."},
	{"ueid.audience", "authenticate", Contraindicated, exact, "The evidence is by another node than the one that was asked."},
	{"ueid.key", "authenticate", Contraindicated, exact, "The node's name does not follow from its key."},
	{"node.ueid", "authenticate", Contraindicated, exact, "The evidence is by another node than the one in the node record."},
	{"node.key", "authenticate", Contraindicated, exact, "The evidence key is not the node key that was pinned at enrolment."},
	{"channel.mismatch", "authenticate", Contraindicated, exact, "The TLS key or channel binding in the evidence is not the one the validator saw: the answer was relayed."},
	{"channel.none", "authenticate", Warning, harmless, "The answer is not bound to the connection it came through, which caps the tier at community."},
	{"channel.bound", "authenticate", Affirming, harmless, "The answer is bound to the TLS key and the very connection the validator saw."},
	{"kind.withdrawn", "authenticate", Contraindicated, exact, "The node was enrolled with a hardware root and now answers without it."},
	{"roots.unexpected", "authenticate", Contraindicated, exact, "The evidence carries a quote of a kind whose claims it does not state."},
	{"tpm.claims", "authenticate", Contraindicated, exact, "The TPM claims do not follow the format."},
	{"tpm.ak.malformed", "authenticate", Contraindicated, exact, "The attestation key's public area does not follow the TPM specification."},
	{"tpm.ak.attributes", "authenticate", Contraindicated, exact, "The key that signed the quote is not a restricted signing key fixed to its TPM: it can sign anything, also invented quotes."},
	{"tpm.ak.foreign", "authenticate", Contraindicated, exact, "The quote is by another attestation key than the one enrolled."},
	{"tpm.ak.enrolled", "authenticate", Affirming, harmless, "The attestation key is the one that was activated in the enrolled TPM."},
	{"tpm.ek.certified", "authenticate", Affirming, harmless, "The TPM's endorsement key carried a certificate that chained to the enroller's roots."},
	{"tpm.ek.unlisted", "authenticate", Warning, harmless, "The TPM's endorsement key has no certificate: nothing says that it is a hardware TPM, its claims are the owner's word."},
	{"tpm.quote.malformed", "authenticate", Contraindicated, exact, "The TPM quote does not follow the TPM specification."},
	{"tpm.quote.magic", "authenticate", Contraindicated, exact, "The quoted structure does not begin with TPM_GENERATED_VALUE: it was not made inside a TPM."},
	{"tpm.quote.type", "authenticate", Contraindicated, exact, "The quoted structure is an attestation of another type than a quote."},
	{"tpm.quote.binding", "authenticate", Contraindicated, exact, "The TPM quoted another binding: claims, key or challenge were exchanged after the quote."},
	{"tpm.quote.signer", "authenticate", Contraindicated, exact, "The quote names another signer than this attestation key in the endorsement hierarchy."},
	{"tpm.quote.selection", "authenticate", Contraindicated, exact, "The quote covers fewer registers than policy asks for, or other ones than it states."},
	{"tpm.quote.bank", "authenticate", Contraindicated, exact, "The quote covers a register bank weaker than SHA-256, or several banks."},
	{"tpm.quote.pcr_values", "authenticate", Contraindicated, exact, "The register values do not fit the quote's selection."},
	{"tpm.quote.pcr_digest", "authenticate", Contraindicated, exact, "The register values are not the ones the TPM quoted."},
	{"tpm.quote.signature", "authenticate", Contraindicated, exact, "The TPM quote's signature does not verify under the attestation key."},
	{"tpm.quote.ok", "authenticate", Affirming, harmless, "The TPM signed this binding and these register values."},

	{"claims.malformed", "appraise", Contraindicated, exact, "The claims of a kind do not follow the format."},
	{"kind.absent", "appraise", Warning, harmless, "A kind that policy asks for is absent, with the node's reason."},
	{"kind.stated", "appraise", Affirming, harmless, "A kind is stated."},
	{"kind.stale", "appraise", Warning, harmless, "The claims of a kind were obtained long before the challenge, or after its answer arrived."},
	{"tpm.class", "appraise", Warning, harmless, "The TPM's class limits what its quote is worth."},
	{"inputs.nondefault", "appraise", Warning, harmless, "The agent runs with inputs that differ from the defaults; each could make it describe something else than its host."},
	{"boot.not_evaluable", "appraise", None, harmless, "The boot log was not sent, not asked for, or cannot be read: the registers are quoted, and nothing says what they stand for."},
	{"boot.replays", "appraise", Affirming, harmless, "The boot log replays to the quoted registers: it says what they stand for."},
	{"boot.replay", "appraise", Warning, harmless, "The boot log does not replay to the quoted registers, or the firmware did not close them: it is of another boot or incomplete, or the firmware logs what it does not measure."},
	{"boot.unknown_event", "appraise", Warning, harmless, "The boot log holds an event of a type that the platform firmware profile does not list, in a register of the firmware."},
	{"boot.parsers_disagree", "appraise", None, harmless, "The readers of the boot log judge its Secure Boot part differently: nobody knows which is right."},
	{"boot.command_line", "appraise", Affirming, harmless, "What the boot loader measured as the kernel's command line."},
	{"boot.dma_protection", "appraise", Warning, harmless, "The firmware measured that it does not protect memory against devices."},
	{"boot.reference.match", "appraise", Affirming, harmless, "The boot is known to the references: registers, or keys, images, files and command line."},
	{"boot.reference.differs", "appraise", Warning, harmless, "The boot is none of those known to the references: an update, or another system. What of the nearest differs is shown."},
	{"boot.reference.not_evaluable", "appraise", None, harmless, "The boot cannot be compared with the references, because its log does not replay."},
	{"secure_boot.on", "appraise", Affirming, harmless, "Secure Boot is on, by all readers of the boot log."},
	{"secure_boot.off", "appraise", Warning, harmless, "Secure Boot is off: what the firmware started needed no signature."},
	{"ima.not_evaluable", "appraise", None, harmless, "The kernel's measurement list was not sent, not asked for, or cannot be read."},
	{"ima.no_match", "appraise", Warning, harmless, "No beginning of the kernel's measurement list gives the quoted register 10: the list was changed or cut, or the kernel could not extend a TPM that timed out, and its log says so (ima: Error Communicating to TPM chip)."},
	{"ima.prefix", "appraise", Affirming, harmless, "A beginning of the kernel's measurement list replays to the quoted register 10."},
	{"ima.violations", "appraise", Warning, harmless, "The kernel could not measure a file reliably: it was written while it was read, or the reverse."},
	{"ima.hidden", "appraise", None, harmless, "The node hides entries of the measurement list that it calls unrelated; they replay and say nothing."},
	{"ima.aggregate", "appraise", Warning, harmless, "The measurement list began over other boot registers than those quoted."},
	{"ima.referenced", "appraise", Affirming, harmless, "Every measured file stands in the references."},
	{"ima.unreferenced", "appraise", Warning, harmless, "Files that the references do not know were run or read on this host since it started."},
	{"runtime.replays", "appraise", Affirming, harmless, "The agent's runtime log replays to its quoted register. Its events are the agent's word."},
	{"runtime.not_evaluable", "appraise", None, harmless, "The agent keeps no runtime log, it was not asked for, or somebody else extended its register."},
	{"clock.continuous", "appraise", Affirming, harmless, "The TPM's clock and counters went on from an earlier quote of this key."},
	{"clock.rollback", "appraise", Contraindicated, exact, "The TPM's clock or counters went back, which clearing it does not explain: an older state was restored, or two TPMs answer with one key."},
	{"tpm.cleared", "appraise", Warning, harmless, "The TPM's clock and counters began anew since an earlier quote: it was cleared, or its firmware was updated. The key is the same; until the node is enrolled again its quotes are worth no tier above community."},
	{"clock.rate", "appraise", Warning, harmless, "Within one power cycle the TPM's clock ran at another rate than the validator's: the machine was paused, or the clock was set."},
	{"clock.unsafe", "appraise", None, harmless, "The TPM lost power without an orderly shutdown: its clock may repeat up to 70 minutes."},
	{"clock.not_evaluable", "appraise", None, harmless, "No earlier verdict of this key: the clock is compared with nothing. Give --history."},
	{"measured.root", "appraise", Warning, harmless, "Closed world: the attestation key must be enrolled by an EK certificate, and the TPM not cleared since. Enroll with --ek-roots."},
	{"measured.boot_log", "appraise", Warning, harmless, "Closed world: the boot log must replay. The provider lets the agent read it; the validator asks for it (challenge --logs)."},
	{"measured.secure_boot", "appraise", Warning, harmless, "Closed world: Secure Boot must be on. The provider switches it on in the firmware setup."},
	{"measured.boot_reference", "appraise", Warning, harmless, "Closed world: trust keys, boot loaders, kernel, initrd and measured command line must be in one boot reference. Make one: hallmark reference create answer.hm."},
	{"measured.lockdown", "appraise", Warning, harmless, "Closed world: the kernel must be locked down. The provider boots with lockdown=integrity, or with Secure Boot on a kernel that then locks itself down."},
	{"measured.modules", "appraise", Warning, harmless, "Closed world: unsigned kernel modules must be refused. The provider boots with module.sig_enforce=1."},
	{"measured.ima_policy", "appraise", Warning, harmless, "Closed world: a policy must be in force under which everything that runs is measured. The provider boots with ima_policy=tcb and installs /usr/share/hallmark/ima/hallmark.policy as /etc/ima/ima-policy."},
	{"measured.ima_list", "appraise", Warning, harmless, "Closed world: the measurement list must replay to register 10. The validator asks for it (challenge --logs)."},
	{"measured.aggregate", "appraise", Warning, harmless, "Closed world: the measurement list must begin with the kernel's own aggregate of the quoted boot registers, in the quoted bank. Without it the registers could have been filled later."},
	{"measured.ima_violations", "appraise", Warning, harmless, "Closed world: there must be no violation. The provider moves files that are written and read at once to a tmpfs."},
	{"measured.ima_entries", "appraise", Warning, harmless, "Closed world: every measured file must be referenced and none hidden. The provider sets logs.entries: all; the validator references the image."},
	{"measured.agent", "appraise", Warning, harmless, "Closed world: the agent and its probe must be measured, under the digests they state."},
	{"measured.inputs", "appraise", Warning, harmless, "Closed world: the agent must run with default inputs."},
	{"measured.hypervisor", "appraise", Warning, harmless, "Closed world: there must be no hypervisor below, outside an accepted TD. One that hides itself is not seen."},
	{"measured.engine", "appraise", Warning, harmless, "Closed world: for engine claims, the executable of every serving engine must be measured."},
	{"measured.gpu_driver", "appraise", Warning, harmless, "Closed world: for GPU claims, the NVML library and the kernel module must be measured."},
	{"measured.reached", "appraise", Affirming, harmless, "These claims are measured: reported by software that was measured, on a host where nothing else runs."},
	{"tpm_class.not_evaluable", "appraise", None, harmless, "The TPM's class is unknown: its maker's certificate does not say, or it has none."},
	{"reference.not_given", "appraise", None, harmless, "No reference values were given: engine and weights are not compared with anything. Give --reference."},
	{"engine.not_serving", "appraise", Warning, harmless, "No running engine could be found behind a configured endpoint."},
	{"engine.model.match", "appraise", Affirming, harmless, "The model's manifest digest stands in the references."},
	{"engine.model.other_files", "appraise", Warning, harmless, "All weight files of the model are those of the reference; other files (configuration, README) differ."},
	{"engine.model.unknown", "appraise", None, harmless, "The references know no model by the declared name: unknown, not guilty. Create a reference for it."},
	{"engine.model.mismatch", "appraise", Contraindicated, reference, "The weights declared under this name differ from the references: another model, another precision, or changed files."},
	{"engine.model.incomplete", "appraise", None, harmless, "The model's files could not all be measured."},
	{"engine.freshness", "appraise", None, harmless, "How the digests of a model's files or of an executable are known, in the tiers T0 to T6 of docs/kinds/engine.md: the node's word, beside it what proved blocks and the kernel's list show. For people; it counts neither way."},
	{"engine.weights.foreign", "appraise", Contraindicated, heuristic, "The engine holds weights that are not part of the models declared for it. It contradicts only where none of the declared files is open and the others are at least half as large; else it is a warning."},
	{"engine.weights.unseen", "appraise", None, harmless, "No declared weight file is open or mapped by the engine: nothing ties the model on disk to the process."},
	{"engine.weights.loaded", "appraise", Affirming, harmless, "The engine has files of the declared model open or mapped."},
	{"engine.executable.match", "appraise", Affirming, harmless, "The executable's digest stands in the references."},
	{"engine.executable.unknown", "appraise", None, harmless, "The executable's name is not in the references: unknown, not guilty. Create a reference for it."},
	{"engine.executable.mismatch", "appraise", Contraindicated, reference, "The executable of this name differs from every reference for it."},
	{"engine.library.match", "appraise", Affirming, harmless, "Libraries mapped by the engine stand in the references."},
	{"engine.library.differs", "appraise", Warning, harmless, "A library mapped by the engine differs from every reference of its name: an update, or an exchange. It keeps the engine from counting as referenced."},
	{"agent.executable.match", "appraise", Affirming, harmless, "The agent's or probe's stated digest stands in the references."},
	{"agent.executable.unknown", "appraise", None, harmless, "The agent's or probe's stated digest is not in the references."},
	{"weights.blocks.ok", "appraise", Affirming, harmless, "The blocks of weights that the nonce picked lead to the digests of the model's files. It means that this agent could obtain these bytes between challenge and answer, and nothing more: not that an engine has them loaded."},
	{"weights.blocks.wrong", "appraise", Contraindicated, exact, "A block of weights that the nonce picked is missing, or does not lead to the digest of its file: who answered did not have the files of the model."},
	{"weights.blocks.absent", "appraise", Warning, harmless, "Blocks of weights were asked for and not proved, with the node's reason: nobody showed that the files are there."},
	{"weights.blocks.not_evaluable", "appraise", None, harmless, "The proofs of blocks cannot be judged: neither the claims nor the references list the files of the model."},
	{"gpu.duplicate", "appraise", Contraindicated, exact, "One GPU is stated twice: two devices have the same UUID."},
	{"telemetry.foreign", "appraise", Warning, harmless, "The chain's genesis document names another node: the node got a new name while its agent ran, or the chain is copied."},
	{"telemetry.boot", "appraise", Warning, harmless, "The chain's genesis document names another boot than the agent's own runtime log."},
	{"telemetry.stale", "appraise", Warning, harmless, "The newest record was old when it was quoted: the collector no longer measured."},
	{"telemetry.window_missing", "appraise", Warning, harmless, "Telemetry records were asked for and not sent. The node gives its reason, or the network took them: nobody is accused."},
	{"telemetry.chain", "appraise", Warning, harmless, "The telemetry records that were sent are not those that the quote fixes: a record was changed, left out or exchanged, by the node or on the way. They count as not sent."},
	{"telemetry.shown", "appraise", Affirming, harmless, "The telemetry records lead to the quoted head: they are what the node committed to. What they say is its word."},
	{"telemetry.head", "appraise", Contraindicated, exact, "The claims state other times for the quoted record than the record itself: two statements of one quote contradict each other."},
	{"telemetry.order", "appraise", Warning, harmless, "The time since boot does not rise from one telemetry record to the next, as the format demands. They bracket nothing."},
	{"telemetry.gap", "appraise", Warning, harmless, "Time passed without telemetry records: a pause of more than two intervals, by the records' own times. The facts beside it are the node's explanation."},
	{"telemetry.fork", "appraise", Contraindicated, exact, "Two histories: the node committed to two different hashes at one record of one chain. Each start of the agent begins a new chain, so no crash explains it."},
	{"telemetry.back", "appraise", Contraindicated, exact, "A chain went back: it stands at an earlier record than evidence from before it. An older state of the running agent was restored, or two of them answer."},
	{"telemetry.parallel", "appraise", Warning, harmless, "Two chains were made at the same time in one boot: two agents run, and which one is shown is the node's choice. They bracket nothing."},
	{"telemetry.unlinked", "appraise", Warning, harmless, "The chain does not lead back to the one that was quoted earlier in this boot: the agent lost what it had stored, or was started more often than the claims can name."},
	{"telemetry.lost", "appraise", Warning, harmless, "Records that were said to be stored are gone: the next chain follows an earlier one. A crash loses the open minute, not more."},
	{"telemetry.continues", "appraise", Affirming, harmless, "The telemetry chain goes on from other evidence of this node."},
	{"telemetry.unbracketed", "appraise", None, harmless, "A window of one answer was shown, and no other record was given: what lies in it was fixed by no earlier quote. Give --with, and ask with challenge --since."},
	{"telemetry.bracket", "appraise", Warning, harmless, "The two answers do not bracket the telemetry between them: see what is missing."},
	{"telemetry.bracketed", "appraise", Affirming, harmless, "Two answers bracket the telemetry: every record between their quotes is shown, made after the first challenge existed and before the second quote. What they say is the node's word; that it has not changed since is shown."},

	{"crosscheck.not_evaluable", "cross-check", None, harmless, "No rule of this version reads statistical results: only rules on the node's own statements ran, and nothing was held against the answers."},
	{"engine.precision.match", "cross-check", Affirming, harmless, "The weight files' headers hold the declared precision or more."},
	{"engine.precision.lower", "cross-check", Contraindicated, exact, "Rule M3: more than 50 of 1000 parameters have fewer bits, by the weight files' own headers, than the precision that the node declares. Two statements of the node contradict each other."},
	{"engine.precision.higher", "cross-check", None, harmless, "The weights have more bits than declared: no harm done, and not what is declared. Correct the declaration."},
	{"engine.precision.not_evaluable", "cross-check", None, harmless, "The declared precision cannot be compared with the weight files' headers: none is declared, the model is not measured, or its packing is not known."},

	{"telemetry.energy", "cross-check", Warning, harmless, "Rule E2: a GPU's energy counter fell, and no record says that its driver was loaded anew."},

	{"root.none", "decide", Warning, harmless, "No enrolled hardware root vouches for this node: it has no TPM, was enrolled without an endorsement certificate, or no node record was given."},
	{"quote.none", "decide", Warning, harmless, "The evidence carries no quote by a hardware root."},
	{"engine.not_stated", "decide", Warning, harmless, "Not every engine is stated whole: running, with its executable and all model files measured, and no library that differs from the references. Other findings say what is missing; without any, no engine is configured."},
	{"secure_boot.not_evaluable", "appraise", None, harmless, "Secure Boot cannot be judged: no boot log that replays, or one that its readers cannot judge. Never on, never guilty."},
	{"gpu_plausible.not_evaluable", "decide", None, harmless, "GPU plausibility is not evaluated by this version."},
	{"telemetry.not_evaluable", "decide", None, harmless, "No telemetry window was asked for: what the GPUs did between two answers was not looked at. Ask with challenge --since, judge with verify --with."},
	{"tap.not_evaluable", "decide", None, harmless, "The serving tap is not part of this version."},
	{"measured.not_evaluable", "appraise", None, harmless, "No references for measured files were given: whether this host is a closed world was not asked."},
	{"td.not_evaluable", "decide", None, harmless, "TD quotes are not read by this version."},
	{"gpu_reports.not_evaluable", "decide", None, harmless, "Signed GPU reports are not read by this version."},
	{"topology.not_evaluable", "decide", None, harmless, "Signed topology is not read by this version."},
	{"tier.capped", "decide", Warning, harmless, "A demand of the tier asked for is not met."},

	{"enroll.parameters", "enroll", Contraindicated, exact, "The node's activation parameters do not follow the format or do not belong together."},
	{"enroll.ak.attributes", "enroll", Contraindicated, exact, "The offered attestation key is not a restricted signing key fixed to its TPM."},
	{"enroll.ak.creation", "enroll", Contraindicated, exact, "The creation data does not show a key made in this TPM's endorsement hierarchy."},
	{"enroll.ek.untrusted", "enroll", Contraindicated, exact, "No endorsement certificate of the node chains to the given roots."},
	{"enroll.ek.expired", "enroll", Contraindicated, exact, "The endorsement certificate chains, and a certificate in the chain is not valid at this time."},
	{"enroll.ek.revoked", "enroll", Contraindicated, exact, "The endorsement certificate chains, and a certificate in the chain stands on its issuer's revocation list."},
	{"enroll.ek.unreadable", "enroll", Contraindicated, exact, "The endorsement certificate breaks the rules of X.509 and cannot be read."},
	{"enroll.ek.missing", "enroll", Contraindicated, harmless, "The node offers no endorsement certificate. --allow-unlisted-ek takes the key as it is, and its claims stay asserted."},
	{"enroll.ek.mismatch", "enroll", Contraindicated, exact, "The endorsement certificate is for another key than its template makes."},
	{"enroll.activation", "enroll", Contraindicated, exact, "The node did not return the activation secret: the attestation key is not in the TPM of that endorsement key."},
	{"enroll.ueid", "enroll", Contraindicated, exact, "The node's name does not follow from the key it offers."},
	{"enroll.changed", "enroll", Contraindicated, exact, "The node's keys are not those of its earlier node record."},
	{"enroll.key_refused", "enroll", Contraindicated, exact, "The node's key is not the one that was accepted."},
}

var registryIndex = func() map[string]Entry {
	m := make(map[string]Entry, len(registry))
	for _, e := range registry {
		m[e.ID] = e
	}
	return m
}()

// EntryOf explains one finding id.
func EntryOf(id string) (Entry, bool) {
	e, ok := registryIndex[id]
	return e, ok
}
