package gpu

import (
	"fmt"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
)

// Library is what Snapshot asks of a GPU driver library. Devices are named by
// their index in the library, 0 to Count()-1.
//
// Errors have three meanings. A *Missing: the value is good but for the paths it
// lists. An *attest.AbsentError: the whole value is absent for that reason. Any
// other error: asking for the value failed. A method must not block for long on
// one device; the process around it carries the deadline.
type Library interface {
	Count() (int, error)
	System() (System, error)
	Identity(i int) (Identity, error)
	State(i int) (State, error)
	Interconnect(i int) (Interconnect, error)
	Processes(i int) ([]Process, error)
	Pair(i, j int) (common, nvlink *string, err error)
}

// Missing is the error of a method that could fill its value in part. The paths
// in it are relative to the value: "temperature.memory_c", "nvlink[3].version".
type Missing struct {
	Absent []attest.Absence
}

func (m *Missing) Error() string {
	var names []string
	for _, a := range m.Absent {
		names = append(names, a.What)
	}
	return fmt.Sprintf("%d values absent: %s", len(names), strings.Join(names, ", "))
}

// Text makes what a driver says fit to stand in claims.
func Text(s string) string {
	s = strings.TrimSpace(attest.Clean(s))
	if len(s) > MaxText {
		s = strings.ToValidUTF8(s[:MaxText], "")
	}
	return strings.TrimSpace(s)
}
