package attacker

import (
	"context"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/verify"
)

// State is a software TPM as its owner can treat it.
type State interface {
	Snapshot(to string) error
	Restore(from string) error
	PowerCycle() error
	Shutdown(through transport.TPM) error
	Measure(boot, ima []byte) error
}

// age is how old the TPM says it is: one that was made a minute ago could as well have been cleared.
const age = 30 * 24 * time.Hour

// rolledBack answers, puts back an older state of the TPM, and answers again: what a
// copied virtual machine does. The quote is genuine; only who remembers the counters sees it.
func rolledBack(ctx context.Context, s *Scene) (v Verdict, err error) {
	file, err := s.enrolMallory(ctx)
	if err != nil {
		return Verdict{}, err
	}
	older := filepath.Join(s.Dir, "older-state")
	if err := s.Mallory.grow(age); err != nil {
		return Verdict{}, err
	}
	if err := s.Mallory.State.Shutdown(nil); err != nil { // which saves the clock
		return Verdict{}, err
	}
	if err := s.Mallory.State.Snapshot(older); err != nil {
		return Verdict{}, err
	}
	for range 3 {
		if err := s.Mallory.State.PowerCycle(); err != nil {
			return Verdict{}, err
		}
	}
	first, err := s.firstVerdict(ctx, file)
	if err != nil {
		return Verdict{}, err
	}
	remembered, file, err := s.Validator.hourAgo(first, file)
	if err != nil {
		return Verdict{}, err
	}
	if err := s.Mallory.State.Restore(older); err != nil {
		return Verdict{}, err
	}
	v, err = s.withNode(ctx, Plan{}, func(url string) (Verdict, error) {
		r, err := s.Validator.challenge(ctx, url, file, &verify.History{Verdicts: []attest.Verdict{remembered}})
		if err != nil {
			return Verdict{}, err
		}
		return VerdictOf(r), nil
	})
	if err != nil {
		return Verdict{}, err
	}
	return v, s.Mallory.State.Measure(s.Boot, s.IMA) // the registers are lost with the power; later attacks want them
}

// hourAgo plays time: enrolment and first answer lie an hour back, for a validator
// does not compare clocks over moments that its own clocks could disagree about.
func (v *Validator) hourAgo(verdict attest.Verdict, nodeFile []byte) (attest.Verdict, []byte, error) {
	const hour = uint64(time.Hour / time.Millisecond)
	verdict.Sent, verdict.Received = verdict.Sent-hour, verdict.Received-hour
	n, err := verify.OpenNode(nodeFile)
	if err != nil {
		return verdict, nil, err
	}
	n.Node.Enrolled -= hour
	nodeFile, err = verify.MarshalNode(v.Key, n.Node)
	return verdict, nodeFile, err
}

// grow sets the TPM's clock ahead, which its owner may do.
func (m *Mallory) grow(by time.Duration) error {
	c, err := linuxudstpm.Open(m.TPMSocket)
	if err != nil {
		return err
	}
	defer c.Close()
	now, err := tpm2.ReadClock{}.Execute(c)
	if err != nil {
		return fmt.Errorf("read clock: %w", err)
	}
	answer, err := c.Send(clockSet(now.CurrentTime.ClockInfo.Clock + uint64(by.Milliseconds())))
	if err != nil {
		return fmt.Errorf("set clock: %w", err)
	}
	if len(answer) < 10 || binary.BigEndian.Uint32(answer[6:]) != 0 {
		return fmt.Errorf("set clock: the TPM answered %x", answer)
	}
	return nil
}

// clockSet is TPM2_ClockSet under the owner's empty password (Part 3, 29.3), which the library does not have.
func clockSet(clock uint64) []byte {
	be := binary.BigEndian
	b := be.AppendUint16(nil, 0x8002) // TPM_ST_SESSIONS
	b = be.AppendUint32(b, 35)
	b = be.AppendUint32(b, 0x00000128) // TPM_CC_ClockSet
	b = be.AppendUint32(b, 0x40000001) // TPM_RH_OWNER
	b = be.AppendUint32(b, 9)
	b = be.AppendUint32(b, 0x40000009) // TPM_RS_PW
	b = append(b, 0, 0, 0, 0, 0)       // no nonce, no attributes, empty password
	return be.AppendUint64(b, clock)
}
