package agent

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-attest/hallmark/agent/recorder"
	"github.com/hallmark-attest/hallmark/attest"
)

// None is the value of tpm.device and gpu.library on a host that has no such device.
const None = "none"

// Bounds of settings.
const (
	maxPerMinute   = 1_000_000
	maxKeyGlobs    = 64
	maxEngines     = 16
	minGPUInterval = 100 * time.Millisecond
	maxGPUInterval = time.Hour
	minRetention   = time.Hour
	maxRetention   = 365 * 24 * time.Hour
	minTelemetry   = 8 << 20 // an hour of many GPUs
	minReread      = time.Hour
	maxReread      = 365 * 24 * time.Hour
	minReadRate    = 1 << 20
)

// check refuses settings that cannot work; each error names the key and the fix.
func (c *Config) check() error {
	return errors.Join(c.checkAddresses(), c.checkPaths(), c.checkNumbers(), c.checkEngines())
}

func (c *Config) checkAddresses() error {
	var errs []error
	if _, port, err := net.SplitHostPort(c.Listen); err != nil || port == "" {
		errs = append(errs, fmt.Errorf("listen: %q is not host:port: write for example 0.0.0.0:7443", c.Listen))
	}
	if c.Metrics == "" {
		return errors.Join(errs...)
	}
	a, err := netip.ParseAddrPort(c.Metrics)
	if err != nil || !a.Addr().IsLoopback() {
		errs = append(errs, fmt.Errorf("metrics: %q is not a loopback address with port: write 127.0.0.1:7444, or \"\" for no metrics (they have no access control)", c.Metrics))
	}
	return errors.Join(errs...)
}

func (c *Config) checkPaths() error {
	var errs []error
	absolute := func(key, path, example string) {
		if !filepath.IsAbs(path) || len(path) > attest.MaxText {
			errs = append(errs, fmt.Errorf("%s: %q is not an absolute path: write for example %s", key, path, example))
		}
	}
	absolute("state_dir", c.StateDir, "/var/lib/hallmark")
	absolute("gpu.probe", c.GPU.Probe, "/usr/lib/hallmark/hallmark-gpuprobe")
	if c.TDX.Report != None {
		absolute("tdx.report", c.TDX.Report, "/sys/kernel/config/tsm/report, or none")
	}
	if c.TPM.Device != None {
		absolute("tpm.device", strings.TrimPrefix(c.TPM.Device, "unix:"), "/dev/tpmrm0, or none on a host without TPM")
	}
	if c.Logs.Boot != "" && c.Logs.Boot != None {
		absolute("logs.boot", c.Logs.Boot, BootLogPath+", or none")
	}
	if c.Logs.IMA != "" && c.Logs.IMA != None {
		absolute("logs.ima", c.Logs.IMA, IMALogPath+", or none")
	}
	if c.Collector.Socket != "" {
		absolute("collector.socket", c.Collector.Socket, "/run/hallmark/collector.sock")
	}
	if lib := c.GPU.Library; lib == "" || len(lib) > attest.MaxText || (strings.Contains(lib, "/") && !filepath.IsAbs(lib)) {
		errs = append(errs, fmt.Errorf("gpu.library: %q is neither a library name nor an absolute path: write libnvidia-ml.so.1, or none on a host without NVIDIA GPUs", lib))
	}
	if len(c.Validators.Keys) > maxKeyGlobs {
		errs = append(errs, fmt.Errorf("validators.keys: %d patterns, limit %d: put the keys in one directory", len(c.Validators.Keys), maxKeyGlobs))
	}
	for _, g := range c.Validators.Keys {
		if _, err := filepath.Match(g, ""); err != nil || !filepath.IsAbs(g) {
			errs = append(errs, fmt.Errorf("validators.keys: %q is not an absolute file pattern: write for example /etc/hallmark/validators.d/*.pub", g))
		}
	}
	return errors.Join(errs...)
}

func (c *Config) checkNumbers() error {
	var errs []error
	if n := c.Validators.PerMinute; n < 1 || n > maxPerMinute {
		errs = append(errs, fmt.Errorf("validators.per_minute: %d is not in 1 to %d: leave it out for 60", n, maxPerMinute))
	}
	if d := time.Duration(c.GPU.Interval); d < minGPUInterval || d > maxGPUInterval {
		errs = append(errs, fmt.Errorf("gpu.interval: %v is not in %v to %v: leave it out for 1s", d, minGPUInterval, maxGPUInterval))
	}
	if e := c.Logs.Entries; e != EntriesAll && e != EntriesRelated {
		errs = append(errs, fmt.Errorf("logs.entries: %q is neither related nor all: leave it out for related", e))
	}
	if r := c.Logs.RuntimeRegister; r != 0 && (r < 11 || r > 15 || r == 14) {
		errs = append(errs, fmt.Errorf("logs.runtime_register: %d is not 11, 12, 13 or 15: leave it out for 13, or write 0 for no runtime log", r))
	}
	errs = append(errs, c.Weights.check())
	if d := time.Duration(c.Telemetry.Retention); d < minRetention || d > maxRetention {
		errs = append(errs, fmt.Errorf("telemetry.retention: %v is not in %v to %v: leave it out for 72h", d, minRetention, maxRetention))
	}
	if n := c.Telemetry.MaxBytes; n < minTelemetry {
		errs = append(errs, fmt.Errorf("telemetry.max_bytes: %d is below %d: leave it out for %d", n, minTelemetry, recorder.DefaultMaxBytes))
	}
	return errors.Join(errs...)
}

