package honest

import (
	"fmt"
	"math"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/hallmark-attest/hallmark/verify/rules"
)

// tally is what came of many nodes.
type tally struct {
	nodes                                                      int
	contradicted, judged, first, violated, evaluated, occurred map[string]int // by rule, judgement, hypothesis, rule and part (twice), disturbance
	examples                                                   map[string]uint64
	nearest                                                    map[string]float64 // highest value of a bound over its limit
	unexplained                                                map[string]int     // first hypotheses without an honest cause among the disturbances
}

func newTally() *tally {
	return &tally{contradicted: map[string]int{}, judged: map[string]int{}, first: map[string]int{}, violated: map[string]int{}, evaluated: map[string]int{}, occurred: map[string]int{}, examples: map[string]uint64{}, nearest: map[string]float64{}, unexplained: map[string]int{}}
}

func (y *tally) add(n *Node, out []rules.Outcome) {
	y.nodes++
	for _, d := range n.Disturbed {
		y.occurred[d]++
	}
	c := rules.Conclude(out)
	y.judged[string(c.Judgement)]++
	for _, id := range c.Contradicted {
		y.contradicted[id]++
		y.examples[id] = n.Seed
	}
	name := rules.Explain(out)[0].Name
	y.first[name]++
	if causes, some := causes[name]; some && !slices.ContainsFunc(n.Disturbed, func(d string) bool { return slices.Contains(causes, d) }) {
		y.unexplained[name]++
	}
	y.examples[name] = n.Seed
	y.examples[string(c.Judgement)] = n.Seed
	seen := map[string]bool{}
	for _, o := range out {
		if o.Outcome != rules.Violated && o.Outcome != rules.Pass {
			continue
		}
		part := o.ID + "." + o.Part
		if o.ID == "R1" || o.ID == "R3" {
			y.nearest[part] = max(y.nearest[part], *o.Value / *o.Limit)
		}
		if !seen["+"+part] {
			y.evaluated[part]++
			seen["+"+part] = true
		}
		if o.Outcome == rules.Violated && !seen[part] {
			seen[part] = true
			y.violated[part]++
			y.examples[part] = n.Seed
		}
	}
}

func (y *tally) join(o *tally) {
	y.nodes += o.nodes
	for _, m := range [][2]map[string]int{{y.contradicted, o.contradicted}, {y.judged, o.judged}, {y.first, o.first}, {y.violated, o.violated}, {y.evaluated, o.evaluated}, {y.occurred, o.occurred}, {y.unexplained, o.unexplained}} {
		for k, v := range m[1] {
			m[0][k] += v
		}
	}
	for k, v := range o.nearest {
		y.nearest[k] = max(y.nearest[k], v)
	}
	for k, v := range o.examples {
		y.examples[k] = v
	}
}

// causes are the disturbances by which an honest node looks like something else under the built-in limits: each is one
// that docs/rules.md names beside the hypothesis. Heat and absent telemetry accuse nobody.
var causes = map[string][]string{
	"sold_twice":                {"agent set up anew, the old one still on"},
	"swapped_after_attestation": {"wrong template"},
	"down_cast":                 {}, "distilled": {}, "cached_answers": {}, "other_knowledge_base": {}, "draft_model": {}, "proxied": {}, "masked_hardware": {}, "interconnect_faked": {}, "telemetry_forged": {},
}

// wilson is the interval of a share, 95 %.
func wilson(k, n int) (low, high float64) {
	const z = 1.959964
	m, p := float64(n), float64(k)/float64(n)
	mid, half := (p+z*z/(2*m))/(1+z*z/m), z*math.Sqrt(p*(1-p)/m+z*z/(4*m*m))/(1+z*z/m)
	return max(0, mid-half), min(1, mid+half)
}

func share(k, n int) string {
	low, high := wilson(k, n)
	return fmt.Sprintf("%d of %d, %.3f %% (95 %%: %.3f to %.3f)", k, n, 100*float64(k)/float64(n), 100*low, 100*high)
}

const (
	seeds    = 1_000_000 // of the nodes that are judged
	fitSeeds = 9_000_000 // of those that limits are fitted on
	fitNodes = 400
)

