package compute

import "fmt"

// Unable says why a number does not exist for these data. It is a finding, not a failure.
type Unable struct{ Reason string }

func (u *Unable) Error() string { return u.Reason }

func unable(format string, args ...any) error { return &Unable{fmt.Sprintf(format, args...)} }
