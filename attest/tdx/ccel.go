package tdx

import (
	"bytes"
	"context"
	"errors"
	"io/fs"

	"github.com/hallmark-attest/hallmark/attest"
)

// EventLog is what the firmware and the loader measured into RTMR0 to 2: the ACPI table CCEL and the log it points at.
type EventLog struct {
	Table []byte
	Log   []byte // TCG2 events, without the padding behind them
	Area  int    // bytes the firmware set aside, padding included
}

// EventLog reads the log, or returns an *attest.AbsentError of "ccel". Only root may read it.
func (d *Device) EventLog(ctx context.Context) (EventLog, error) {
	if err := ctx.Err(); err != nil {
		return EventLog{}, err
	}
	table, err := d.ccelFile(eventTableFile, MaxEventTable)
	if err != nil {
		return EventLog{}, err
	}
	if !bytes.HasPrefix(table, []byte("CCEL")) {
		return EventLog{}, absent(CCEL, attest.Failed, "%s has another signature", eventTableFile)
	}
	log, err := d.ccelFile(eventLogFile, MaxEventLog)
	if err != nil {
		return EventLog{}, err
	}
	return EventLog{Table: table, Log: log[:eventsEnd(log)], Area: len(log)}, nil
}

func (d *Device) ccelFile(name string, limit int) ([]byte, error) {
	b, err := d.o.Files.Read(name, limit+1)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, absent(CCEL, attest.NotPresent, "no %s: this TD's firmware keeps no event log", name)
	case errors.Is(err, fs.ErrPermission):
		return nil, absent(CCEL, attest.NotPermitted, "%s may not be read: the collector has to run as root", name)
	case err != nil:
		return nil, absent(CCEL, attest.Failed, "%v", err)
	case len(b) > limit:
		return nil, absent(CCEL, attest.Oversize, "%s has more than %d bytes", name, limit)
	case len(b) == 0:
		return nil, absent(CCEL, attest.NotPresent, "%s is empty", name)
	}
	return b, nil
}

// eventsEnd is the offset behind the last event. The area behind it is filled with 0xff; to cut all such bytes would cut an event
// that ends with them. A log that cannot be followed is left whole: what it is worth is the verifier's business.
func eventsEnd(log []byte) int {
	sizes, at, ok := specID(log)
	if !ok {
		return len(log)
	}
	for {
		rest := log[at:]
		if len(rest) < 12 || le.Uint32(rest) == 0xffffffff || le.Uint32(rest) == 0 && le.Uint32(rest[4:]) == 0 {
			return padded(log, at)
		}
		n, count := 12, le.Uint32(rest[8:]) // behind index, type, count of digests
		if count > maxDigests {
			return len(log)
		}
		for range count {
			if len(rest) < n+2 {
				return len(log)
			}
			size, known := sizes[le.Uint16(rest[n:])]
			if !known {
				return len(log)
			}
			n += 2 + size
		}
		if len(rest) < n+4 || uint64(le.Uint32(rest[n:])) > uint64(len(rest)-n-4) {
			return len(log)
		}
		at += n + 4 + int(le.Uint32(rest[n:]))
	}
}

// padded is at where nothing but padding follows, else the end of the log.
func padded(log []byte, at int) int {
	rest := log[at:]
	if len(rest) == 0 || len(bytes.Trim(rest, string(rest[:1]))) == 0 && (rest[0] == 0xff || rest[0] == 0) {
		return at
	}
	return len(log)
}

// specID reads the first event, which is of the old form and names the digests of those that follow: its algorithms' sizes, and
// the offset behind it (TCG PC Client Platform Firmware Profile, "TCG_EfiSpecIdEvent").
func specID(log []byte) (sizes map[uint16]int, end int, ok bool) {
	const header = 32 // index, type, SHA-1, size
	if len(log) < header+28 || uint64(le.Uint32(log[28:])) > uint64(len(log)-header) {
		return nil, 0, false
	}
	event := log[header : header+int(le.Uint32(log[28:]))]
	if len(event) < 28 || !bytes.HasPrefix(event, []byte("Spec ID Event03\x00")) {
		return nil, 0, false
	}
	count := int(le.Uint32(event[24:]))
	if count > maxDigests || len(event) < 28+4*count {
		return nil, 0, false
	}
	sizes = map[uint16]int{}
	for i := range count {
		a := event[28+4*i:]
		sizes[le.Uint16(a)] = int(le.Uint16(a[2:]))
	}
	return sizes, header + len(event), true
}
