package collateral

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
)

// module judges the TDX module (PCS API, "TDX module identity"): from major version 1 on it has an identity and levels of
// its own; version 0 is judged with the platform and has a signer alone. Signer and attributes are those of that identity.
func (t *tcbInfo) module(q *quote.Quote, tee [16]byte, out *TCB) (Component, []Lack) {
	id := &t.Module
	name := "TDX module"
	if tee[1] > 0 {
		name = fmt.Sprintf("TDX_%02x", tee[1])
		if id = t.identity(name); id == nil {
			return Component{Status: Unrecognized}, []Lack{{What: name + " (no identity)"}}
		}
	}
	b := &q.Body
	if !bytes.Equal(id.MRSigner, b.MRSIGNERSEAM[:]) {
		out.Why = fmt.Sprintf("%s: MRSIGNERSEAM %x, wanted %x", name, b.MRSIGNERSEAM[:8], []byte(id.MRSigner[:8]))
		return Component{Status: Foreign}, nil
	}
	if !masked(b.SEAMAttributes[:], id.AttributesMask, id.Attributes) {
		out.Why = fmt.Sprintf("%s: SEAMATTRIBUTES %x, wanted %x", name, b.SEAMAttributes, []byte(id.Attributes))
		return Component{Status: Foreign}, nil
	}
	if tee[1] == 0 {
		return Component{}, nil
	}
	return judgeSVN(name+" ISVSVN", id.Levels, uint16(tee[0]))
}

func (t *tcbInfo) identity(name string) *module {
	for i := range t.Modules {
		if strings.EqualFold(t.Modules[i].ID, name) {
			return &t.Modules[i]
		}
	}
	return nil
}

// judge holds the quoting enclave against its identity. Anybody can have the PCE certify an enclave of theirs: that it is
// Intel's is known by this alone.
func (i *qeIdentity) judge(r *quote.QEReport, out *TCB) (Component, []Lack) {
	for _, c := range []struct {
		what string
		ok   bool
		seen any
	}{
		{"MRSIGNER", bytes.Equal(i.MRSigner, r.MRSIGNER[:]), r.MRSIGNER[:8]},
		{"ISVPRODID", *i.ProdID == r.ISVProdID, []byte{byte(r.ISVProdID >> 8), byte(r.ISVProdID)}},
		{"MISCSELECT", masked(r.MiscSelect[:], i.MiscSelectMask, i.MiscSelect), r.MiscSelect[:]},
		{"ATTRIBUTES", masked(r.Attributes[:], i.AttributesMask, i.Attributes), r.Attributes[:]},
	} {
		if !c.ok {
			out.Why = fmt.Sprintf("quoting enclave: %s %x is not that of Intel's", c.what, c.seen)
			return Component{Status: Foreign}, nil
		}
	}
	return judgeSVN("QE ISVSVN", i.Levels, r.ISVSVN)
}

// judgeSVN finds the first level whose ISVSVN is met.
func judgeSVN(what string, levels []level[svn], have uint16) (Component, []Lack) {
	var lack []Lack
	if want := *levels[0].TCB.ISVSVN; have < want {
		lack = []Lack{{What: what, Have: have, Want: want}}
	}
	for i := range levels {
		if l := &levels[i]; have >= *l.TCB.ISVSVN {
			return Component{l.Status, l.Date, l.Advisories}, lack
		}
	}
	lack[0].Want = *levels[len(levels)-1].TCB.ISVSVN
	return Component{Status: Unrecognized}, lack
}

// masked compares under a mask. Lengths were compared when the document was read.
func masked(have, mask, want []byte) bool {
	for i := range have {
		if have[i]&mask[i] != want[i] {
			return false
		}
	}
	return len(have) == len(mask) && len(have) == len(want)
}
