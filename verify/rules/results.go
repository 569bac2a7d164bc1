package rules

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/hallmark-attest/hallmark/stats"
)

// about says whether a result is about this engine: its endpoint is one that the engine names, or it names none and
// there is no other engine; its model is the declared one, or it names none.
func (in *Input) about(r *stats.Result, e *Engine) bool {
	if r.Subject.ModelRef != "" && e.Declared.Model != "" && r.Subject.ModelRef != e.Declared.Model {
		return false
	}
	if r.Subject.Endpoint == "" {
		return len(in.Engines) == 1
	}
	return slices.ContainsFunc(e.Public, func(p string) bool { return sameURL(p, r.Subject.Endpoint) })
}

// Unclaimed lists results that no stated engine names: of an endpoint or model that the node does not own up to.
func (in *Input) Unclaimed() (out []Stat) {
	for _, s := range in.Stats {
		if !slices.ContainsFunc(in.Engines, func(e Engine) bool { return in.about(s.Result, &e) }) {
			out = append(out, s)
		}
	}
	return out
}

// sameURL compares as people do: case of scheme and host, default ports and a slash at the end make no other address.
func sameURL(a, b string) bool {
	if a == b {
		return true
	}
	x, err := url.Parse(a)
	y, err2 := url.Parse(b)
	if err != nil || err2 != nil {
		return a == b
	}
	return plain(x) == plain(y)
}

func plain(u *url.URL) string {
	scheme, port := strings.ToLower(u.Scheme), u.Port()
	if scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		port = ""
	}
	return scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port + strings.TrimRight(u.EscapedPath(), "/")
}

// results are the node's results of an engine that have what a rule wants, by their own epochs, oldest first. Without any it says
// so on the rule's behalf, with the reason that tells most.
func (e *eval) results(eng *Engine, what string, has func(*stats.Result) bool) []Stat {
	subject := "engine " + eng.Name
	var found, all []Stat
	for _, s := range e.in.Stats {
		if !has(s.Result) {
			continue
		}
		all = append(all, s)
		if e.in.about(s.Result, eng) {
			found = append(found, s)
		}
	}
	switch own := slices.DeleteFunc(slices.Clone(found), func(s Stat) bool { return !s.Own }); {
	case len(all) == 0:
		e.unable(subject, Lacking, "not given (--stats): "+what, eng.From)
	case len(found) == 0:
		e.unable(subject, Silent, fmt.Sprintf("%s is of %s, which this engine does not name", what, where(all[0].Result)), eng.From, all[0].From)
	case len(own) == 0:
		e.unable(subject, Lacking, what+" is signed by somebody else, or not checked", eng.From, found[0].From)
	default:
		return own
	}
	return nil
}

func where(r *stats.Result) string {
	if r.Subject.Endpoint == "" {
		return "no endpoint, model " + quoted(r.Subject.ModelRef)
	}
	return "endpoint " + quoted(r.Subject.Endpoint) + ", model " + quoted(r.Subject.ModelRef)
}

func quoted(s string) string { return fmt.Sprintf("%.100q", s) }

// value is a stat by its name.
func value(r *stats.Result, name string) (float64, bool) {
	for _, s := range r.Stats {
		if s.Name == name && s.Value != nil {
			return *s.Value, true
		}
	}
	return 0, false
}

func has(names ...string) func(*stats.Result) bool {
	return func(r *stats.Result) bool {
		for _, n := range names {
			if _, ok := value(r, n); ok {
				return true
			}
		}
		return false
	}
}

// decided says whether a result decided something: what is inconclusive or could not be evaluated is read by no rule.
func decided(r *stats.Result) bool { return r.Decision == stats.Inlier || r.Decision == stats.Outlier }

// engines runs a rule on each engine; without any it is missing.
func (e *eval) engines(each func(*Engine)) {
	if len(e.in.Engines) == 0 {
		e.missing(Silent, "no engine is stated: "+orNot(e.in.EnginesWhy))
		return
	}
	for i := range e.in.Engines {
		each(&e.in.Engines[i])
	}
}

// devices runs a rule on each GPU; without any it is missing.
func (e *eval) devices(each func(*GPU)) {
	if len(e.in.GPUs) == 0 {
		e.missing(Silent, "no GPU is stated: "+orNot(e.in.GPUsWhy))
		return
	}
	for i := range e.in.GPUs {
		each(&e.in.GPUs[i])
	}
}

func orNot(why string) string {
	if why == "" {
		return "no reason is given"
	}
	return why
}
