package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"slices"
	"time"

	"github.com/hallmark-attest/hallmark/agent"
)

const (
	clients = 64
	life    = 110_000 // of a challenge, ms: the last of a crowd without batching waits for all others
)

// turn is one round of one side.
type turn struct {
	perSecond float64
	latency   []time.Duration
	perQuote  float64
}

// result is a delay's.
type result struct {
	size               int // of a response
	ratios             []float64
	batched, unbatched []turn
	alone, raw         []time.Duration
}

// measure lets both sides take turns, and one client alone take turns with the bare TPM.
func measure(ctx context.Context, h *host, quote time.Duration, o options) (r *result, err error) {
	var stops []func() error
	defer func() {
		for _, stop := range stops {
			err = errors.Join(err, stop())
		}
	}()
	var sides [2]*side
	for i, b := range []agent.BatchOptions{{}, {Cap: 1}} {
		if sides[i], err = h.startSide(ctx, []string{"batched", "unbatched"}[i], quote, b); err != nil {
			return nil, err
		}
		stops = append(stops, sides[i].stop)
	}
	r = &result{}
	for i := range o.rounds {
		for j, s := range sides {
			t, err := s.turn(ctx, r, quote, o, i == 0 && j == 0)
			for again := 0; errors.Is(err, errFew) && again < 3; again++ {
				fmt.Println("  a turn again:", err)
				t, err = s.turn(ctx, r, quote, o, false)
			}
			if err != nil {
				return nil, err
			}
			if j == 0 {
				r.batched = append(r.batched, t)
			} else {
				r.unbatched = append(r.unbatched, t)
			}
		}
		r.ratios = append(r.ratios, r.batched[i].perSecond/r.unbatched[i].perSecond)
	}
	return r, r.one(ctx, h, sides[0], quote)
}

// errFew says that a turn cannot be counted: the machine stood still, or the window is too short.
var errFew = errors.New("too few quotes in a turn")

// turn lets a crowd ask for a while and counts by whole quotes.
func (s *side) turn(ctx context.Context, r *result, quote time.Duration, o options, profiled bool) (turn, error) {
	length := o.window
	if length == 0 {
		length = max(2*time.Second, 24*quote)
	}
	c, err := newCrowd(s, clients)
	if err != nil {
		return turn{}, err
	}
	defer c.close()
	stock := make([][]signed, clients)
	for i, cl := range c.clients {
		// Twice as many as one client could have answered if a quote took no longer than its signature.
		if stock[i], err = s.challenges(cl.key, int(length/quote)+2); err != nil {
			return turn{}, err
		}
	}
	if profiled && o.profile != "" && quote < 100*time.Millisecond {
		f, err := os.Create(o.profile)
		if err != nil {
			return turn{}, err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return turn{}, err
		}
		defer pprof.StopCPUProfile()
	}
	answers, err := c.run(ctx, stock, length)
	if err != nil {
		return turn{}, err
	}
	if err := check(answers); err != nil {
		return turn{}, err
	}
	r.size = len(answers[0].head) + len(answers[0].evidence) + len(answers[0].tail)
	return count(answers, s.slow.Quotes())
}

// count takes the time from the end of one quote to the end of another, and the answers that came in it, so that
// neither the crowd's start nor half a batch at the end counts. The first quotes, while the crowd gathers, are left out.
func count(answers []answer, quotes []time.Time) (turn, error) {
	slices.SortFunc(answers, func(a, b answer) int { return a.done.Compare(b.done) })
	quotes = slices.DeleteFunc(quotes, func(q time.Time) bool { return q.Before(answers[0].sent) })
	last := answers[len(answers)-1].sent // from here on nobody asks again
	quotes = slices.DeleteFunc(quotes, func(q time.Time) bool { return q.After(last) })
	const gathering = 4
	if len(quotes) < 2*gathering {
		return turn{}, fmt.Errorf("%w: %d, and %d answers, in %v", errFew, len(quotes), len(answers), last.Sub(answers[0].sent))
	}
	from, to := quotes[gathering], quotes[len(quotes)-1]
	t := turn{}
	for _, a := range answers {
		if a.done.After(from) && !a.done.After(to) {
			t.latency = append(t.latency, a.done.Sub(a.sent))
		}
	}
	t.perSecond = float64(len(t.latency)) / to.Sub(from).Seconds()
	t.perQuote = float64(len(t.latency)) / float64(len(quotes)-1-gathering)
	slices.Sort(t.latency)
	return t, nil
}

// one times a single client beside the bare TPM operations, taking turns.
func (r *result) one(ctx context.Context, h *host, s *side, quote time.Duration) error {
	bare, err := h.raw(ctx, quote)
	if err != nil {
		return err
	}
	defer bare.stop()
	times := max(20, int(2*time.Second/quote))
	c, err := newCrowd(s, 1)
	if err != nil {
		return err
	}
	defer c.close()
	stock, err := s.challenges(c.clients[0].key, times)
	if err != nil {
		return err
	}
	var answers []answer
	for _, ch := range stock {
		begin := time.Now()
		if err := bare.ask(ctx); err != nil {
			return err
		}
		r.raw = append(r.raw, time.Since(begin))
		a, err := c.one(c.clients[0], ch)
		if err != nil {
			return err
		}
		r.alone = append(r.alone, a.done.Sub(a.sent))
		answers = append(answers, a)
	}
	return check(answers)
}
