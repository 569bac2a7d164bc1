package engine

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
)

const maxValue = 512 // bytes of one flag's or variable's value

// modelPositional is the name under which a bare model argument is stated.
const modelPositional = "model"

// commonEnv are the variables stated for every engine: where code and libraries
// come from, and which devices it may use. Credentials are not among them.
var commonEnv = []string{"CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP",
	"HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "NCCL_P2P_DISABLE", "NCCL_IB_DISABLE", "CUDA_MODULE_LOADING"}

// pick returns the recognised flags of a command line, sorted by name; repeated
// ones keep their order. withheld counts values that look like secrets.
func (r recogniser) pick(args []string) (out []Pair, withheld int) {
	out = []Pair{}
	add := func(name, value string) {
		switch {
		case len(out) >= MaxFlags:
		case secret(value):
			withheld++
		default:
			out = append(out, Pair{Name: name, Value: clip(value)})
		}
	}
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(args[i], "=")
		o, ok := r.option(name)
		switch {
		case !ok:
		case o.bare || joined:
			add(o.name, value)
		default:
			value, _ = after(args, i)
			add(o.name, value)
			i++
		}
	}
	if r.positional != nil {
		if m, ok := r.positional(args); ok {
			add(modelPositional, m)
		}
	}
	sortPairs(out)
	return out, withheld
}

func (r recogniser) option(name string) (option, bool) {
	same := func(known string) bool { return dashed(known) == dashed(name) } // engines take both spellings
	i := slices.IndexFunc(r.flags, func(o option) bool { return same(o.name) || slices.ContainsFunc(o.aliases, same) })
	if i < 0 || !strings.HasPrefix(name, "-") {
		return option{}, false
	}
	return r.flags[i], true
}

func dashed(s string) string { return strings.ReplaceAll(s, "_", "-") }

// after returns the argument after position i, unless it is a flag itself.
func after(args []string, i int) (string, bool) {
	if i < 0 || i+1 >= len(args) || strings.HasPrefix(args[i+1], "--") {
		return "", false
	}
	return args[i+1], true
}

// variables returns the listed variables of an environment, sorted by name.
func (r recogniser) variables(environ []string) (out []Pair, withheld int) {
	out = []Pair{}
	for _, v := range environ {
		name, value, ok := strings.Cut(v, "=")
		if !ok || len(out) >= MaxVariables || !slices.Contains(commonEnv, name) && !slices.Contains(r.env, name) {
			continue
		}
		if secret(value) {
			withheld++
			continue
		}
		out = append(out, Pair{Name: name, Value: clip(value)})
	}
	sortPairs(out)
	return out, withheld
}

func sortPairs(p []Pair) {
	slices.SortStableFunc(p, func(a, b Pair) int { return cmp.Compare(a.Name, b.Name) })
}

func clip(s string) string {
	if s = attest.Clean(s); len(s) > maxValue {
		s = strings.ToValidUTF8(s[:maxValue], "")
	}
	return s
}

// Shapes of credentials that end up in places where they do not belong: known
// token prefixes, URLs with a password, and key=value pairs that say so.
var (
	tokenShape = regexp.MustCompile(`(^|[^A-Za-z0-9])(hf_|sk-|gsk_|nvapi-|ghp_|gho_|github_pat_|glpat-|xox[abp]-|AKIA|ASIA|AIza|eyJ)[A-Za-z0-9_\-]{8,}|-----BEGIN`)
	userInURL  = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.\-]*://[^/\s@]+@`)
	namedPair  = regexp.MustCompile(`(?i)(api[_-]?key|token|secret|passw(or)?d|credential|signature|sig|x-amz-[a-z-]+)["']?\s*[=:]`)
	queryOfURL = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.\-]*://[^?#]*[?#]`) // signed URLs carry the key behind the path
)

// secret reports whether a value looks like a credential. A long random word
// without blanks, slashes or dots is treated as one; names of models and paths are not like that.
func secret(s string) bool {
	return tokenShape.MatchString(s) || userInURL.MatchString(s) || namedPair.MatchString(s) || queryOfURL.MatchString(s) || longRandom(s)
}

// longRandom looks at the last element of a path or model name, and at the whole
// of what is neither: base64 may contain a slash.
func longRandom(s string) bool {
	if strings.HasPrefix(s, "/") || strings.Count(s, "/") > 3 || strings.ContainsAny(s, ".") {
		s = path.Base(s)
	} else {
		s = strings.ReplaceAll(s, "/", "+") // as base64 without slashes has it
	}
	if len(s) < 40 || strings.ContainsAny(s, " ./:,{") {
		return false
	}
	digits := strings.IndexFunc(s, func(r rune) bool { return r >= '0' && r <= '9' }) >= 0
	return digits && !hexWord.MatchString(s) && !strings.Contains(s, "--") && strings.Count(s, "-") < 3
}

// hexWord is a commit or a digest, which many engines take as a revision.
var hexWord = regexp.MustCompile(`^(sha256[-:])?[0-9a-f]{40,64}$`)
