package hw

import (
	"strings"
	"sync"
)

// maxTail is how much of the probe's stderr is kept, from the end.
const maxTail = 4 << 10

// tail is a writer that remembers the last maxTail bytes.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p[max(0, len(p)-maxTail):]...)
	if over := len(t.buf) - maxTail; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

// last returns the last line that contains what; empty lines do not count.
func (t *tail) last(what string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(string(t.buf), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if line := strings.TrimSpace(lines[i]); line != "" && strings.Contains(line, what) {
			return line
		}
	}
	return ""
}
