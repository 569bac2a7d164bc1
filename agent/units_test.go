package agent

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/hallmark-attest/hallmark/attest"
)

func TestOpenAPIDescribesExactlyTheRoutes(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]any `yaml:"paths"`
	}
	if err := yaml.Unmarshal(openAPI, &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Paths) != len(routeTable) {
		t.Errorf("%d paths described, %d served", len(doc.Paths), len(routeTable))
	}
	for _, r := range routeTable {
		if _, ok := doc.Paths[r.path][strings.ToLower(r.method)]; !ok || len(doc.Paths[r.path]) != 1 {
			t.Errorf("%s %s: described as %v", r.method, r.path, doc.Paths[r.path])
		}
	}
	n := startNode(t, nodeOptions{})
	r, err := n.client.Get(n.url + "/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if b, _ := io.ReadAll(r.Body); string(b) != string(openAPI) {
		t.Error("served document differs")
	}
}

func TestMetricsAreServedApartAndCountOutcomes(t *testing.T) {
	n := startNode(t, nodeOptions{})
	f, err := NewFrontend(FrontendOptions{Config: n.config, Half: n.collector, Keys: n.keys, Used: openUsed(t, t.TempDir(), 0), Log: quiet(t)})
	if err != nil {
		t.Fatal(err)
	}
	f.routes().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/nothing/"+strings.Repeat("x", 100), nil))
	f.metrics.observeBatch(3, time.Millisecond, nil)
	w := httptest.NewRecorder()
	f.metrics.handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{`hallmark_requests_total{outcome="not-found",route="other"} 1`, "hallmark_batch_challenges_count 1", "hallmark_listed_validators 1"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %q", want)
		}
	}
}

func TestAddressesCountByWhatOneCustomerHolds(t *testing.T) {
	for in, want := range map[string]string{"192.0.2.1:5": "192.0.2.1/32", "[::ffff:192.0.2.1]:5": "192.0.2.1/32", "[2001:db8:1:2:3::4]:5": "2001:db8:1:2::/64", "nonsense": "invalid Prefix"} {
		if got := addressOf(in).String(); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestRatesAreBoundedInMemory(t *testing.T) {
	r := newRates[netip.Prefix](1, 1, 2)
	now := time.Unix(1e9, 0)
	p := func(i byte) netip.Prefix { return netip.PrefixFrom(netip.AddrFrom4([4]byte{i}), 32) }
	for i := range byte(3) {
		if _, wait := r.take(p(i), now); wait > 0 {
			t.Errorf("%d refused", i)
		}
	}
	if _, wait := r.take(p(9), now); wait == 0 || len(r.bucket) != 2 {
		t.Error("addresses beyond the bound do not share a bucket")
	}
	if _, wait := r.take(p(9), now.Add(10*time.Second)); wait > 0 {
		t.Error("full buckets were not forgotten")
	}
}

func TestNodeKeyIsOwnersAloneAndNeverReplaced(t *testing.T) {
	dir := t.TempDir()
	key, err := loadNodeKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, nodeKeyFile)
	if st, _ := os.Stat(path); st.Mode().Perm() != 0o600 {
		t.Error(st.Mode())
	}
	if again, err := loadNodeKey(dir); err != nil || !again.Equal(key) {
		t.Error(err)
	}
	if err := makeNodeKey(path); !errors.Is(err, os.ErrExist) {
		t.Errorf("replaced: %v", err)
	}
	os.Chmod(path, 0o640)
	if _, err := loadNodeKey(dir); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Error(err)
	}
	os.WriteFile(path, []byte("noise"), 0o600)
	os.Chmod(path, 0o600)
	if _, err := loadNodeKey(dir); err == nil {
		t.Error("noise passed as a key")
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) != 0 {
		t.Error("left behind:", left)
	}
}

func TestKeyringLoadsAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	key := writeKey(t, filepath.Join(dir, "a.pub"))
	k, err := NewKeyring([]string{filepath.Join(dir, "*.pub")})
	if err != nil {
		t.Fatal(err)
	}
	id, _ := attest.KeyDigest(&key.PublicKey)
	os.WriteFile(filepath.Join(dir, "b.pub"), []byte("noise"), 0o600)
	os.Remove(filepath.Join(dir, "a.pub"))
	if _, err := k.Load(); err == nil || !strings.Contains(err.Error(), "b.pub") {
		t.Error(err)
	}
	if k.Lookup(id) == nil {
		t.Error("a bad file took the good keys away")
	}
	os.Remove(filepath.Join(dir, "b.pub"))
	if n, err := k.Load(); err != nil || n != 0 || k.Lookup(id) != nil {
		t.Error("a removed key is still listed", err)
	}
}

func TestInputsAreThoseOfThisProcess(t *testing.T) {
	c := DefaultConfig()
	in := ReadInputs(&c, "/")
	if in.StatFS["/proc"] != 0x9fa0 || in.StatFS["/sys"] != 0x62656572 {
		t.Errorf("statfs: %x", in.StatFS)
	}
	if want, _ := os.Readlink("/proc/self/ns/net"); in.Namespaces["net"] != want || want == "" {
		t.Errorf("namespaces: %v", in.Namespaces)
	}
	if in.Paths["tpm"] != "/dev/tpmrm0" || in.Paths["root"] != "/" {
		t.Errorf("paths: %v", in.Paths)
	}
}

func TestWatchedEnvironmentIsNamedAndItsValueIsNot(t *testing.T) {
	t.Setenv("LD_PRELOAD", "/secret.so")
	t.Setenv("HOST_PROC", "/elsewhere")
	t.Setenv("API_KEY", "secret")
	c := DefaultConfig()
	got := strings.Join(nonDefault(&c), " ")
	if !strings.Contains(got, "env.LD_PRELOAD") || !strings.Contains(got, "env.HOST_PROC") || strings.Contains(got, "secret") || strings.Contains(got, "API_KEY") {
		t.Error(got)
	}
}
