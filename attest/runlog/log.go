package runlog

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Options say where a log lives and what it extends. All are required.
type Options struct {
	Path     string   // of the log; the boot before is kept at Path + Previous
	BootID   [16]byte // of the kernel: /proc/sys/kernel/random/boot_id
	PCR      uint8    // index of Register
	Register Register
	Clock    func() time.Time
}

// Previous is appended to the path of the log of the boot before.
const Previous = ".previous"

func (o *Options) check() error {
	if o.Path == "" || o.BootID == [16]byte{} || o.PCR >= maxPCR || o.Register == nil || o.Clock == nil {
		return fmt.Errorf("runlog: incomplete options: path %q, register %d", o.Path, o.PCR)
	}
	return nil
}

// Log writes the events of this boot. Its methods may be called concurrently;
// one process writes it at a time.
type Log struct {
	o Options

	mu      sync.Mutex // held while the TPM works
	disk    disk
	chain   chain
	last    map[uint16][]byte // digests of the last record
	before  values            // register without the last record
	after   values            // register with it
	settled bool              // the register was seen to be after
	closed  error

	extent sync.Mutex // short; a reader of parts never waits for the TPM
	ends   []uint64   // offset behind each record on disk
}

// Open opens the log of this boot, or begins it, and brings file and register
// together: what a crash left written and not extended is extended now. ErrForeign
// where they cannot be brought together; the file is then left as it is.
func Open(ctx context.Context, o Options) (*Log, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	now, err := readRegister(ctx, o.Register)
	if err != nil {
		return nil, err
	}
	data, err := readLog(o.Path)
	if err != nil {
		return nil, err
	}
	l := &Log{o: o, chain: chain{pcr: o.PCR}, before: now.reset(), after: now.reset()}
	old := l.chain
	records, used, bad := old.read(data)
	if len(records) == 0 || old.bootID != o.BootID {
		err = l.begin(now, len(records) > 0 || bad != nil)
	} else {
		l.chain = old
		err = l.adopt(now, records, used)
	}
	if err != nil {
		return nil, err
	}
	if err := l.settle(ctx); err != nil {
		l.disk.Close()
		return nil, err
	}
	return l, nil
}

// begin starts the log of a boot, which only a register at zero allows: what
// stands in it otherwise is not ours, or our log of it is gone. Keep says that there is an older log to keep.
func (l *Log) begin(now values, keep bool) (err error) {
	if !now.zero() {
		return fmt.Errorf("runlog: register %d is not zero and no log of this boot is at hand: %w", l.o.PCR, ErrForeign)
	}
	l.disk, err = createLog(l.o.Path, keep)
	return err
}

// adopt goes on with the log of this boot. The register holds all its records, or all
// but the last; bytes behind them are then torn, for they were never extended, and are cut off.
func (l *Log) adopt(now values, records []Record, used int) (err error) {
	for _, r := range records {
		next, ok := l.after.extended(r.Digests)
		if !ok {
			return fmt.Errorf("runlog: record %d: no digest for an active bank: %w", r.Event.Sequence, ErrForeign)
		}
		l.before, l.after, l.last = l.after, next, r.Digests
		l.ends = append(l.ends, uint64(r.End))
	}
	if !now.equal(l.after) && !now.equal(l.before) {
		return fmt.Errorf("runlog: register %d is neither %d records nor one less: %w", l.o.PCR, len(records), ErrForeign)
	}
	l.disk, err = openLog(l.o.Path, used)
	return err
}

// settle extends the last record if that is still to be done, and makes sure
// that the register is what the log makes it. Once it was, going back is as foreign as going on.
func (l *Log) settle(ctx context.Context) error {
	now, err := readRegister(ctx, l.o.Register)
	if err != nil {
		return err
	}
	if !l.settled && l.last != nil && now.equal(l.before) {
		if err := l.o.Register.Extend(ctx, l.active()); err != nil {
			return fmt.Errorf("runlog: extend register %d: %w", l.o.PCR, err)
		}
		if now, err = readRegister(ctx, l.o.Register); err != nil {
			return err
		}
	}
	if !now.equal(l.after) {
		l.closed = fmt.Errorf("runlog: register %d is not the replay of %d records: %w", l.o.PCR, l.chain.next, ErrForeign)
		return l.closed
	}
	l.settled = true
	return nil
}

// active are the last record's digests for the banks that are active.
func (l *Log) active() map[uint16][]byte {
	d := map[uint16][]byte{}
	for bank := range l.after {
		d[bank] = l.last[bank]
	}
	return d
}

// Close closes the file. Whatever is not extended yet is extended by the next Open.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.disk.Close()
}
