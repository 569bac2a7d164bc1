package agent

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/hallmark-attest/hallmark/agent/recorder"
	"github.com/hallmark-attest/hallmark/attest"
)

// MaxConfigSize is the largest agent.yaml that is read, in bytes.
const MaxConfigSize = 256 << 10

// Config is agent.yaml. Unknown and duplicate keys are errors, so that a typing
// mistake never leaves a default silently in force. The defaults are those of DefaultConfig.
type Config struct {
	Listen     string           `yaml:"listen"`    // HTTPS, host:port; default 0.0.0.0:7443
	StateDir   string           `yaml:"state_dir"` // default /var/lib/hallmark
	Metrics    string           `yaml:"metrics"`   // plain HTTP on a loopback address; default 127.0.0.1:7444, "" is off
	TPM        TPMConfig        `yaml:"tpm"`
	GPU        GPUConfig        `yaml:"gpu"`
	TDX        TDXConfig        `yaml:"tdx"`
	Validators ValidatorsConfig `yaml:"validators"`
	Engines    []EngineConfig   `yaml:"engines"`
	Weights    WeightsConfig    `yaml:"weights"`
	Telemetry  TelemetryConfig  `yaml:"telemetry"`
	Collector  CollectorConfig  `yaml:"collector"`
	Host       HostConfig       `yaml:"host"`
	Logs       LogsConfig       `yaml:"logs"`

	// Digest is SHA-256 over the file as read; it stands in the evidence.
	Digest attest.Digest `yaml:"-"`
}

// TPMConfig names the TPM.
type TPMConfig struct {
	// Device is a character device, "unix:/path" of a TPM simulator's socket, or
	// "none": this host has no TPM and answers under its node key. Default /dev/tpmrm0.
	Device string `yaml:"device"`
}

// GPUConfig says how GPUs are read.
type GPUConfig struct {
	Library  string   `yaml:"library"`  // NVML, a name for the loader or an absolute path; "none": no GPUs here. Default libnvidia-ml.so.1
	Probe    string   `yaml:"probe"`    // the helper process; default /usr/lib/hallmark/hallmark-gpuprobe
	Interval Duration `yaml:"interval"` // between two sweeps of telemetry; default 1s
}

// TDXConfig says where a trust domain asks for quotes.
type TDXConfig struct {
	Report string `yaml:"report"` // configfs-tsm, or "none"; default /sys/kernel/config/tsm/report
}

// ValidatorsConfig says who may ask.
type ValidatorsConfig struct {
	Keys      []string `yaml:"keys"`       // globs of SPKI PEM files; default /etc/hallmark/validators.d/*.pub
	Open      bool     `yaml:"open"`       // answer challenges of keys that are not listed too, within caps; default false
	PerMinute int      `yaml:"per_minute"` // requests a minute and key; default 60
}

// EngineConfig declares one inference engine. What is declared is the owner's
// word; it is stated beside what the agent reads itself.
type EngineConfig struct {
	Name     string         `yaml:"name"`
	Endpoint string         `yaml:"endpoint"` // where the agent reaches it
	Public   []string       `yaml:"public"`   // where customers reach it
	Models   []string       `yaml:"models"`   // files or directories of weights
	Declared DeclaredConfig `yaml:"declared"`
}

// DeclaredConfig is what the owner says about an engine.
type DeclaredConfig struct {
	Model          string `yaml:"model"`
	Precision      string `yaml:"precision"`
	TensorParallel int    `yaml:"tensor_parallel"`
	// Speculation is the most draft tokens that a step may accept, 0 without a draft model; left out: not declared.
	Speculation *int `yaml:"speculation"`
	// Alone says that at the public addresses this host alone answers, on its own GPUs alone.
	Alone bool `yaml:"alone"`
}

// WeightsConfig says what reading large files in the background may cost.
type WeightsConfig struct {
	// Reread is the period in which every large file is read once more, 0 never: to
	// notice what was written behind the file system. It needs BytesPerSecond.
	Reread Duration `yaml:"reread"`
	// BytesPerSecond bounds all background reading, the first included; 0 is as fast
	// as everybody else's reads allow.
	BytesPerSecond int64 `yaml:"bytes_per_second"`
}

