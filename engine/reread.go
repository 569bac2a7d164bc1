package engine

import (
	"slices"

	"github.com/hallmark-attest/hallmark/internal/proc"
)

// reread queues the large files whose digests are older than the period, the
// oldest first. What is kept of them is stated, and proves blocks, until they are read.
func (d *Digests) reread() {
	for _, k := range d.due() {
		if !d.queueAgain(k) {
			d.lose(k)
		}
	}
}

// queueAgain reports whether the name by which a file was read still leads to it. That
// of an engine's descriptor ends with the process.
func (d *Digests) queueAgain(k *kept) bool {
	f, err := proc.OpenRegular(k.name)
	if err != nil {
		return false
	}
	defer f.Close()
	if key, err := keyOf(f); err != nil || key != k.key {
		return false
	}
	_ = d.enqueue(f, k.key, k.plain != nil) // says only how far it is; a full queue empties until the next look
	return true
}

// lose leaves a file to whoever opens it next.
func (d *Digests) lose(k *kept) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e := d.entries[k.key]; e != nil && e.Value.(*kept) == k {
		was := *k
		was.lost = true
		e.Value = &was // what was handed out stays as it is
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
		if k := e.Value.(*kept); k.key.size > d.opt.InlineBytes && !k.lost && d.pending[k.key] == nil && !k.at.After(before) {
			list = append(list, k)
		}
	}
	slices.SortFunc(list, func(a, b *kept) int { return a.at.Compare(b.at) })
	return list[:min(len(list), maxPending-len(d.pending))]
}
