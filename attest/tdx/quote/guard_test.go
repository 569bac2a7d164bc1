package quote

import (
	"errors"
	"testing"
)

// TestD3GuardTurnsPanicIntoRefusal: whatever walk does not know of the library.
func TestD3GuardTurnsPanicIntoRefusal(t *testing.T) {
	if err := guard(func() error { panic("index out of range") }); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}
