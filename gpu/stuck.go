package gpu

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
)

// Stuck is a GPU with a call that has not returned.
type Stuck struct {
	Key    string `cbor:"key"`   // "#" and the index while the address is not known
	Index  uint64 `cbor:"index"` // NVML's
	Call   string `cbor:"call"`  // the NVML function
	Millis uint64 `cbor:"ms"`    // since it was called
}

const stuckFor = " has not returned for "

// Detail is what the absence of the GPU says.
func (s Stuck) Detail() string { return fmt.Sprintf("%s%s%d ms", s.Call, stuckFor, s.Millis) }

func (s Stuck) String() string { return s.Key + ": " + s.Detail() }

// Stuck lists the GPUs of c that are absent because a call has not returned. A
// snapshot tells it in absences alone, as validators read it.
func (c *Claims) Stuck() []Stuck {
	var out []Stuck
	for _, a := range c.Absent {
		key, whole := strings.CutPrefix(a.What, "gpu[")
		key, closed := strings.CutSuffix(key, "]")
		call, rest, ok := strings.Cut(a.Detail, stuckFor)
		ms, err := strconv.ParseUint(strings.TrimSuffix(rest, " ms"), 10, 64)
		if whole && closed && ok && err == nil && a.Reason == attest.Timeout && !strings.ContainsAny(key, "*[") {
			s := Stuck{Key: key, Call: call, Millis: ms}
			for _, d := range c.GPUs {
				if d.key() == key {
					s.Index = d.Index
				}
			}
			out = append(out, s)
		}
	}
	return out
}
