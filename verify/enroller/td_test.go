package enroller_test

import (
	"context"
	"crypto/ecdsa"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/agent"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tdx"
	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
	sim "github.com/hallmark-attest/hallmark/internal/sim/tdx"
	"github.com/hallmark-attest/hallmark/sign"
	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/client"
	"github.com/hallmark-attest/hallmark/verify/enroller"
)

// tdNode is a whole agent, as it runs on a host without TPM, inside a simulated TD.
type tdNode struct {
	t         *testing.T
	validator *ecdsa.PrivateKey
	authority *sim.Authority
	dir       string // of the agent's state: its node key
	believed  verify.TDEndorsements
	td        *sim.TD
}

func newTDNode(t *testing.T) *tdNode {
	return &tdNode{t: t, validator: newKey(t), authority: must[*sim.Authority](t)(sim.NewAuthority("enroller", time.Now())), dir: t.TempDir()}
}

// starts runs the agent on a platform until the test ends, and returns a client of it.
func (n *tdNode) starts(o sim.PlatformOptions, attributes uint64) *client.Client {
	t := n.t
	t.Helper()
	p := must[*sim.Platform](t)(n.authority.Platform(o))
	boot := must[*sim.Boot](t)(n.authority.NewLinuxBoot(sim.BootOptions{}))
	m := sim.Defaults()
	boot.Apply(&m)
	m.Attributes |= attributes
	n.td = p.NewTD(m)
	c := must[*sim.Collateral](t)(n.td.Collateral(sim.CollateralOptions{}))
	n.believed = verify.TDEndorsements{RootsUnsafe: n.authority.Pool(), Collateral: collateral.Set{must[*collateral.Collateral](t)(collateral.Parse(c.JSON()))}}
	h := must[*sim.Host](t)(sim.NewHost(t.TempDir(), n.td, sim.HostOptions{CCELLog: boot.Log(64 << 10)}))
	device := must[*tdx.Device](t)(tdx.New(tdx.Options{Client: h.TSM, Files: h}))

	config := agent.DefaultConfig()
	config.StateDir, config.Metrics, config.TPM.Device = n.dir, "", agent.None
	listed := filepath.Join(n.dir, "v.pub") // logs go to listed validators alone
	if err := os.WriteFile(listed, must[[]byte](t)(sign.MarshalPublicKey(&n.validator.PublicKey)), 0o644); err != nil {
		t.Fatal(err)
	}
	config.Validators.Keys = []string{listed}
	quiet := slog.New(slog.DiscardHandler)
	collector := must[*agent.Collector](t)(agent.NewCollector(agent.CollectorOptions{Config: &config, Version: "test", TD: device, Log: quiet, Now: time.Now,
		BootID: func() ([16]byte, error) { return [16]byte{7}, nil },
		Inputs: func() attest.Inputs { return agent.ReadInputs(&config, "/") }, Software: func() attest.Software { return attest.Software{} }}))
	keys := must[*agent.Keyring](t)(agent.NewKeyring(config.Validators.Keys))
	l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	a := &agent.Agent{Config: &config, Log: quiet, Now: time.Now, Collector: collector, Keys: keys, Listener: l, Ready: func() { close(ready) }}
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	got := must[*client.Client](t)(client.New("https://"+l.Addr().String(), nil))
	t.Cleanup(got.Close)
	return got
}

func (n *tdNode) enroll(c *client.Client, change func(*enroller.Options)) (*attest.Node, error) {
	n.t.Helper()
	o := enroller.Options{TD: n.believed}
	if change != nil {
		change(&o)
	}
	return enroller.Enroll(n.t.Context(), c, n.validator, o)
}

