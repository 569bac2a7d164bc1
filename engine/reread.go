package engine

import (
	"slices"

	"github.com/hallmark-attest/hallmark/internal/proc"
)

// reread queues the large files whose digests are older than the period, the
// oldest first. What is kept of them is stated, and proves blocks, until they are read.
func (d *Digests) reread() {
	for _, k := range d.due() {
		f, err := proc.OpenRegular(k.name)
		if err != nil {
			continue // moved: it has its turn when it is asked for by its new name, or is forgotten
		}
		if key, err := keyOf(f); err == nil && key == k.key {
			_ = d.enqueue(f, k.key, k.plain != nil) // says only how far it is; a full queue empties until the next look
		}
		f.Close()
	}
}

// due lists them, no more than the queue takes.
func (d *Digests) due() []*kept {
	if d.opt.Reread <= 0 {
		return nil
	}
	before := d.opt.Now().Add(-d.opt.Reread)
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []*kept
	for _, e := range d.entries {
		if k := e.Value.(*kept); k.key.size > d.opt.InlineBytes && d.pending[k.key] == nil && !k.at.After(before) {
			list = append(list, k)
		}
	}
	slices.SortFunc(list, func(a, b *kept) int { return a.at.Compare(b.at) })
	return list[:min(len(list), maxPending-len(d.pending))]
}
