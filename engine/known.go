package engine

import (
	"path"
	"slices"
	"strings"
)

// known lists the engines that are recognised, in the order in which they are
// tried. To add one: a file of its own and a line here.
var known = []recogniser{vllm, sglang, tensorRT, tgi, ollama, llamaEdge, llamaCpp}

// generic stands for an engine that is not recognised: the chain, the files and
// the digests are stated all the same, the arguments are not.
var generic = recogniser{name: "generic", match: func(command) bool { return true }}

// recogniser knows one engine. Everything it looks at was written by the process
// itself, so it helps to read the rest and proves nothing.
type recogniser struct {
	name  string
	match func(command) bool
	flags []option
	env   []string
	// positional says which bare argument is the model, if the engine takes one so.
	positional func(args []string) (model string, ok bool)
}

// option is a flag whose value may be stated: its canonical name, other
// spellings, and whether it stands without a value.
type option struct {
	name    string
	aliases []string
	bare    bool
}

// command is how a process was started.
type command struct {
	exe  string // base name of the executable
	args []string
}

// recognise returns the first engine that knows the command, else generic.
func recognise(c command) recogniser {
	for _, r := range known {
		if r.match(c) {
			return r
		}
	}
	return generic
}

// is reports whether the executable or the script it runs has one of these names.
func (c command) is(names ...string) bool {
	return slices.Contains(names, c.exe) || len(c.args) > 0 && slices.Contains(names, path.Base(c.args[0])) ||
		c.interpreted() && len(c.args) > 1 && slices.Contains(names, path.Base(c.args[1]))
}

func (c command) interpreted() bool {
	return strings.HasPrefix(c.exe, "python") || strings.HasPrefix(c.exe, "pypy")
}

// module reports whether Python runs a module whose name begins so (python -m NAME).
func (c command) module(prefix string) bool {
	i := slices.Index(c.args, "-m")
	return c.interpreted() && i > 0 && i+1 < len(c.args) && strings.HasPrefix(c.args[i+1]+".", prefix+".")
}

// titled reports whether the process renamed itself to something beginning so;
// its arguments are then gone.
func (c command) titled(prefix string) bool {
	return len(c.args) > 0 && strings.HasPrefix(c.args[0], prefix)
}

// val and bare make options.
func val(name string, aliases ...string) option { return option{name: name, aliases: aliases} }
func bare(name string) option                   { return option{name: name, bare: true} }
