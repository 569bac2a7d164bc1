package replay

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/attest/runlog"
	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
)

// RuntimeIndex is the register index in our runtime log: RTMR3 (UEFI 2.10, 38.4.1: MRTD is 0, RTMR0 is 1).
const RuntimeIndex = 4

// RuntimeLog is our log of runtime events as RTMR3 has it.
type RuntimeLog struct {
	Records []runlog.Record // those in the register
	Pending int             // records behind them: on disk, not yet extended when the TD was quoted
	Foreign int             // extensions by others, whose meaning we do not know
}

// Runtime holds our log against RTMR3. Extends are the digests that the guest says went into RTMR3, ours and others', in
// order, from another log of the same register (Of, Dstack); nil where nobody else extends it, as in evidence of hallmark-agent. Their order is proven by the register. The guest may
// have gone on since the quote: the longest beginning that leads to the register counts.
//
// Ours must all stand there, each once and in order: a register that holds one twice, or the second without the first, was not
// written by the agent whose log this is.
func Runtime(log []byte, extends []quote.Measurement, rtmr3 quote.Measurement) (*RuntimeLog, error) {
	list, err := runlog.NewReplay(runlog.SHA384, RuntimeIndex).Continue(log)
	if err != nil {
		return nil, fmt.Errorf("rtmr3: %w", err)
	}
	digests := make([]quote.Measurement, len(list.Records))
	place := make(map[quote.Measurement]int, len(digests))
	for i := range list.Records {
		digests[i] = quote.Measurement(list.Records[i].Digests[runlog.SHA384])
		place[digests[i]] = i
	}
	if extends == nil {
		extends = digests
	}
	if len(extends) > MaxEvents {
		return nil, fmt.Errorf("rtmr3: %d extensions, limit %d: %w", len(extends), MaxEvents, ErrMalformed)
	}
	n := -1
	var at quote.Measurement
	for i := 0; ; i++ {
		if at == rtmr3 {
			n = i
		}
		if i == len(extends) {
			break
		}
		at = Extend(at, extends[i])
	}
	if n < 0 {
		return nil, fmt.Errorf("rtmr3: %d extensions: %w", len(extends), ErrReplay)
	}
	next := 0
	for i, d := range extends[:n] {
		j, ours := place[d]
		if !ours {
			continue
		}
		if j != next {
			return nil, fmt.Errorf("rtmr3: extension %d is our record %d, wanted %d: %w", i, j, next, ErrReplay)
		}
		next++
	}
	return &RuntimeLog{Records: list.Records[:next], Pending: len(list.Records) - next, Foreign: n - next}, nil
}
