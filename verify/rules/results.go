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
	return slices.ContainsFunc(e.Public, func(p string) bool { return in.sameURL(p, r.Subject.Endpoint) })
}

// Unclaimed lists the validator's own results that no stated engine names: of an endpoint or model that the node does not own up to.
// Others may have signed what they like.
func (in *Input) Unclaimed() (out []Stat) {
	for _, s := range in.Stats {
		if s.Own && !in.unnamed(s.Result) && !slices.ContainsFunc(in.Engines, func(e Engine) bool { return in.about(s.Result, &e) }) {
			out = append(out, s)
		}
	}
	return out
}

// unnamed reports whether a result leaves open which of several engines it is about: whoever asked left the endpoint out.
func (in *Input) unnamed(r *stats.Result) bool {
	return r.Subject.Endpoint == "" && len(in.Engines) > 1
}

// sameURL compares as people do: case of scheme and host, default ports and a slash at the end make no other address.
func (in *Input) sameURL(a, b string) bool { return a == b || in.plain(a) == in.plain(b) }

// plain is a URL in one form. Each is parsed once: a node states many, every rule asks for each of them with every result.
func (in *Input) plain(s string) string {
	p, known := in.urls[s]
	if !known {
		if in.urls == nil {
			in.urls = map[string]string{}
		}
		p = plain(s)
		in.urls[s] = p
	}
	return p
}

func plain(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return s
	}
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
		e.unable(subject, Lacking, "no results with "+what+": give them with --stats", eng.From)
	case len(found) == 0 && e.in.unnamed(all[0].Result):
		e.unable(subject, Lacking, "results with "+what+" name no endpoint, and the node has several engines", eng.From, all[0].From)
	case len(found) == 0:
		e.unable(subject, Silent, fmt.Sprintf("results with %s are of %s, which this engine does not name", what, where(all[0].Result)), eng.From, all[0].From)
	case len(own) == 0:
		e.unable(subject, Lacking, "results with "+what+" are signed by somebody else, or not checked", eng.From, found[0].From)
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
