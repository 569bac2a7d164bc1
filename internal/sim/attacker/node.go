package attacker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"

	"github.com/hallmark-attest/hallmark/agent"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/sign"
	"github.com/hallmark-attest/hallmark/verify"
)

// dishonestNode is Mallory's host: the real front end, with its own TLS key and exporter, over a dishonest collector.
type dishonestNode struct {
	url  string
	stop func() error
}

// withNode runs f while Mallory's node serves with a plan.
func (s *Scene) withNode(ctx context.Context, p Plan, f func(url string) (Verdict, error)) (v Verdict, err error) {
	n, err := s.startNode(ctx, p)
	if err != nil {
		return Verdict{}, fmt.Errorf("dishonest node: %w", err)
	}
	defer func() { err = errors.Join(err, n.stop()) }()
	return f(n.url)
}

// tpm opens Mallory's TPM. It claims to be the host's device, whatever it is.
func (m *Mallory) tpm(ctx context.Context) (agent.TPM, error) {
	t, err := linuxudstpm.Open(m.TPMSocket)
	if err != nil {
		return nil, err
	}
	return agent.NewTPM(ctx, t, "/dev/tpmrm0", time.Now, tpm.Options{})
}

func (s *Scene) startNode(ctx context.Context, p Plan) (*dishonestNode, error) {
	half, err := s.dishonest(ctx, p)
	if err != nil {
		return nil, err
	}
	f, used, err := s.frontend(half)
	if err != nil {
		return nil, errors.Join(err, half.tpm.Close())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, used.Close(), half.tpm.Close())
	}
	serving, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- f.Serve(serving, l) }()
	return &dishonestNode{"https://" + l.Addr().String(), func() error {
		cancel()
		return errors.Join(<-done, used.Close(), half.tpm.Close())
	}}, nil
}

func (s *Scene) dishonest(ctx context.Context, p Plan) (*collector, error) {
	seen, err := takeApart(s.Node.Record)
	if err != nil {
		return nil, err
	}
	key, err := sign.GenerateKey()
	if err != nil {
		return nil, err
	}
	t, err := s.Mallory.tpm(ctx)
	if err != nil {
		return nil, err
	}
	logs := seen.response.Logs
	if p.Logs != nil {
		logs = p.Logs(logs)
	}
	return &collector{plan: p, tpm: t, key: key, model: seen.bound, logs: logs}, nil
}

func (s *Scene) frontend(half agent.Half) (*agent.Frontend, *agent.SingleUse, error) {
	dir, err := os.MkdirTemp(s.Dir, "mallory-")
	if err != nil {
		return nil, nil, err
	}
	c := agent.DefaultConfig()
	c.Validators.PerMinute = 6000
	keys, err := agent.NewKeyring([]string{s.Mallory.Keys})
	if err != nil {
		return nil, nil, err
	}
	used, err := agent.OpenSingleUse(dir, uint64(time.Now().UnixMilli()))
	if err != nil {
		return nil, nil, err
	}
	f, err := agent.NewFrontend(agent.FrontendOptions{Config: &c, Half: half, Keys: keys, Used: used, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, nil, errors.Join(err, used.Close())
	}
	return f, used, nil
}

// enrolled is the honest node's enrolled name, under which dishonest nodes pose.
func (s *Scene) enrolled() (*attest.UEID, error) {
	seen, err := takeApart(s.Node.Record)
	if err != nil {
		return nil, err
	}
	return &seen.bound.UEID, nil
}

// pose runs a dishonest node under the enrolled name and has the validator take it for the honest one.
func (s *Scene) pose(ctx context.Context, p Plan) (Verdict, error) {
	name, err := s.enrolled()
	if err != nil {
		return Verdict{}, err
	}
	p.Name = name
	return s.withNode(ctx, p, func(url string) (Verdict, error) {
		return s.Validator.challengeAndJudge(ctx, url, s.Node.File)
	})
}

// malloryEnrolled enrols Mallory's node while it is honest and lets it answer by the plan afterwards.
func (s *Scene) malloryEnrolled(ctx context.Context, p Plan) (Verdict, error) {
	file, err := s.enrolMallory(ctx)
	if err != nil {
		return Verdict{}, err
	}
	return s.withNode(ctx, p, func(url string) (Verdict, error) {
		return s.Validator.challengeAndJudge(ctx, url, file)
	})
}

// enrolMallory enrols Mallory's node while it departs from an honest one in nothing, and shows that it is accepted: what
// is refused afterwards is refused for the one thing that changed.
func (s *Scene) enrolMallory(ctx context.Context) (nodeFile []byte, err error) {
	honest, err := s.withNode(ctx, Plan{}, func(url string) (Verdict, error) {
		file, refused, err := s.Validator.Enroll(ctx, url, s.Validator.Roots)
		if err != nil {
			return Verdict{}, err
		}
		if refused != nil {
			return *refused, nil
		}
		nodeFile = file
		return s.Validator.challengeAndJudge(ctx, url, file)
	})
	if err == nil && !honest.Accepted {
		err = fmt.Errorf("the attacker's node was refused before it lied: %s", honest.Finding)
	}
	return nodeFile, err
}

// firstVerdict lets Mallory's enrolled node answer once as an honest one does: what the validator remembers of it.
func (s *Scene) firstVerdict(ctx context.Context, file []byte) (attest.Verdict, error) {
	var r *verify.Result
	_, err := s.withNode(ctx, Plan{}, func(url string) (Verdict, error) {
		var err error
		r, err = s.Validator.challenge(ctx, url, file, nil)
		return Verdict{}, err
	})
	if err == nil && r.Verdict == nil {
		err = fmt.Errorf("the attacker's node was refused before it lied: %s", VerdictOf(r).Finding)
	}
	if err != nil {
		return attest.Verdict{}, err
	}
	return *r.Verdict, nil
}

// enrolAs has the validator enrol Mallory's node while it follows a plan.
func (s *Scene) enrolAs(ctx context.Context, p Plan) (Verdict, error) {
	return s.withNode(ctx, p, func(url string) (Verdict, error) {
		_, refused, err := s.Validator.Enroll(ctx, url, s.Validator.Roots)
		if err != nil || refused == nil {
			return Verdict{Accepted: err == nil}, err
		}
		return *refused, nil
	})
}
