package telemetry

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math"

	"github.com/hallmark-attest/hallmark/attest"
)

// Record is one sweep over all GPUs.
type Record struct {
	At      uint64           `cbor:"1,keyasint"` // ms since the Unix epoch, by the node's clock
	Uptime  uint64           `cbor:"2,keyasint"` // ms since boot, time in suspend included (CLOCK_BOOTTIME)
	Devices []Device         `cbor:"3,keyasint"` // by key, distinct
	Absent  []attest.Absence `cbor:"4,keyasint,omitempty"`
	Facts   []Fact           `cbor:"5,keyasint,omitempty"`
	// Marks are the batch roots that were frozen since the record before. They hold
	// validators' nonces, so this record and all behind it were made after those existed.
	Marks []attest.Digest `cbor:"6,keyasint,omitempty"`
}

// Device is what one GPU gave.
type Device struct {
	Key       string    `cbor:"1,keyasint"` // PCI address, as in the claims of kind "gpu"
	Values    Values    `cbor:"2,keyasint"`
	Processes []Process `cbor:"3,keyasint,omitempty"` // by pid; those that compute on the GPU
	UUID      string    `cbor:"4,keyasint,omitempty"` // in what is read once a minute
}

// Values is field, value, field, value, and so on, by field.
type Values []int64

// Process is one process on a GPU.
type Process struct {
	_         struct{} `cbor:",toarray"`
	PID       uint64
	UsedBytes *uint64 // nil: the driver does not say
}

// Fact is something that happened between the record before and this one. The set
// of names is closed for writers and open for readers.
type Fact struct {
	_     struct{} `cbor:",toarray"`
	Name  string
	Value int64
	Text  string
}

// The facts of this version.
const (
	FactMissed    = "missed"    // value: sweeps that were due and not made; text: why
	FactClock     = "clock"     // value: ms by which the wall clock was set
	FactSuspended = "suspended" // value: ms the host slept
	FactProbe     = "probe"     // value: pid of a probe that was started anew; text: why
	FactXid       = "xid"       // value: the error's number (NVIDIA, "Xid errors"); text: the GPU's key
	FactDriver    = "driver"    // counters began anew; text: the GPU's key
	FactDisk      = "disk"      // value: records not stored so far; text: why, or "stored again"
	FactCut       = "cut"       // a chunk that did not verify was set aside at the start; text: its name
	FactDropped   = "dropped"   // value: chunks that retention by bytes removed before their time
	FactOmitted   = "omitted"   // value: facts of this sweep beyond the limit; text: what else was too large
)

// Set adds f with value v; fields must be added in ascending order.
func (vs *Values) Set(f Field, v int64) { *vs = append(*vs, int64(f), v) }

// Get returns the value of f.
func (vs Values) Get(f Field) (int64, bool) {
	for i := 0; i+1 < len(vs); i += 2 {
		if vs[i] == int64(f) {
			return vs[i+1], true
		}
	}
	return 0, false
}

// All calls yield for every field, in ascending order.
func (vs Values) All(yield func(Field, int64) bool) {
	for i := 0; i+1 < len(vs); i += 2 {
		if !yield(Field(vs[i]), vs[i+1]) {
			return
		}
	}
}

// Device returns what the GPU with that key gave, nil for nothing.
func (r *Record) Device(key string) *Device {
	for i := range r.Devices {
		if r.Devices[i].Key == key {
			return &r.Devices[i]
		}
	}
	return nil
}

// Encode returns the one encoding of r, the bytes that the chain hashes.
func (r *Record) Encode() ([]byte, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	b, err := attest.Marshal(r)
	if err == nil && len(b) > MaxRecord {
		err = fmt.Errorf("%d bytes, limit %d", len(b), MaxRecord)
	}
	if err != nil {
		return nil, fmt.Errorf("telemetry record: %w", err)
	}
	return b, nil
}

// Check compares r with the limits and holds it to its one order.
func (r *Record) Check() error {
	if len(r.Devices) > MaxDevices {
		return fmt.Errorf("telemetry record: %d GPUs, limit %d", len(r.Devices), MaxDevices)
	}
	if r.At > math.MaxInt64 || r.Uptime > math.MaxInt64 {
		return errors.New("telemetry record: time out of range")
	}
	for i, d := range r.Devices {
		if i > 0 && r.Devices[i-1].Key >= d.Key {
			return errors.New("telemetry record: GPUs are not sorted and distinct")
		}
		if err := d.Check(); err != nil {
			return fmt.Errorf("telemetry record: %w", err)
		}
	}
	if err := attest.CheckAbsences(r.Absent); err != nil {
		return fmt.Errorf("telemetry record: %w", err)
	}
	if len(r.Facts) > MaxFacts {
		return fmt.Errorf("telemetry record: %d facts, limit %d", len(r.Facts), MaxFacts)
	}
	if len(r.Marks) > MaxMarks {
		return fmt.Errorf("telemetry record: %d marks, limit %d", len(r.Marks), MaxMarks)
	}
	for _, f := range r.Facts {
		if f.Name == "" || len(f.Name) > MaxKey || len(f.Text) > MaxText {
			return fmt.Errorf("telemetry record: fact of %d and %d bytes", len(f.Name), len(f.Text))
		}
	}
	return nil
}

// Check compares d with the limits and holds it to its one order.
func (d Device) Check() error {
	if d.Key == "" || len(d.Key) > MaxKey {
		return fmt.Errorf("key of %d bytes", len(d.Key))
	}
	if len(d.UUID) > MaxKey {
		return fmt.Errorf("%s: UUID of %d bytes", d.Key, len(d.UUID))
	}
	if len(d.Values)%2 != 0 || len(d.Values) > 2*MaxValues {
		return fmt.Errorf("%s: %d numbers as values, want an even count up to %d", d.Key, len(d.Values), 2*MaxValues)
	}
	for i := 0; i < len(d.Values); i += 2 {
		if v := d.Values[i]; v < 1 || v >= int64(linkStep)*(maxLinks+1) || i > 0 && d.Values[i-2] >= v {
			return fmt.Errorf("%s: fields are not ascending, or field %d is out of range", d.Key, v)
		}
	}
	if len(d.Processes) > MaxProcesses {
		return fmt.Errorf("%s: %d processes, limit %d", d.Key, len(d.Processes), MaxProcesses)
	}
	for i, p := range d.Processes {
		if i > 0 && d.Processes[i-1].PID >= p.PID {
			return fmt.Errorf("%s: processes are not sorted and distinct", d.Key)
		}
	}
	return nil
}

// Digest is the digest of r's encoding, as the chain takes it.
func (r *Record) Digest() (attest.Digest, error) {
	b, err := r.Encode()
	if err != nil {
		return attest.Digest{}, err
	}
	return sha256.Sum256(b), nil
}