// TelemetryConfig bounds the history of the GPUs on disk.
type TelemetryConfig struct {
	Retention Duration `yaml:"retention"` // default 72h
	MaxBytes  int64    `yaml:"max_bytes"` // of all chunks; the oldest go first; default 536870912
}

// CollectorConfig splits the agent in two processes.
type CollectorConfig struct {
	Socket string `yaml:"socket"` // unix socket of `hallmark-agent collect`; "" keeps both halves in one process
}

// LogsConfig says which logs are sent beside evidence, to listed validators that ask for them.
type LogsConfig struct {
	// Boot and IMA are the kernel's files, or "none". Default: those of tpm0 and of
	// the kernel, and none where tpm.device is a simulator's socket, which did not see this host boot.
	Boot string `yaml:"boot"`
	IMA  string `yaml:"ima"`
	// Entries "related" hides the name and content of IMA entries that have nothing to do with the agent,
	// the GPUs and the engines; they still replay. A closed world needs "all". Default "related".
	Entries string `yaml:"entries"`
	// RuntimeRegister is the PCR that the agent extends by its runtime events if it is zero; 0 keeps none. Default 13.
	RuntimeRegister uint `yaml:"runtime_register"`
}

// The values of LogsConfig.Entries.
const (
	EntriesAll     = "all"
	EntriesRelated = "related"
)

// LogPaths are the effective paths, None where the log is not sent.
func (c *Config) LogPaths() (boot, ima string) {
	boot, ima = c.Logs.Boot, c.Logs.IMA
	simulated := c.TPM.Device == None || strings.HasPrefix(c.TPM.Device, "unix:")
	if boot == "" {
		if boot = BootLogPath; simulated {
			boot = None
		}
	}
	if ima == "" {
		if ima = IMALogPath; simulated {
			ima = None
		}
	}
	return boot, ima
}

// HostConfig widens or narrows the host's claims.
type HostConfig struct {
	DMISerials bool `yaml:"dmi_serials"` // state serial numbers of board and chassis; default false
}

// Duration is a time.Duration written as "1s" or "72h".
type Duration time.Duration

// UnmarshalYAML reads Go's duration syntax. A bare number has no unit and is refused.
func (d *Duration) UnmarshalYAML(b []byte) error {
	v, err := time.ParseDuration(unquote(string(b)))
	if err != nil {
		return fmt.Errorf("%q is not a duration: write a number with its unit, like 1s, 500ms or 72h", b)
	}
	*d = Duration(v)
	return nil
}

// DefaultConfig is what an empty agent.yaml means.
func DefaultConfig() Config {
	return Config{
		Listen: "0.0.0.0:7443", StateDir: "/var/lib/hallmark", Metrics: "127.0.0.1:7444",
		TPM:        TPMConfig{Device: "/dev/tpmrm0"},
		GPU:        GPUConfig{Library: "libnvidia-ml.so.1", Probe: "/usr/lib/hallmark/hallmark-gpuprobe", Interval: Duration(time.Second)},
		TDX:        TDXConfig{Report: "/sys/kernel/config/tsm/report"},
		Validators: ValidatorsConfig{Keys: []string{"/etc/hallmark/validators.d/*.pub"}, PerMinute: 60},
		Telemetry:  TelemetryConfig{Retention: Duration(recorder.DefaultRetention), MaxBytes: recorder.DefaultMaxBytes},
		Logs:       LogsConfig{Entries: EntriesRelated, RuntimeRegister: 13},
	}
}

// LoadConfig reads and checks a configuration file.
func LoadConfig(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("configuration: %w: name one with --config, or start from the example in /usr/share/doc/hallmark/agent.yaml", err)
		}
		return nil, fmt.Errorf("configuration: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxConfigSize+1))
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	c, err := ParseConfig(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// ParseConfig reads and checks the content of a configuration file.
func ParseConfig(b []byte) (*Config, error) {
	if len(b) > MaxConfigSize {
		return nil, fmt.Errorf("configuration of more than %d bytes", MaxConfigSize)
	}
	c := DefaultConfig()
	if err := decodeYAML(b, &c); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	c.Digest = sha256.Sum256(b)
	return &c, nil
}
