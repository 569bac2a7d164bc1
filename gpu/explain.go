package gpu

import (
	"errors"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
)

// explain gives the reason of every value that v lacks, from the error its
// collector returned. A gap the collector did not explain is a failure said aloud.
func explain(prefix string, v any, err error) []attest.Absence {
	why := reasons(err)
	var out []attest.Absence
	gaps(v, func(p *place) {
		path := p.spellings()[0]
		a := why(path)
		a.What = join(prefix, path)
		out = append(out, a)
	})
	return append(out, leftovers(prefix, err)...)
}

// reasons returns the absence to state for a path relative to the value err belongs to.
func reasons(err error) func(path string) attest.Absence {
	var part *Missing
	if errors.As(err, &part) {
		known := make(map[string]attest.Absence, len(part.Absent))
		for _, a := range part.Absent {
			known[a.What] = a
		}
		return func(path string) attest.Absence { return nearest(known, path) }
	}
	whole := whole(err)
	return func(string) attest.Absence { return whole }
}

// whole is the absence of a value none of which could be had.
func whole(err error) attest.Absence {
	var absent *attest.AbsentError
	switch {
	case errors.As(err, &absent):
		return absent.Absence
	case err != nil:
		return attest.Absent("", attest.Failed, "%v", err)
	}
	return attest.Absent("", attest.Failed, "the library gave neither value nor reason")
}

// nearest finds the absence of path or of what path is part of.
func nearest(known map[string]attest.Absence, path string) attest.Absence {
	for p := path; p != ""; {
		if a, ok := known[p]; ok {
			return a
		}
		cut := strings.LastIndexAny(p, ".[")
		p = p[:max(cut, 0)]
	}
	return whole(nil)
}

// leftovers are statements about lists that are given and incomplete: those whose
// reason is a limit.
func leftovers(prefix string, err error) []attest.Absence {
	var part *Missing
	if !errors.As(err, &part) {
		return nil
	}
	var out []attest.Absence
	for _, a := range part.Absent {
		if a.Reason == attest.Oversize {
			a.What = join(prefix, a.What)
			out = append(out, a)
		}
	}
	return out
}

func join(prefix, path string) string {
	if prefix == "" || path == "" {
		return prefix + path
	}
	return prefix + "." + path
}
