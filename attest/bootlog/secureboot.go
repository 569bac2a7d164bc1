package bootlog

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/hallmark-attest/hallmark/attest"
)

// Authority is an entry of a key list that verified an image, or a variable that
// shim measured in the same way (SbatLevel, MokListTrusted).
type Authority struct {
	Owner           string // GUID of the variable's owner
	Variable        string
	Key             Key
	BeforeSeparator bool // it verified a driver
}

// Opinion is one reader's view of register 7.
type Opinion struct {
	Reader string
	Err    error
	On     bool                       // if Err is nil
	Keys   map[string][]attest.Digest // by variable: PK, KEK, db, dbx, as Key.Digest
}

// reader is a parser of its own. It gets bytes that parse has accepted, and judges register 7 alone.
type reader struct {
	name string
	read func(raw []byte, l *log, quoted []byte) (on bool, keys map[string][]attest.Digest, err error)
}

// policyEvents is what this package reads in register 7.
type policyEvents struct {
	on          *bool
	lists       map[string]KeyList
	bad         map[string]error // variables that are authentic and malformed
	authorities []Authority
	unprotected bool // DMA Protection Disabled
	unchecked   bool // MokSBState
}

func (v view) secureBoot(r *Report, readers []reader, raw []byte) {
	events, err := v.events(7)
	if err != nil {
		r.failPolicy(err)
		return
	}
	p, err := v.policy(events)
	if err != nil {
		r.failPolicy(fmt.Errorf("register 7: %w", err))
		return
	}
	for name, f := range map[string]*Fact[KeyList]{"PK": &r.PK, "KEK": &r.KEK, "db": &r.DB, "dbx": &r.DBX} {
		switch list, ok := p.lists[name]; {
		case ok:
			*f = Known(list)
		case p.bad[name] != nil:
			*f = NotKnown[KeyList](fmt.Errorf("register 7: %w", p.bad[name]))
		default:
			*f = NotKnown[KeyList](fmt.Errorf("register 7: no variable %s", name))
		}
	}
	r.Authorities = Known(p.authorities)
	r.DMAProtectionDisabled, r.ShimUnchecked = Known(p.unprotected), Known(p.unchecked)
	r.Opinions = opinions(p, readers, v, raw)
	r.Disagree = disagree(r.Opinions)
	r.SecureBoot = fact(conclude(r.Opinions, r.Disagree))
}

func (r *Report) failPolicy(err error) {
	r.SecureBoot, r.DMAProtectionDisabled, r.ShimUnchecked = NotKnown[bool](err), NotKnown[bool](err), NotKnown[bool](err)
	r.PK, r.KEK, r.DB, r.DBX = NotKnown[KeyList](err), NotKnown[KeyList](err), NotKnown[KeyList](err), NotKnown[KeyList](err)
	r.Authorities = NotKnown[[]Authority](err)
}

// policy reads every event of register 7. Types are not looked at: an event is a
// separator or an action by its digest, else it must be a variable that hashes to
// it, and one is a policy variable by owner and name, before the separator.
func (v view) policy(events []event) (*policyEvents, error) {
	p := &policyEvents{lists: map[string]KeyList{}, bad: map[string]error{}}
	separated := false
	for _, e := range events {
		_, isSeparator := v.separator(e)
		switch {
		case isSeparator && separated:
			return nil, fmt.Errorf("event %d: a second separator", e.number)
		case isSeparator:
			separated = true
		case v.hashes([]byte(debugMode), e):
			return nil, fmt.Errorf("event %d: a debugger was attached to the firmware", e.number)
		case v.hashes([]byte(dmaProtectionAction), e):
			p.unprotected = true
		default:
			if err := p.add(v, e, separated); err != nil {
				return nil, fmt.Errorf("event %d: %w", e.number, err)
			}
		}
	}
	if !separated {
		return nil, errors.New("no separator: the firmware did not close it")
	}
	return p, nil
}

func (p *policyEvents) add(v view, e event, separated bool) error {
	data := e.data
	if !v.hashes(data, e) {
		// Old shims log one byte more than they measure (shim commit 8a27a4809a6a).
		if len(data) == 0 || !v.hashes(data[:len(data)-1], e) {
			return errors.New("data does not hash to the digest")
		}
		data = data[:len(data)-1]
	}
	isAuthority := e.typ == EFIVariableAuthority
	x, err := parseVariable(data, isAuthority)
	if err != nil {
		return err
	}
	if policyOwner(x) && !isAuthority {
		return p.policyVariable(x, separated)
	}
	if !isAuthority && separated {
		return fmt.Errorf("variable %q after the separator is no authority", attest.Clean(x.name))
	}
	if !isAuthority {
		return nil // AuditMode, dbt and others of the firmware's: nothing is read from them
	}
	if _, err := parseKeys(x.value); policyOwner(x) && (err == nil || x.name != "db") {
		return fmt.Errorf("variable %s is called an authority", x.name)
	}
	if x.owner == shimLock && x.name == "MokSBState" && len(x.value) == 1 && x.value[0] == 1 {
		p.unchecked = true
	}
	p.authorities = append(p.authorities, Authority{x.owner, attest.Clean(x.name), authorityKey(x.value), !separated})
	return nil
}

