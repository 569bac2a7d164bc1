package census

import "strings"

// sideNames are parts of names of tensors that a token need not read: tables of which it looks up a row (input embeddings, per-layer and
// n-gram ones), and parts that do not take part in writing text (towers for pictures and sound, heads for more tokens at once).
// The matrix that makes the output is read whole ("lm_head", "output"); where it is the input's table, that counts as one here,
// which makes less of what is surely read.
var sideNames = []string{"embed", "embd", "wte.", "wpe.", "ngram", "vision", "visual", "image", "audio", "speech", "talker", "multi_modal", "mtp", "nextn", "v.blk.", "mm."}

// side reports whether a tensor is none that each token surely reads. Matching too much only lowers a bound.
func side(name string) bool {
	name = strings.ToLower(name)
	for _, s := range sideNames {
		if strings.Contains(name, s) {
			return true
		}
	}
	return false
}
