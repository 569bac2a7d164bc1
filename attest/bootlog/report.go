package bootlog

import (
	"errors"
	"fmt"
)

// Fact is a value or the reason why there is none. The value cannot be had
// without looking at the reason; the zero Fact has a reason.
type Fact[T any] struct {
	value T
	err   error
	known bool
}

var errUnread = errors.New("not read")

// Get returns the value, or why it is not known.
func (f Fact[T]) Get() (T, error) {
	if f.known {
		return f.value, nil
	}
	var zero T
	if f.err == nil {
		return zero, errUnread
	}
	return zero, f.err
}

// Err is nil if the value is known.
func (f Fact[T]) Err() error { _, err := f.Get(); return err }

// Known makes a fact.
func Known[T any](v T) Fact[T] { return Fact[T]{value: v, known: true} }

// NotKnown makes a fact without value.
func NotKnown[T any](err error) Fact[T] { return Fact[T]{err: err} }

func fact[T any](v T, err error) Fact[T] {
	if err != nil {
		return NotKnown[T](err)
	}
	return Known(v)
}

// Report is what a log says, as far as it is believed.
type Report struct {
	Bank   uint16
	Err    error // the log could not be parsed: no fact is known
	Events int   // the header not counted
	// Locality is the start value of register 0: 0, the locality of a StartupLocality event, 4 for an H-CRTM.
	Locality  uint8
	Registers []Register // ascending: 0 to 9, 12, 14 and those the log extends
	// Replays: registers 0 to 7 are quoted, and all quoted ones of 0 to 9 and 14
	// are equal. A register that the log does not extend is equal at its start value.
	Replays bool
	// Closed: each of registers 0 to 7 has one separator, and none tells of an error.
	// Without it Replays says little: an empty log replays to registers that nobody extended.
	Closed bool

	SecureBoot Fact[bool] // register 7
	Opinions   []Opinion  // of the three readers, empty if register 7 does not replay
	Disagree   bool       // at least two of them judge, and differ

	PK, KEK, DB, DBX      Fact[KeyList]     // register 7
	Authorities           Fact[[]Authority] // register 7: what verified the images that were started
	DMAProtectionDisabled Fact[bool]        // register 7: the firmware says so itself
	ShimUnchecked         Fact[bool]        // register 7: MokSBState, the owner told shim not to verify

	MOK          Fact[[]Measured]  // register 14: shim's lists, by the digest of their content
	Components   Fact[[]Component] // register 4: everything that may be a started image
	Drivers      Fact[[]Component] // register 2: drivers and option ROMs, likewise
	Commands     Fact[[]string]    // register 8: every string that the boot loader measured, in order
	CommandLines Fact[[]string]    // registers 8 and 12: all that may be the kernel's, sorted
	Files        Fact[[]Measured]  // register 9: everything that may be a file the boot loader read
	// ExitBootServices (register 5): the firmware says that the boot loader left it.
	ExitBootServices Fact[bool]

	Unknown []UnknownEvent // types that are not of the profile, in registers 0 to 7
}

// UnknownEvent is an event of a type that the profile does not list.
type UnknownEvent struct {
	Event    int // place in the log
	Register uint
	Type     EventType
}

// Measured is a digest and what the log calls it.
type Measured struct {
	Digest []byte // in the bank
	Label  string // not authentic
	// Value is what was measured, where this could be found by trying: "0", "1" or
	// "empty" for shim's variables; for a file "load options", if it is one of CommandLines as the kernel measured it.
	Value string
}

// Component is an image that was measured.
type Component struct {
	Digest []byte    // in the bank: Authenticode digest, for option ROMs whatever the firmware hashed
	Type   EventType // not authentic
	Path   string    // not authentic: device path, empty if there is none
}

// Judge parses a boot log, replays it against the quoted registers of one bank,
// and reads facts. The registers must come from a quote that was checked.
func Judge(raw []byte, bank uint16, pcrs map[uint][]byte) *Report {
	return judge(raw, bank, pcrs, []reader{{"go-eventlog", goEventlog}, {"go-attestation", goAttestation}})
}

func judge(raw []byte, bank uint16, pcrs map[uint][]byte, readers []reader) *Report {
	r := &Report{Bank: bank}
	l, err := parse(raw, bank)
	if err != nil {
		r.Err = fmt.Errorf("boot log: %w", err)
		r.fail(r.Err)
		return r
	}
	r.Events = len(l.events)
	r.Locality = l.locality()
	r.Registers = l.replay(pcrs)
	r.Replays, r.Closed = replays(r.Registers), closed(r.Registers)
	v := view{l, r.Registers}
	v.secureBoot(r, readers, raw)
	v.images(r)
	v.shim(r)
	v.loader(r)
	v.unknown(r)
	return r
}

// fail leaves the same reason in every fact.
func (r *Report) fail(err error) {
	r.SecureBoot = NotKnown[bool](err)
	for _, k := range []*Fact[KeyList]{&r.PK, &r.KEK, &r.DB, &r.DBX} {
		*k = NotKnown[KeyList](err)
	}
	r.Authorities = NotKnown[[]Authority](err)
	for _, b := range []*Fact[bool]{&r.DMAProtectionDisabled, &r.ShimUnchecked, &r.ExitBootServices} {
		*b = NotKnown[bool](err)
	}
	r.MOK, r.Files = NotKnown[[]Measured](err), NotKnown[[]Measured](err)
	r.Components, r.Drivers = NotKnown[[]Component](err), NotKnown[[]Component](err)
	r.Commands, r.CommandLines = NotKnown[[]string](err), NotKnown[[]string](err)
}

// view is a log together with what is believed of it.
type view struct {
	*log
	registers []Register
}

// events returns the events of a register that replays.
func (v view) events(register uint) ([]event, error) {
	for _, r := range v.registers {
		if r.Index != register {
			continue
		}
		if r.Quoted == nil {
			return nil, fmt.Errorf("register %d is not quoted", register)
		}
		if !r.Equal {
			return nil, fmt.Errorf("register %d does not replay", register)
		}
		return v.of(register), nil
	}
	return nil, fmt.Errorf("register %d is not quoted", register)
}

func (v view) unknown(r *Report) {
	for _, e := range v.log.events {
		if e.register <= 7 && !e.typ.Listed() {
			r.Unknown = append(r.Unknown, UnknownEvent{e.number, uint(e.register), e.typ})
		}
	}
}
