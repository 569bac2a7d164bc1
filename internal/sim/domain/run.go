package domain

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/sim/node"
	"github.com/hallmark-attest/hallmark/stats"
	"github.com/hallmark-attest/hallmark/stats/compute"
	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/client"
	"github.com/hallmark-attest/hallmark/verify/rules"
)

// Times of a run.
const (
	resting = 4 * time.Second  // before the GPUs work: the power of rest is seen
	working = 40 * time.Second // of the second epoch: rules look at half minutes
	pausing = 13 * time.Second // an agent that is off: longer than an honest restart
)

const replayName = "replay"

// Row is how a party fared.
type Row struct {
	Name       string      `json:"name"`
	Does       string      `json:"does"`
	Tier       verify.Tier `json:"tier"`
	T          []float64   `json:"t"` // of each epoch
	Flags      []string    `json:"flags"`
	Violated   []string    `json:"violated"`
	Judgement  string      `json:"judgement"`
	Score      float64     `json:"score"`
	Hypothesis string      `json:"hypothesis"`
	Next       string      `json:"next_challenge"`
	Want       string      `json:"expected"`
	OK         bool        `json:"ok"`
	// Told: the expected rule could be judged, against a limit with a source. On a machine that is too busy to record its telemetry it cannot.
	Told bool `json:"told"`
}

// Files are what a validator has after a run: everything that the commands take.
type Files struct {
	Key         *ecdsa.PrivateKey // the validator's
	Reference   []byte
	Calibration []byte
	Answers     [2][]byte // JSON Lines, of the two epochs
	Embeddings  [2][]byte
	Results     []byte            // signed, JSON Lines
	Nodes       map[string][]byte // node records
	First       map[string][]byte // records of the first challenge
	Second      map[string][]byte
}

// Options of a run.
type Options struct {
	Dir     string // empty, for everything that runs
	Program string // this program: engines are copies of it
	Tools   node.Tools
	Cast    []Party
	Say     func(format string, args ...any)
}

// Run plays a domain: two epochs of questions, two challenges, one judgement of each node.
func Run(ctx context.Context, o Options) (rows []Row, files *Files, err error) {
	o.Say("starting %d nodes, each with a software TPM, GPUs, an engine and the agent", len(o.Cast))
	s, err := newStage(ctx, o.Dir, o.Program, o.Tools, o.Cast)
	if s != nil {
		defer func() { err = errors.Join(err, s.stop()) }()
	}
	if err != nil {
		return nil, nil, err
	}
	o.Say("enrolling them, until their files are measured")
	if err := s.each(func(m *member) error { return s.enrol(ctx, m) }); err != nil {
		return nil, nil, err
	}
	f := &Files{Reference: s.reference, Nodes: map[string][]byte{}, First: map[string][]byte{}, Second: map[string][]byte{}}
	var all []verify.StatResult
	o.Say("first epoch: %d questions to each", questions)
	list, err := s.epoch(ctx, f, 0, 0)
	if err != nil {
		return nil, nil, err
	}
	all = append(all, list...)
	o.Say("first challenge")
	if err := s.work(resting); err != nil {
		return nil, nil, err
	}
	if err := s.challengeFirst(ctx); err != nil {
		return nil, nil, err
	}
	o.Say("second epoch: the same questions for %v, while the GPUs work", working)
	off := make(chan error, 1)
	go func() { off <- s.each(func(m *member) error { return s.pause(ctx, m) }) }()
	list, err = s.epoch(ctx, f, 1, working)
	if err := errors.Join(err, <-off); err != nil {
		return nil, nil, err
	}
	all = append(all, list...)
	o.Say("second challenge, with the telemetry since the first")
	time.Sleep(aroundChallenge)
	if err := s.each(func(m *member) error { return s.challengeSecond(ctx, m) }); err != nil {
		return nil, nil, err
	}
	rows, err = s.judge(all, f)
	f.Key = s.key
	return rows, f, err
}

