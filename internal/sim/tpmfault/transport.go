package tpmfault

import (
	"encoding/binary"
	"slices"
	"sync"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
)

// Any names every command in a script.
const Any = tpm2.TPMCC(0)

// Action is what happens to one command; send passes it, or any other, to the TPM.
type Action func(send func([]byte) ([]byte, error), command []byte) ([]byte, error)

// step is one line of the script.
type step struct {
	on    tpm2.TPMCC
	after int // commands of that code that still pass
	times int // how often it happens; negative: until Heal
	do    Action
}

// Transport is a TPM whose answers follow a script. Its methods may be called from any goroutine.
type Transport struct {
	tpm transport.TPM

	mu     sync.Mutex
	script []*step
	sent   map[tpm2.TPMCC]int
}

// New puts a faultless transport before a TPM. Who opened the TPM closes it.
func New(t transport.TPM) *Transport {
	return &Transport{tpm: t, sent: map[tpm2.TPMCC]int{}}
}

// Fail adds to the script: after so many commands of one code have passed, times of them meet with the action; negative: all
// until Heal. Of several entries for one command the first that is due acts.
func (t *Transport) Fail(on tpm2.TPMCC, after, times int, do Action) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.script = append(t.script, &step{on, after, times, do})
}

// Heal drops the script.
func (t *Transport) Heal() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.script = nil
}

// Sent counts the commands of one code that a caller sent, failed ones too.
func (t *Transport) Sent(cc tpm2.TPMCC) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sent[cc]
}

// Send implements transport.TPM. The lock is not held while the TPM works, so a hanging command hides nothing.
func (t *Transport) Send(command []byte) ([]byte, error) {
	if do := t.due(command); do != nil {
		return do(t.tpm.Send, command)
	}
	return t.tpm.Send(command)
}

// due finds what shall happen to a command and takes it off the script.
func (t *Transport) due(command []byte) Action {
	t.mu.Lock()
	defer t.mu.Unlock()
	cc := code(command)
	t.sent[cc]++
	for i, s := range t.script {
		switch {
		case s.on != Any && s.on != cc:
			continue
		case s.after > 0:
			s.after--
			continue
		}
		if s.times--; s.times == 0 {
			t.script = slices.Delete(t.script, i, i+1)
		}
		return s.do
	}
	return nil
}

// code is the command code (Part 1, "Command Header": tag, size, code).
func code(command []byte) tpm2.TPMCC {
	if len(command) < 10 {
		return Any
	}
	return tpm2.TPMCC(binary.BigEndian.Uint32(command[6:10]))
}
