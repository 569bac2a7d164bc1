package bootlog

import (
	"bytes"
	"slices"
)

// Register is one register of the bank.
type Register struct {
	Index    uint
	Events   int    // measured into it
	Replayed []byte // what the log gives; nil if an event has no digest of the bank
	Quoted   []byte // nil: not quoted
	Equal    bool
	// Completed are events that the log lacks and without which it does not
	// replay: older kernels do not see what the firmware measures on ExitBootServices.
	Completed []string
	// Separators counts the events that close the firmware's part: one, in 0 to 7,
	// on a platform that follows the profile. Failed: one says that the firmware met
	// an error (PFP, EV_SEPARATOR with 00000001). Both go by type as well, which is not authentic.
	Separators int
	Failed     bool
}

// of returns what was measured into a register, in order.
func (l *log) of(register uint) []event {
	var out []event
	for _, e := range l.events {
		if e.register == uint32(register) && e.typ != NoAction {
			out = append(out, e)
		}
	}
	return out
}

// locality is the start value of register 0: that of the TPM2_Startup (PFP, EV_NO_ACTION,
// Startup Locality event), 4 after an H-CRTM sequence (TPM 2.0 Part 1, "H-CRTM before
// TPM2_Startup"). A forged one makes register 0 differ, so it needs no protection.
func (l *log) locality() uint8 {
	var locality uint8
	for _, e := range l.events {
		switch {
		case e.register != 0:
		case e.typ == NoAction && len(e.data) == 17 && bytes.HasPrefix(e.data, []byte("StartupLocality\x00")):
			locality = e.data[16]
		case e.typ == NoAction:
		case e.typ == EFIHCRTMEvent:
			return 4
		default:
			return locality
		}
	}
	return locality
}

func (l *log) start(register uint) []byte {
	v := make([]byte, l.hash.Size())
	if register == 0 {
		v[len(v)-1] = l.locality()
	}
	return v
}

func (l *log) extend(register, digest []byte) []byte {
	h := l.hash.New()
	h.Write(register)
	h.Write(digest)
	return h.Sum(nil)
}

// replay computes the registers that the log extends, and those that facts are read from.
func (l *log) replay(pcrs map[uint][]byte) []Register {
	indices := []uint{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 14}
	for _, e := range l.events {
		if i := uint(e.register); e.typ != NoAction && !slices.Contains(indices, i) {
			indices = append(indices, i)
		}
	}
	slices.Sort(indices)
	out := make([]Register, 0, len(indices))
	for _, i := range indices {
		out = append(out, l.register(i, pcrs[i]))
	}
	return out
}

func (l *log) register(i uint, quoted []byte) Register {
	r := Register{Index: i, Quoted: quoted, Replayed: l.start(i)}
	complete := true
	for _, e := range l.of(i) {
		r.Events++
		if value, ok := l.separator(e); ok && e.typ == Separator {
			r.Separators++
			r.Failed = r.Failed || value == separatorError
		}
		if e.digest == nil {
			complete = false
			continue
		}
		r.Replayed = l.extend(r.Replayed, e.digest)
	}
	if !complete {
		r.Replayed = nil
		return r
	}
	r.Equal = bytes.Equal(r.Replayed, quoted)
	if i == 5 && !r.Equal && quoted != nil {
		l.complete(&r)
	}
	return r
}

// Strings of EV_EFI_ACTION (PFP 10.4.4).
const (
	callingApplication   = "Calling EFI Application from Boot Option"
	exitInvoked          = "Exit Boot Services Invocation"
	exitSucceeded        = "Exit Boot Services Returned with Success"
	exitFailed           = "Exit Boot Services Returned with Failure"
	debugMode            = "UEFI Debug Mode"
	dmaProtectionAction  = "DMA Protection Disabled"
	separatorError       = "\x01\x00\x00\x00"
	separatorNormal      = "\x00\x00\x00\x00"
	separatorNormalOther = "\xff\xff\xff\xff"
)

// complete tries the endings that both libraries try. It lends a log nothing
// that the register does not confirm.
func (l *log) complete(r *Register) {
	for _, ending := range [][]string{{exitInvoked, exitSucceeded}, {exitInvoked, exitFailed}, {exitInvoked, exitFailed, exitSucceeded}} {
		v := r.Replayed
		for _, s := range ending {
			v = l.extend(v, l.sum([]byte(s)))
		}
		if bytes.Equal(v, r.Quoted) {
			r.Replayed, r.Equal, r.Completed = v, true, ending
			return
		}
	}
}

// separator recognises a separator by its digest, whatever type the log gives it.
// The reverse does not hold: a boot order of two entries, or an empty firmware
// table, has been seen to hash to the same.
func (l *log) separator(e event) (value string, ok bool) {
	for _, s := range []string{separatorNormal, separatorNormalOther, separatorError} {
		if l.hashes([]byte(s), e) {
			return s, true
		}
	}
	return "", false
}

// closed says whether firmware measured at all: one separator in each of 0 to 7.
func closed(registers []Register) bool {
	for _, r := range registers {
		if r.Index <= 7 && (r.Separators != 1 || r.Failed) {
			return false
		}
	}
	return true
}

func replays(registers []Register) bool {
	for _, r := range registers {
		switch {
		case r.Index <= 7 && r.Quoted == nil:
			return false
		case (r.Index <= 9 || r.Index == 14) && r.Quoted != nil && !r.Equal:
			return false
		}
	}
	return true
}
