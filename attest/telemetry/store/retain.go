package store

import (
	"os"
	"path/filepath"
	"time"
)

const maxChains = 4096

// Retain removes what is older than age, and then the oldest chunks until no more than
// size bytes are left. dropped counts those that went for their size, before their time. A
// chain without chunks goes with its anchors and its genesis document when that is
// older than age, or one of too many, behind chains with chunks too: an agent that is
// restarted every second. The newest chain stays.
func (s *Store) Retain(now time.Time, age time.Duration, size int64) (removed, dropped int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var total int64
	for _, c := range s.chains {
		for _, x := range c.chunks {
			total += x.size
		}
	}
	young := false // a chunk that stays was met: what lies behind it is younger
	for i := 0; i < len(s.chains); i++ {
		c := s.chains[i]
		for len(c.chunks) > 0 {
			path := filepath.Join(s.dir, c.name, fileName(c.chunks[0].first, ".chunk"))
			old := !young && olderThan(path, now.Add(-age))
			if !old && total <= size {
				young = true
				break
			}
			if e := os.Remove(path); e != nil && !os.IsNotExist(e) {
				return removed, dropped, e
			}
			removed++
			if !old {
				dropped++
			}
			total -= c.chunks[0].size
			c.chunks = c.chunks[1:]
			s.forgetAnchors(c)
		}
		if newest := i == len(s.chains)-1; newest || len(c.chunks) > 0 {
			continue
		}
		if surplus := len(s.chains) > maxChains; !surplus && (young || !olderThan(filepath.Join(s.dir, c.name, genesisFile), now.Add(-age))) {
			continue
		}
		if e := os.RemoveAll(filepath.Join(s.dir, c.name)); e != nil {
			return removed, dropped, e
		}
		s.chains = append(s.chains[:i], s.chains[i+1:]...)
		i--
	}
	return removed, dropped, err
}

// forgetAnchors removes anchors before the oldest chunk. s.mu is held.
func (s *Store) forgetAnchors(c *chain) {
	for len(c.anchors) > 0 && (len(c.chunks) == 0 || c.anchors[0] < c.chunks[0].first) {
		os.Remove(filepath.Join(s.dir, c.name, fileName(c.anchors[0], ".anchor"))) // what stays is a few hundred bytes
		c.anchors = c.anchors[1:]
	}
}

// olderThan goes by the file's time, which is the wall clock's when it was written. A
// clock that was set back keeps files longer; the bound by size holds in any case.
func olderThan(path string, t time.Time) bool {
	info, err := os.Stat(path)
	return err == nil && info.ModTime().Before(t)
}