func (w WeightsConfig) check() error {
	d, n := time.Duration(w.Reread), w.BytesPerSecond
	switch {
	case d != 0 && (d < minReread || d > maxReread):
		return fmt.Errorf("weights.reread: %v is not in %v to %v: write for example 24h, or leave it out for never", d, minReread, maxReread)
	case n != 0 && n < minReadRate:
		return fmt.Errorf("weights.bytes_per_second: %d is below %d: write for example 50000000, or leave it out for no limit", n, minReadRate)
	case d != 0 && n == 0:
		return fmt.Errorf("weights.reread: %v without weights.bytes_per_second: terabytes are never re-read on a timer without a budget: write for example bytes_per_second: 50000000, which reads 140 GB in 47 minutes", d)
	}
	return nil
}

func (c *Config) checkEngines() error {
	var errs []error
	fail := func(i int, format string, args ...any) {
		errs = append(errs, fmt.Errorf("engines[%d].%s", i, fmt.Sprintf(format, args...)))
	}
	if len(c.Engines) > maxEngines {
		return fmt.Errorf("engines: %d, limit %d", len(c.Engines), maxEngines)
	}
	names := map[string]bool{}
	for i, e := range c.Engines {
		if e.Name == "" || e.Name != attest.Clean(e.Name) || names[e.Name] {
			fail(i, "name: %q: give each engine a name of its own, like main", e.Name)
		}
		names[e.Name] = true
		if !httpURL(e.Endpoint) {
			fail(i, "endpoint: %q is not an http or https URL: write where this host reaches the engine, like http://127.0.0.1:8000", e.Endpoint)
		}
		for _, p := range e.Public {
			if !httpURL(p) {
				fail(i, "public: %q is not an http or https URL: write where customers reach the engine", p)
			}
		}
		if len(e.Public) > attest.MaxKinds || len(e.Models) > attest.MaxModels {
			fail(i, "models: %d models and %d public URLs, limits %d and %d", len(e.Models), len(e.Public), attest.MaxModels, attest.MaxKinds)
		}
		for _, m := range e.Models {
			if !filepath.IsAbs(m) || len(m) > attest.MaxText {
				fail(i, "models: %q is not an absolute path: write the weights' file or directory", m)
			}
		}
		if e.Declared.TensorParallel < 0 || e.Declared.TensorParallel > 4096 {
			fail(i, "declared.tensor_parallel: %d is not in 0 to 4096", e.Declared.TensorParallel)
		}
		if g := e.Declared.Speculation; g != nil && (*g < 0 || *g > attest.MaxSpeculation) {
			fail(i, "declared.speculation: %d is not in 0 to %d: write the most draft tokens that a step may accept, 0 for none", *g, attest.MaxSpeculation)
		}
		if e.Declared.Alone && len(e.Public) == 0 {
			fail(i, "declared.alone: at which public address? write public: [https://…]")
		}
	}
	return errors.Join(errs...)
}

// httpURL refuses credentials in a URL too: URLs are stated in evidence.
func httpURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil &&
		u.RawQuery == "" && u.Fragment == "" && len(s) <= attest.MaxText
}

// NonDefault lists, sorted, the settings with which the agent may read something
// else than the host it stands on. The names stand in the evidence, the values
// under its inputs. Settings that only say who may ask and what is declared are
// left out: every honest node changes those, and a warning on each would be noise.
func (c *Config) NonDefault() []string {
	d := DefaultConfig()
	names := []string{}
	for _, s := range []struct {
		name    string
		differs bool
	}{
		{"collector.socket", c.Collector.Socket != ""},
		{"gpu.library", c.GPU.Library != d.GPU.Library},
		{"gpu.probe", c.GPU.Probe != d.GPU.Probe},
		{"logs.boot", !slices.Contains([]string{"", None, BootLogPath}, c.Logs.Boot)},
		{"logs.ima", !slices.Contains([]string{"", None, IMALogPath}, c.Logs.IMA)},
		{"tdx.report", c.TDX != d.TDX},
		{"tpm.device", c.TPM != d.TPM},
	} {
		if s.differs {
			names = append(names, s.name)
		}
	}
	return names
}
