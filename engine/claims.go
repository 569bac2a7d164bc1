package engine

import (
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine/census"
)

// Limits of this kind. What goes beyond one is an absence with reason oversize.
const (
	MaxClaimsSize = 640 << 10 // one encoded Claims; the rest of the evidence shares attest.MaxEvidenceSize with it
	MaxEngines    = 16
	MaxPublic     = 16
	MaxListening  = 16
	MaxHops       = 2
	MaxProcesses  = 256 // of one process tree
	MaxLibraries  = 1024
	MaxWeights    = 1024
	MaxEntries    = 1024 // manifest entries stated in the claims, per model
	MaxFlags      = 64
	MaxVariables  = 32
)

// The closed sets of FileDigest and Weight.
const (
	SourceComputed = "computed" // the agent read the file
	SourceKernel   = "kernel"   // FS_IOC_MEASURE_VERITY

	FreshHashed  = "hashed"          // T1: the agent read all bytes at digest_at; nothing since
	FreshStat    = "hashed+stat"     // T2: as T1; inode, size and times equal at checked_at. Not root
	FreshWatched = "hashed+watched"  // T3: as T2; no event, no overflow, no restart of the agent between. Not root
	FreshKernel  = "kernel-enforced" // T5: the kernel refuses reads that do not match

	HeldMapped = "mapped"
	HeldOpen   = "open"
	HeldBoth   = "both"
)

// Claims is what a host says of the engines it serves. docs/kinds/engine.md describes each key.
type Claims struct {
	ObtainedAt uint64           `cbor:"obtained_at"` // Unix milliseconds at the end of the reading
	How        string           `cbor:"how"`
	Engines    []Engine         `cbor:"engines"` // in the configuration's order
	Absent     []attest.Absence `cbor:"absent,omitempty"`
}

// Declared is the operator's word about the model.
type Declared struct {
	Model          string `cbor:"model,omitempty"`
	Precision      string `cbor:"precision,omitempty"`
	TensorParallel uint64 `cbor:"tensor_parallel,omitempty"`
	// Speculation is the most draft tokens that one step may accept: 0, none; nil, not declared. Without it no rule bounds the speed of answers.
	Speculation *uint64 `cbor:"speculation,omitempty"`
	// Alone: at the public addresses this host alone answers, on its own GPUs alone. Without it what a validator measures there is held against nothing of this host.
	Alone bool `cbor:"alone,omitempty"`
}

// Engine is one configured engine and what was found behind its endpoint.
type Engine struct {
	Name      string      `cbor:"name"`
	Endpoint  string      `cbor:"endpoint"`
	Public    []string    `cbor:"public"`
	Declared  Declared    `cbor:"declared"`
	Kind      string      `cbor:"engine,omitempty"` // "vllm", …, "generic"; by name and arguments, so the process's word
	Listening []Listening `cbor:"listening"`
	Hops      []Hop       `cbor:"hops,omitempty"`
	Process   *Process    `cbor:"process,omitempty"`      // root of the process tree
	Tree      []Child     `cbor:"tree"`                   // its descendants, by process id
	Sharing   []uint64    `cbor:"sharing_pids,omitempty"` // processes outside the tree that hold the same address
	Libraries []Library   `cbor:"libraries"`              // by path, then digest
	Weights   []Weight    `cbor:"weights"`                // by path, then digest
	Models    []Model     `cbor:"models"`                 // in the configuration's order
}

// Listening is one listening socket behind the endpoint.
type Listening struct {
	Address      string `cbor:"address"`
	Port         uint64 `cbor:"port"`
	NetNamespace uint64 `cbor:"net_namespace"` // inode of the namespace
}

// Hop is a local forwarder between endpoint and engine.
type Hop struct {
	To      string  `cbor:"to"` // address and port it forwards to, by its own arguments
	Process Process `cbor:"process"`
}

// Process is one process and its executable.
type Process struct {
	PID         uint64      `cbor:"pid"`
	Parent      uint64      `cbor:"parent_pid"`
	StartTicks  uint64      `cbor:"start_ticks"` // since boot, 1/100 s: with pid the identity within one boot
	StartMs     *uint64     `cbor:"start_ms,omitempty"`
	UID         *uint64     `cbor:"uid,omitempty"`
	ExePath     string      `cbor:"exe_path,omitempty"`
	ExeDeleted  bool        `cbor:"exe_deleted,omitempty"` // replaced or removed since it was started
	ExeMapped   *bool       `cbor:"exe_mapped,omitempty"`  // the measured file is the one mapped executable
	Exe         *FileDigest `cbor:"exe,omitempty"`
	Args        []Pair      `cbor:"args"`        // recognised flags only, sorted by name
	Environment []Pair      `cbor:"environment"` // listed names only, sorted by name
	Cgroup      string      `cbor:"cgroup,omitempty"`
	Container   string      `cbor:"container_id,omitempty"`
}

// Pair is a flag or variable; a flag without value has an empty one.
type Pair struct {
	_     struct{} `cbor:",toarray"`
	Name  string
	Value string
}

// Child is a descendant of the engine's process.
type Child struct {
	PID        uint64 `cbor:"pid"`
	Parent     uint64 `cbor:"parent_pid"`
	StartTicks uint64 `cbor:"start_ticks"`
	ExePath    string `cbor:"exe_path,omitempty"`
}

// FileDigest is a file's identity and how it is known. Without fsverity only the
// size is known, and an absence says why.
type FileDigest struct {
	SizeBytes    uint64 `cbor:"size_bytes"`
	FSVerity     []byte `cbor:"fsverity,omitempty"`
	SHA256       []byte `cbor:"sha256,omitempty"`
	DigestSource string `cbor:"digest_source,omitempty"`
	Freshness    string `cbor:"freshness,omitempty"`
	DigestAtMs   uint64 `cbor:"digest_at_ms,omitempty"`  // when the bytes were read
	CheckedAtMs  uint64 `cbor:"checked_at_ms,omitempty"` // when the stat tuple was compared
}

// Library is a file that some process of the tree has mapped executable.
type Library struct {
	Path    string `cbor:"path"`
	Deleted bool   `cbor:"deleted,omitempty"`
	Exact   bool   `cbor:"exact"` // measured through map_files; else by name with equal device and inode
	FileDigest
}

// Weight is a model file that some process of the tree holds now.
type Weight struct {
	Path    string `cbor:"path"`
	Source  string `cbor:"source"` // mapped, open or both
	Deleted bool   `cbor:"deleted,omitempty"`
	FileDigest
}

// Model is a configured model file or directory.
type Model struct {
	Path      string   `cbor:"path"`
	Complete  bool     `cbor:"complete"`            // every file was measured
	Digest    []byte   `cbor:"digest,omitempty"`    // of the manifest; only if complete
	SizeBytes uint64   `cbor:"size_bytes"`          // of the measured files
	Files     uint64   `cbor:"files"`               // measured
	Freshness string   `cbor:"freshness,omitempty"` // the weakest of its files
	OldestMs  uint64   `cbor:"oldest_digest_at_ms,omitempty"`
	Entries   Manifest `cbor:"entries,omitempty"` // of the measured files

	Census *census.Census `cbor:"census,omitempty"` // of the weight files' headers; only if complete
}