// each runs a step on all nodes, a few at a time.
func (s *stage) each(step func(*member) error) error {
	errs := make([]error, len(s.nodes))
	turns := make(chan struct{}, 4)
	var wg sync.WaitGroup
	for i, m := range s.nodes {
		wg.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			if err := step(m); err != nil {
				errs[i] = fmt.Errorf("%s: %w", m.Name, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (s *stage) enrol(ctx context.Context, m *member) error {
	file, refused, err := s.validator.Enroll(ctx, m.agent.URL, s.validator.Roots)
	if err != nil {
		return err
	}
	if refused != nil {
		return fmt.Errorf("not enrolled: %s", refused.Finding)
	}
	m.file = file
	_, _, _, err = s.validator.AskMeasured(ctx, m.agent.URL, file)
	return err
}

// epoch asks all nodes and the validator's own replay, and computes the results.
func (s *stage) epoch(ctx context.Context, f *Files, n int, lasts time.Duration) ([]verify.StatResult, error) {
	begin := time.Now()
	answers := make([][]compute.Answer, len(s.nodes)+1)
	errs := make([]error, len(s.nodes)+1)
	var wg sync.WaitGroup
	for i, m := range s.nodes {
		wg.Go(func() {
			answers[i], errs[i] = poll{m.Name, m.url(), s.client, 6, lasts, pace}.ask(ctx)
		})
	}
	wg.Go(func() { // 20 answers to each question, without haste
		answers[len(s.nodes)], errs[len(s.nodes)] = poll{replayName, s.replay.Endpoint() + "/v1", s.client, 20, 0, 0}.ask(ctx)
	})
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	warm := 0.7
	h := compute.Header{Schema: compute.AnswersSchema, Domain: "demo", Epoch: stats.Epoch{ID: fmt.Sprintf("e%d", n+1), StartMS: uint64(begin.UnixMilli()), EndMS: uint64(time.Now().UnixMilli())},
		Sampling: &stats.Sampling{Temperature: &warm, MaxTokens: answerWords, UniquePrompts: true}, Nodes: map[string]compute.NodeInfo{}}
	for _, m := range s.nodes {
		h.Nodes[m.Name] = compute.NodeInfo{Endpoint: m.url(), ModelRef: modelName}
	}
	var err error
	if f.Answers[n], f.Embeddings[n], err = written(h, slices.Concat(answers...)); err != nil {
		return nil, err
	}
	return s.results(f, n)
}

// written makes the two files of an epoch.
func written(h compute.Header, answers []compute.Answer) (file, embeddings []byte, err error) {
	var a, e strings.Builder
	lineOf := func(to *strings.Builder, v any) {
		b, er := json.Marshal(v)
		err = errors.Join(err, er)
		to.Write(append(b, '\n'))
	}
	lineOf(&a, h)
	lineOf(&e, compute.EmbeddingsHeader{Schema: compute.EmbeddingsSchema, Embedder: embedder, Dimensions: len(embed("")), Normalised: true})
	for _, x := range answers {
		lineOf(&a, x)
		if x.Text != nil {
			lineOf(&e, compute.Vector{Node: x.Node, Question: x.Question, Repeat: x.Repeat, Embedding: embed(*x.Text)})
		}
	}
	return []byte(a.String()), []byte(e.String()), err
}

// results computes what `hallmark stats compute` would of the epoch's files, signed.
func (s *stage) results(f *Files, n int) ([]verify.StatResult, error) {
	a, err := compute.ParseAnswers("answers.jsonl", f.Answers[n])
	if err != nil {
		return nil, err
	}
	e, err := compute.ParseEmbeddings("embeddings.jsonl", f.Embeddings[n])
	if err != nil {
		return nil, err
	}
	list, err := compute.Evaluate(a, e, compute.Options{References: []string{replayName}, Seed: 1, Permutations: 19})
	if err != nil {
		return nil, err
	}
	var lines []byte
	for _, r := range list {
		line, err := verify.MarshalStatResult(s.key, r)
		if err != nil {
			return nil, err
		}
		lines = append(append(lines, line...), '\n')
	}
	f.Results = append(f.Results, lines...)
	return verify.ReadStatResults(lines, &s.key.PublicKey, nil)
}

// challengeFirst asks each node for its last minute, one after another in the order of the cast: who states a GPU first had it first.
func (s *stage) challengeFirst(ctx context.Context) error {
	time.Sleep(aroundChallenge)
	for _, m := range s.nodes {
		var err error
		if m.first, _, err = s.validator.Question(ctx, m.agent.URL, m.file, client.Question{Kinds: attest.Built(), Logs: client.WholeLogs(), Window: &attest.WindowRequest{Seconds: 60}}); err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	return nil
}

// pause is a provider who stops the agent as soon as it has answered.
func (s *stage) pause(ctx context.Context, m *member) error {
	if !m.pauses {
		return nil
	}
	if err := m.agent.Stop(); err != nil {
		return err
	}
	time.Sleep(pausing)
	var err error
	if m.agent, err = node.Start(ctx, m.options); err != nil {
		return err
	}
	_, _, _, err = s.validator.AskMeasured(ctx, m.agent.URL, m.file)
	return err
}

// aroundChallenge is what the rule on coverage wants to see on either side of a challenge.
const aroundChallenge = 6 * time.Second

func (s *stage) challengeSecond(ctx context.Context, m *member) error {
	q := client.Question{Kinds: attest.Built(), Logs: client.WholeLogs()}
	if _, point, err := verify.TelemetryPoint(m.first); err == nil {
		q.Window = &attest.WindowRequest{Since: point}
	}
	var err error
	m.second, m.stored, err = s.validator.Question(ctx, m.agent.URL, m.file, q)
	return err
}

// judge verifies all records with all results: once to fit the limits on the honest nodes, once with them.
func (s *stage) judge(all []verify.StatResult, f *Files) ([]Row, error) {
	for _, m := range s.nodes {
		f.Nodes[m.Name], f.First[m.Name], f.Second[m.Name] = m.file, m.first, m.second
		if err := s.keep(m, m.first); err != nil { // the validator judged the first answers when they came
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	var honest []rules.Record
	for _, m := range s.nodes {
		if m.Expect != "" { // the honest ones that are ill do not set limits
			continue
		}
		r, err := s.verify(m, all, nil)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
		honest = append(honest, rules.Record{Node: r.Node, Outcomes: r.Rules})
	}
	fitted, err := rules.Fit(honest, rules.FitOptions{Base: rules.DefaultCalibration(), ID: "demo", Demo: true})
	if err != nil {
		return nil, err
	}
	if f.Calibration, err = rules.MarshalCalibration(fitted); err != nil {
		return nil, err
	}
	var rows []Row
	for _, m := range s.nodes {
		r, err := s.verify(m, all, rules.DefaultCalibration().With(fitted))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
		if err := s.keep(m, m.second); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
		rows = append(rows, m.row(r, all))
	}
	return rows, nil
}