// nodes is how many are judged: HALLMARK_HONEST gives another number.
func nodes(t *testing.T) int {
	n := 10_000
	if testing.Short() {
		n = 2000
	}
	if v := os.Getenv("HALLMARK_HONEST"); v != "" {
		var err error
		if n, err = strconv.Atoi(v); err != nil || n < 1000 || n > fitSeeds-seeds {
			t.Fatalf("HALLMARK_HONEST=%s: want a number of nodes, from 1000 to %d", v, fitSeeds-seeds)
		}
	}
	return n
}

// judge draws n nodes from a seed on and judges each by every calibration.
func judge(n int, by ...*rules.Calibration) []*tally {
	all := make([]*tally, len(by))
	for i := range all {
		all[i] = newTally()
	}
	var wait sync.WaitGroup
	var lock sync.Mutex
	workers := runtime.GOMAXPROCS(0)
	for k := range workers {
		wait.Go(func() {
			mine := make([]*tally, len(by))
			for i := range mine {
				mine[i] = newTally()
			}
			for s := k; s < n; s += workers {
				node := Draw(seeds + uint64(s))
				for i, c := range by {
					mine[i].add(node, rules.Judge(node.Input, c))
				}
			}
			lock.Lock()
			defer lock.Unlock()
			for i := range mine {
				all[i].join(mine[i])
			}
		})
	}
	wait.Wait()
	return all
}

// fitted are limits by nodes that are not judged.
func fitted(t *testing.T) *rules.Calibration {
	t.Helper()
	base := rules.DefaultCalibration()
	var records []rules.Record
	for i := range fitNodes {
		n := Draw(fitSeeds + uint64(i))
		records = append(records, rules.Record{Node: fmt.Sprint(n.Seed), Outcomes: rules.Judge(n.Input, base)})
	}
	c, err := rules.Fit(records, rules.FitOptions{Base: base, ID: "simulated", Demo: true})
	if err != nil {
		t.Fatal(err)
	}
	return base.With(c)
}

func TestHonestNodesAreNeverContradicted(t *testing.T) {
	n := nodes(t)
	got := judge(n, rules.DefaultCalibration(), fitted(t))
	for i, name := range []string{"built-in limits", "limits fitted on 400 other simulated nodes"} {
		y := got[i]
		y.log(t, name)
		for id, k := range y.contradicted {
			t.Errorf("%s: %s contradicts %d of %d honest nodes; one is of seed %d", name, id, k, n, y.examples[id])
		}
		for _, bound := range []string{"R1.share", "R3.share", "M3.below_permille", "C1.back"} {
			if y.evaluated[bound] < n/20 {
				t.Errorf("%s was evaluated on %d of %d nodes alone: its silence shows nothing", bound, y.evaluated[bound], n)
			}
		}
	}
	for name, k := range got[0].unexplained {
		if os.Getenv("HALLMARK_HONEST") == "" { // among more, chance does it
			t.Errorf("%s stands first for %d nodes without an honest cause; one is of seed %d", name, k, got[0].examples[name])
		}
	}
	for _, d := range disturbances {
		if k := got[0].occurred[d.name]; k == 0 {
			t.Errorf("%s never occurs", d.name)
		}
	}
}

func (y *tally) log(t *testing.T, name string) {
	t.Logf("%s: the simulator's rates, of no real node", name)
	for _, j := range []rules.Judgement{rules.Contradicted, rules.Suspect, rules.SuspectStrong} {
		t.Logf("  %s: %s", j, share(y.judged[string(j)], y.nodes))
	}
	t.Logf("  first hypotheses: %v; bounds at most, of their limits: %v", y.first, y.nearest)
	for _, k := range sorted(y.evaluated) {
		t.Logf("  %-20s violated on %5d of %5d, as of seed %d", k, y.violated[k], y.evaluated[k], y.examples[k])
	}
}

func sorted(m map[string]int) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func TestOneSeedIsOneNode(t *testing.T) {
	for seed := range uint64(200) {
		if a, b := Draw(seed), Draw(seed); !reflect.DeepEqual(a, b) {
			t.Fatalf("seed %d draws two nodes", seed)
		}
	}
}
