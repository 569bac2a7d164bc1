package proc

import (
	"slices"
	"strings"
	"sync"

	"github.com/hallmark-attest/hallmark/attest"
)

// Absences gathers what a collector could not have. The list stays within
// attest.MaxAbsences: the last place then says how many more there were.
// Safe for use by several goroutines; the zero value is empty.
type Absences struct {
	mu   sync.Mutex
	list []attest.Absence
	more int
}

// Add states an absence, cleaned of control characters since names and errors
// carry text that a process chose.
func (a *Absences) Add(what string, r attest.Reason, format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.list) == attest.MaxAbsences-1 {
		a.more++
		return
	}
	v := attest.Absent(attest.Clean(what), r, format, args...)
	v.Detail = attest.Absent("detail", r, "%s", attest.Clean(v.Detail)).Detail
	a.list = append(a.list, v)
}

// Err states an absence whose reason follows from the error.
func (a *Absences) Err(what string, err error) { a.Add(what, Reason(err), "%v", err) }

// Append takes over absences stated elsewhere.
func (a *Absences) Append(list []attest.Absence) {
	for _, v := range list {
		a.Add(v.What, v.Reason, "%s", v.Detail)
	}
}

// List returns what was gathered, sorted by name and then by text, so that the
// same state gives the same claims.
func (a *Absences) List() []attest.Absence {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := slices.Clone(a.list)
	slices.SortStableFunc(out, func(x, y attest.Absence) int {
		if c := strings.Compare(x.What, y.What); c != 0 {
			return c
		}
		return strings.Compare(x.Detail, y.Detail)
	})
	if a.more > 0 {
		out = append(out, attest.Absent("absent", attest.Oversize, "%d further absences", a.more))
	}
	return out
}