func policyOwner(x variable) bool {
	switch x.name {
	case "SecureBoot", "PK", "KEK":
		return x.owner == globalVariable
	case "db", "dbx":
		return x.owner == imageSecurity
	}
	return false
}

// policyVariable keeps what a variable says. A malformed one costs its own fact, for vendors do ship them.
func (p *policyEvents) policyVariable(x variable, separated bool) error {
	_, seen := p.lists[x.name]
	switch {
	case separated:
		return fmt.Errorf("variable %s after the separator", x.name)
	case seen || p.bad[x.name] != nil || x.name == "SecureBoot" && p.on != nil:
		return fmt.Errorf("variable %s twice", x.name)
	case x.name != "SecureBoot":
		list, err := parseKeys(x.value)
		if err != nil {
			p.bad[x.name] = fmt.Errorf("variable %s: %w", x.name, err)
			return nil
		}
		p.lists[x.name] = list
	case len(x.value) != 1 || x.value[0] > 1:
		p.bad[x.name] = fmt.Errorf("variable SecureBoot is %q, want 00 or 01", fmt.Sprintf("%x", x.value[:min(len(x.value), 8)]))
	default:
		on := x.value[0] == 1
		p.on = &on
	}
	return nil
}

// own is this package's opinion.
func (p *policyEvents) own() Opinion {
	o := Opinion{Reader: "hallmark", Keys: map[string][]attest.Digest{}}
	for name, list := range p.lists {
		for _, k := range list.Keys {
			o.Keys[name] = append(o.Keys[name], k.Digest)
		}
	}
	used := slices.ContainsFunc(p.authorities, func(a Authority) bool { return a.Key.Kind != KeyValue })
	switch {
	case len(p.bad) > 0:
		for _, name := range []string{"SecureBoot", "PK", "KEK", "db", "dbx"} {
			o.Err = errors.Join(o.Err, p.bad[name])
		}
	case p.on == nil:
		o.Err = errors.New("no variable SecureBoot")
	case *p.on && p.unchecked:
		o.Err = errors.New("on, but shim was told not to verify")
	case *p.on && !used:
		o.Err = errors.New("on, but no key verified anything")
	case *p.on && (len(o.Keys["PK"]) == 0 || len(o.Keys["KEK"]) == 0 || len(o.Keys["db"]) == 0):
		o.Err = errors.New("on, but PK, KEK or db is empty")
	default:
		o.On = *p.on
	}
	return o
}

func opinions(p *policyEvents, readers []reader, v view, raw []byte) []Opinion {
	out := []Opinion{p.own()}
	for _, name := range []string{"PK", "KEK", "db", "dbx"} {
		if p.bad[name] != nil {
			return out // go-eventlog allocates what a malformed list asks for
		}
	}
	quoted := v.registers[7].Quoted // registers 0 to 9 are always there
	raw = v.digestible(raw)
	for _, r := range readers {
		o := Opinion{Reader: r.name}
		o.On, o.Keys, o.Err = contained(r, raw, v.log, quoted)
		if o.Err != nil {
			o.On, o.Keys = false, nil
		}
		out = append(out, o)
	}
	return out
}

// contained runs a library, which may panic: go-eventlog does on a type it does not know.
func contained(r reader, raw []byte, l *log, quoted []byte) (on bool, keys map[string][]attest.Digest, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("gave up: %.200v", p)
		}
	}()
	return r.read(bytes.Clone(raw), l, quoted)
}

func disagree(opinions []Opinion) bool {
	var first *Opinion
	for i := range opinions {
		o := &opinions[i]
		switch {
		case o.Err != nil:
		case first == nil:
			first = o
		case o.On != first.On || !sameKeys(o.Keys, first.Keys):
			return true
		}
	}
	return false
}

func sameKeys(a, b map[string][]attest.Digest) bool {
	// The libraries keep certificates apart from hashes, so order says nothing.
	sorted := func(d []attest.Digest) []attest.Digest {
		return slices.SortedFunc(slices.Values(d), func(x, y attest.Digest) int { return bytes.Compare(x[:], y[:]) })
	}
	for _, name := range []string{"PK", "KEK", "db", "dbx"} {
		if !slices.Equal(sorted(a[name]), sorted(b[name])) {
			return false
		}
	}
	return true
}

// conclude knows what all readers say alike, and nothing else.
func conclude(opinions []Opinion, disagree bool) (bool, error) {
	if disagree {
		return false, errors.New("the readers of the log disagree")
	}
	for _, o := range opinions {
		if o.Err != nil {
			return false, fmt.Errorf("%s: %w", o.Reader, o.Err)
		}
	}
	return opinions[0].On, nil
}