func TestHostInATDIsPinnedByItsPlatform(t *testing.T) {
	n := newTDNode(t)
	c := n.starts(sim.PlatformOptions{}, 0)
	node := must[*attest.Node](t)(n.enroll(c, nil)) // nobody is asked to accept a key
	if node.Trust != attest.TrustDemo || node.Key == nil || node.TPM != nil || node.TD == nil ||
		node.TD.PPID != quote.PPIDHash(n.td.Platform.Options().PPID) || node.TD.FMSPC != "b0c06f000000" {
		t.Fatalf("%+v", node)
	}
	// The agent's evidence, judged with that record: the whole way.
	file := must[[]byte](t)(verify.MarshalNode(n.validator, *node))
	record, stored, err := c.Ask(t.Context(), n.validator, node.UEID, client.Question{Kinds: attest.Built(), Logs: client.WholeLogs()})
	if err != nil {
		t.Fatal(err)
	}
	v := must[*verify.Verifier](t)(verify.New(verify.Endorsements{Validator: &n.validator.PublicKey, Node: file, AcceptDemoRootsUnsafe: true, TD: n.believed}, nil,
		must[verify.Policy](t)(verify.DefaultPolicy())))
	r := must[*verify.Result](t)(v.Verify(record, verify.Options{At: time.Now(), Asked: verify.TierVerified, Stored: stored}))
	ok := map[string]bool{}
	for _, f := range r.Findings {
		if f.Status == verify.Contraindicated {
			t.Errorf("%s: %s, %s", f.ID, f.Expected, f.Seen)
		}
		ok[f.ID] = f.Status == verify.Affirming
	}
	for _, id := range []string{"tdx.quote.ok", "tdx.tcb.ok", "tdx.policy.ok", "tdx.replay.ok", "tdx.secure_boot", "tdx.runtime.ok"} {
		if !ok[id] {
			t.Errorf("%s is not said", id)
		}
	}
	for _, u := range r.Unmet { // no engine serves here, and no kind needs one
		if u.Demand == string(verify.DemandHardwareRoot) || u.Demand == string(verify.DemandQuote) || u.Demand == string(verify.DemandBootLog) {
			t.Errorf("%+v", u)
		}
	}
}

func TestTDThatIsNoRootIsNotPinned(t *testing.T) {
	for name, c := range map[string]struct {
		platform   sim.PlatformOptions
		attributes uint64
		change     func(*enroller.Options)
		want       string
	}{
		"by a CA not followed":    {platform: sim.PlatformOptions{Processor: true}, want: "enroll.td"},
		"under debug":             {attributes: sim.AttrDebug, want: "tdx.debug"},
		"not by Intel":            {change: func(o *enroller.Options) { o.TD.RootsUnsafe = nil }, want: "tdx.quote.signature"},
		"platform not known":      {change: policyOf(t, `{"platforms": {"0000000000000000000000000000000000000000000000000000000000000000": "rack 4"}}`), want: "enroll.td"},
		"attributes not accepted": {attributes: sim.AttrMigratable, want: "enroll.td"},
	} {
		n := newTDNode(t)
		client := n.starts(c.platform, c.attributes)
		got, err := n.enroll(client, func(o *enroller.Options) {
			o.AcceptKey = func(attest.Digest) bool { t.Errorf("%s: somebody was asked to accept its key", name); return true }
			if c.change != nil {
				c.change(o)
			}
		})
		if refusal(err) != c.want || !strings.Contains(err.Error(), "seen ") {
			t.Errorf("%s: %+v, %v, want %s and what was seen", name, got, err, c.want)
		}
	}
}

func policyOf(t *testing.T, text string) func(*enroller.Options) {
	p, err := verify.ParseTDPolicy([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return func(o *enroller.Options) { o.TD.Policy = p }
}

// A key that moved to another machine's TD is no longer the node that was enrolled.
func TestTDOnAnotherPlatformIsAnotherNode(t *testing.T) {
	n := newTDNode(t)
	old := must[*attest.Node](t)(n.enroll(n.starts(sim.PlatformOptions{Seed: "a"}, 0), nil))
	known := func(o *enroller.Options) { o.Known = old }
	if _, err := n.enroll(n.starts(sim.PlatformOptions{Seed: "a"}, 0), known); err != nil {
		t.Errorf("the same platform: %v", err)
	}
	if got, err := n.enroll(n.starts(sim.PlatformOptions{Seed: "b"}, 0), known); refusal(err) != "enroll.changed" || got != nil {
		t.Errorf("another platform: %+v, %v", got, err)
	}
}

// Who enrolled a platform and now meets a bare key is asked nothing: the key alone is less than what was enrolled.
func TestTDThatWentAwayIsAnotherNode(t *testing.T) {
	n := withoutTPM(t)
	old := must[*attest.Node](t)(n.enroll(enroller.Options{AcceptKey: func(attest.Digest) bool { return true }}))
	with := *old
	with.TD, with.Trust = &attest.NodeTD{FMSPC: "b0c06f000000"}, attest.TrustPlatform
	if got, err := n.enroll(enroller.Options{Known: &with}); refusal(err) != "enroll.changed" {
		t.Errorf("%+v, %v", got, err)
	}
}
