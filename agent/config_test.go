package agent

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const exampleConfig = `listen: 0.0.0.0:7443
state_dir: /var/lib/hallmark
tpm:       { device: /dev/tpmrm0 }
gpu:       { library: libnvidia-ml.so.1, interval: 2s }
tdx:       { report: /sys/kernel/config/tsm/report }
validators: { keys: [/etc/hallmark/validators.d/*.pub], open: false, per_minute: 60 }
engines:
  - { name: main, endpoint: http://127.0.0.1:8000, public: [https://node.example/v1], models: [/srv/models/llama], declared: { model: llama, precision: bf16, tensor_parallel: 1, speculation: 0, alone: true } }
telemetry: { retention: 72h }
`

func TestConfigReadsEveryKeyAndKeepsDefaults(t *testing.T) {
	c, err := ParseConfig([]byte(exampleConfig))
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultConfig()
	want.GPU.Interval = Duration(2 * time.Second)
	want.Engines = []EngineConfig{{Name: "main", Endpoint: "http://127.0.0.1:8000", Public: []string{"https://node.example/v1"}, Models: []string{"/srv/models/llama"},
		Declared: DeclaredConfig{Model: "llama", Precision: "bf16", TensorParallel: 1, Speculation: new(int), Alone: true}}}
	want.Digest = sha256.Sum256([]byte(exampleConfig))
	if d := cmp.Diff(&want, c); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{}, c.NonDefault()); d != "" {
		t.Error(d)
	}
}

func TestWeightsAreReadAgainWithABudgetOnly(t *testing.T) {
	for text, want := range map[string]WeightsConfig{
		"": {}, "weights: { reread: 0s, bytes_per_second: 0 }": {},
		"weights: { bytes_per_second: 50000000 }":              {BytesPerSecond: 50_000_000},
		"weights: { reread: 24h, bytes_per_second: 50000000 }": {Reread: Duration(24 * time.Hour), BytesPerSecond: 50_000_000},
	} {
		c, err := ParseConfig([]byte(text))
		if err != nil || c.Weights != want || len(c.NonDefault()) != 0 {
			t.Errorf("%q: %+v, %v", text, c, err)
		}
	}
}

func TestEmptyConfigIsAllDefaults(t *testing.T) {
	for _, text := range []string{"", "\n", "# nothing\n", "---\n"} {
		c, err := ParseConfig([]byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if len(c.NonDefault()) != 0 {
			t.Errorf("%q: %v", text, c.NonDefault())
		}
	}
}

func TestSettingsThatChangeWhatIsReadAreNamed(t *testing.T) {
	c, err := ParseConfig([]byte(`
listen: 127.0.0.1:1
tpm: { device: none }
gpu: { library: /x.so, probe: /p, interval: 5s }
tdx: { report: /r }
validators: { keys: [/k], open: true, per_minute: 1 }
engines: [{ name: a, endpoint: http://h }]
collector: { socket: /s }
`))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"collector.socket", "gpu.library", "gpu.probe", "tdx.report", "tpm.device"}, c.NonDefault()); d != "" {
		t.Error(d)
	}
}

func TestConfigErrorsNameThePlaceTheKeyAndTheFix(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"tpm: { devise: /dev/tpm0 }", `did you mean "device"`},
		{"tpm:\n  devise: /dev/tpm0", "[2:3]"},
		{"listen: a:1\nlisten: b:1", "[2:1]"},
		{"listen: [", "[1:"},
		{"listen: {a: b}", "[1:"},
		{"listen: 7443", "host:port"},
		{"metrics: 0.0.0.0:7444", "loopback"},
		{"state_dir: var", "state_dir"},
		{"tpm: { device: tpmrm0 }", "tpm.device"},
		{"gpu: { library: \"\" }", "gpu.library"},
		{"gpu: { library: a/b.so }", "gpu.library"},
		{"gpu: { interval: 5 }", "unit"},
		{"gpu: { interval: 1ms }", "gpu.interval"},
		{"gpu: { probe: probe }", "gpu.probe"},
		{"tdx: { report: r }", "tdx.report"},
		{"validators: { keys: [v.pub] }", "validators.keys"},
		{"validators: { keys: [\"/[\"] }", "validators.keys"},
		{"validators: { per_minute: 0 }", "validators.per_minute"},
		{"telemetry: { retention: -1h }", "telemetry.retention"},
		{"weights: { reread: 24h }", "terabytes are never re-read on a timer without a budget"},
		{"weights: { reread: 1m, bytes_per_second: 50000000 }", "weights.reread"},
		{"weights: { reread: -24h, bytes_per_second: 50000000 }", "weights.reread"},
		{"weights: { reread: 24 }", "unit"},
		{"weights: { bytes_per_second: 50 }", "weights.bytes_per_second"},
		{"weights: { bytes_per_second: -50000000 }", "weights.bytes_per_second"},
		{"collector: { socket: s }", "collector.socket"},
		{"engines: [{ endpoint: http://h }]", "engines[0].name"},
		{"engines: [{ name: a, endpoint: http://h }, { name: a, endpoint: http://h }]", "engines[1].name"},
		{"engines: [{ name: a, endpoint: h }]", "engines[0].endpoint"},
		{"engines: [{ name: a, endpoint: \"http://user:pw@h\" }]", "engines[0].endpoint"},
		{"engines: [{ name: a, endpoint: http://h, public: [x] }]", "engines[0].public"},
		{"engines: [{ name: a, endpoint: http://h, models: [x] }]", "engines[0].models"},
		{"engines: [{ name: a, endpoint: http://h, declared: { tensor_parallel: -1 } }]", "tensor_parallel"},
		{"engines: [{ name: a, endpoint: http://h, declared: { speculation: -1 } }]", "speculation"},
		{"engines: [{ name: a, endpoint: http://h, declared: { speculation: 1025 } }]", "speculation"},
		{"engines: [{ name: a, endpoint: http://h, declared: { alone: true } }]", "alone"},
		{"metrics:", "without value"},
		{"tpm: { device: ~ }", "[1:16] a key without value"},
		{"a: &x 1\nb: *x", "anchors"},
		{"---\nlisten: a:1\n---\nlisten: b:1", "more than one"},
		{strings.Repeat("#", MaxConfigSize+1), "bytes"},
	} {
		_, err := ParseConfig([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60q: got %v, want %q", c.text, err, c.want)
		}
	}
}

func TestLoadConfigNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.yaml")
	if _, err := LoadConfig(path); err == nil || !strings.Contains(err.Error(), "--config") {
		t.Error(err)
	}
	os.WriteFile(path, []byte("listen: 1"), 0o600)
	if _, err := LoadConfig(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Error(err)
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(exampleConfig))
	f.Add([]byte("tpm: { devise: 1 }"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseConfig(b)
		if err != nil {
			return
		}
		if err := c.check(); err != nil {
			t.Fatalf("accepted and not valid: %v", err)
		}
		again, err := ParseConfig(b)
		if err != nil || cmp.Diff(c, again) != "" {
			t.Fatalf("read twice, two meanings: %v", err)
		}
	})
}
