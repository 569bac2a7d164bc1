package tdx

import (
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// Status is a TCB status in Intel's words (PCS API v4).
type Status string

const (
	UpToDate                          Status = "UpToDate"
	SWHardeningNeeded                 Status = "SWHardeningNeeded"
	ConfigurationNeeded               Status = "ConfigurationNeeded"
	ConfigurationAndSWHardeningNeeded Status = "ConfigurationAndSWHardeningNeeded"
	OutOfDate                         Status = "OutOfDate"
	OutOfDateConfigurationNeeded      Status = "OutOfDateConfigurationNeeded"
	Revoked                           Status = "Revoked"
	// NoLevel is ours: no level of the collateral matches. What there is wants more than the platform has.
	NoLevel Status = "no level"
)

// Statuses are all of them, NoLevel last.
func Statuses() []Status {
	return []Status{UpToDate, SWHardeningNeeded, ConfigurationNeeded, ConfigurationAndSWHardeningNeeded, OutOfDate,
		OutOfDateConfigurationNeeded, Revoked, NoLevel}
}

// Judged is what collateral says of one component. The zero value is up to date.
type Judged struct {
	Status     Status
	Date       time.Time // tcbDate of the level that matches; 2024-03-13
	Advisories []string
}

// CollateralOptions say what the collateral states and what is wrong with it. The zero value judges everything up to date, issued
// an hour before the authority's time for thirty days.
type CollateralOptions struct {
	Platform, Module, QE Judged

	Issue, Next       time.Time // of TCB info and QE identity
	QEIssue, QENext   time.Time // of the QE identity, where it is to differ
	CRLIssue, CRLNext time.Time // of both CRLs; Issue and Next
	RootCRLNext       time.Time // of the root's, where it is to differ
	Evaluation        uint32    // tcbEvaluationDataNumber; 17

	FMSPC            *[6]byte // another platform's TCB info
	PCEID            *[2]byte
	ModuleID         string // of the identity that judges the module; TDX_ and the major version
	ModuleSigner     Register
	ModuleAttributes [8]byte
	NoModules        bool // TCB info without module identities, as before TDX 1.5
	TCBInfoID        string
	QEID             string

	RevokePCK, RevokeCA, RevokeTCBSigner bool
	RevokeOthers                         int // entries of strangers in both CRLs

	// EditTCBInfo and EditQEIdentity change the JSON before it is signed: collateral that only a signer could make. What a
	// thief of the wire can do is done to the Collateral and the Answers afterwards.
	EditTCBInfo, EditQEIdentity func([]byte) []byte
}

// Collateral is what a verifier needs beside a quote, in the JSON form of dcap-qvl (QuoteCollateralV3).
type Collateral struct {
	PCKCRLIssuerChain     string `json:"pck_crl_issuer_chain"`
	RootCACRL             string `json:"root_ca_crl"` // DER in hexadecimal
	PCKCRL                string `json:"pck_crl"`     // DER in hexadecimal
	TCBInfoIssuerChain    string `json:"tcb_info_issuer_chain"`
	TCBInfo               string `json:"tcb_info"` // the exact JSON that is signed
	TCBInfoSignature      string `json:"tcb_info_signature"`
	QEIdentityIssuerChain string `json:"qe_identity_issuer_chain"`
	QEIdentity            string `json:"qe_identity"`
	QEIdentitySignature   string `json:"qe_identity_signature"`
}

// JSON is the collateral as a file.
func (c *Collateral) JSON() []byte {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // nine strings
	}
	return b
}

// Collateral makes what the authority says of the TD's platform and module.
func (t *TD) Collateral(o CollateralOptions) (*Collateral, error) {
	a := t.Platform.authority
	o.fill(a.at)
	tcb, err := t.tcbInfo(&o)
	if err != nil {
		return nil, err
	}
	qe, err := t.Platform.qeIdentity(&o)
	if err != nil {
		return nil, err
	}
	var rootRevokes, pckRevokes []x509.RevocationListEntry
	for i := range o.RevokeOthers {
		e := entry(big.NewInt(int64(1_000_000+i)), o.CRLIssue)
		rootRevokes, pckRevokes = append(rootRevokes, e), append(pckRevokes, e)
	}
	ca := t.Platform.ca()
	for _, r := range []struct {
		revoke bool
		list   *[]x509.RevocationListEntry
		serial *big.Int
	}{{o.RevokePCK, &pckRevokes, t.Platform.pck.cert.SerialNumber}, {o.RevokeCA, &rootRevokes, ca.cert.SerialNumber},
		{o.RevokeTCBSigner, &rootRevokes, a.tcb.cert.SerialNumber}} {
		if r.revoke {
			*r.list = append(*r.list, entry(r.serial, o.CRLIssue))
		}
	}
	rootCRL, err := crl(a.root, rootRevokes, o.CRLIssue, o.RootCRLNext)
	if err != nil {
		return nil, err
	}
	pckCRL, err := crl(ca, pckRevokes, o.CRLIssue, o.CRLNext)
	if err != nil {
		return nil, err
	}
	signers := string(encodePEM(a.tcb.cert, a.root.cert))
	return &Collateral{
		PCKCRLIssuerChain: string(encodePEM(ca.cert, a.root.cert)), RootCACRL: hex.EncodeToString(rootCRL), PCKCRL: hex.EncodeToString(pckCRL),
		TCBInfoIssuerChain: signers, TCBInfo: string(tcb), TCBInfoSignature: hex.EncodeToString(a.tcb.key.raw(tcb)),
		QEIdentityIssuerChain: signers, QEIdentity: string(qe), QEIdentitySignature: hex.EncodeToString(a.tcb.key.raw(qe)),
	}, nil
}

func (o *CollateralOptions) fill(at time.Time) {
	def(&o.Issue, at.Add(-time.Hour))
	def(&o.Next, at.Add(30*24*time.Hour))
	def(&o.QEIssue, o.Issue)
	def(&o.QENext, o.Next)
	def(&o.CRLIssue, o.Issue)
	def(&o.CRLNext, o.Next)
	def(&o.RootCRLNext, o.CRLNext)
	def(&o.Evaluation, 17)
	def(&o.TCBInfoID, "TDX")
	def(&o.QEID, "TD_QE")
	for _, j := range []*Judged{&o.Platform, &o.Module, &o.QE} {
		def(&j.Status, UpToDate)
		def(&j.Date, time.Date(2024, 3, 13, 0, 0, 0, 0, time.UTC))
	}
}

// The JSON of the PCS API v4, members in the order in which Intel writes them.
type (
	component struct {
		SVN      uint8  `json:"svn"`
		Category string `json:"category,omitempty"`
		Type     string `json:"type,omitempty"`
	}
	platformTCB struct {
		SGX    [16]component `json:"sgxtcbcomponents"`
		PCESVN uint16        `json:"pcesvn"`
		TDX    [16]component `json:"tdxtcbcomponents"`
	}
	svnTCB struct {
		ISVSVN uint16 `json:"isvsvn"`
	}
	level[T any] struct {
		TCB        T        `json:"tcb"`
		Date       string   `json:"tcbDate"`
		Status     Status   `json:"tcbStatus"`
		Advisories []string `json:"advisoryIDs,omitempty"`
	}
	module struct {
		ID             string          `json:"id,omitempty"`
		MRSigner       string          `json:"mrsigner"`
		Attributes     string          `json:"attributes"`
		AttributesMask string          `json:"attributesMask"`
		Levels         []level[svnTCB] `json:"tcbLevels,omitempty"`
	}
	tcbInfo struct {
		ID         string               `json:"id"`
		Version    int                  `json:"version"`
		Issue      string               `json:"issueDate"`
		Next       string               `json:"nextUpdate"`
		FMSPC      string               `json:"fmspc"`
		PCEID      string               `json:"pceId"`
		Type       int                  `json:"tcbType"`
		Evaluation uint32               `json:"tcbEvaluationDataNumber"`
		Module     module               `json:"tdxModule"`
		Modules    []module             `json:"tdxModuleIdentities,omitempty"`
		Levels     []level[platformTCB] `json:"tcbLevels"`
	}
	qeIdentity struct {
		ID             string          `json:"id"`
		Version        int             `json:"version"`
		Issue          string          `json:"issueDate"`
		Next           string          `json:"nextUpdate"`
		Evaluation     uint32          `json:"tcbEvaluationDataNumber"`
		MiscSelect     string          `json:"miscselect"`
		MiscSelectMask string          `json:"miscselectMask"`
		Attributes     string          `json:"attributes"`
		AttributesMask string          `json:"attributesMask"`
		MRSigner       string          `json:"mrsigner"`
		ProdID         uint16          `json:"isvprodid"`
		Levels         []level[svnTCB] `json:"tcbLevels"`
	}
)

// levels builds a list in which the component that has own meets the judgement: a newer level above it where it is not up to
// date, and nothing else where none is to match.
func levels[T any](j Judged, newer, own T) (out []level[T]) {
	if j.Status != UpToDate {
		out = append(out, level[T]{TCB: newer, Date: stamp(j.Date.Add(year)), Status: UpToDate})
	}
	if j.Status != NoLevel {
		out = append(out, level[T]{TCB: own, Date: stamp(j.Date), Status: j.Status, Advisories: j.Advisories})
	}
	return out
}

func (t *TD) tcbInfo(o *CollateralOptions) ([]byte, error) {
	p, m := &t.Platform.o, t.Measurements()
	own := platformTCB{PCESVN: p.PCESVN}
	for i := range own.SGX {
		own.SGX[i].SVN = p.CPUSVN[i]
		own.TDX[i].SVN = m.TeeTCBSVN[i]
	}
	own.TDX[1].SVN = 0 // as Intel writes it: modules above 0 have identities of their own
	if m.TeeTCBSVN[1] > 0 {
		own.TDX[0].SVN = 0
	}
	newer := own
	newer.SGX[7].SVN++ // late microcode: what hosts lack most often

	info := tcbInfo{
		ID: o.TCBInfoID, Version: 3, Issue: stamp(o.Issue), Next: stamp(o.Next), FMSPC: hexUpper(p.FMSPC[:]), PCEID: hexUpper(p.PCEID[:]),
		Evaluation: o.Evaluation, Module: module{MRSigner: hexUpper(o.ModuleSigner[:]), Attributes: hexUpper(o.ModuleAttributes[:]), AttributesMask: "FFFFFFFFFFFFFFFF"},
		Levels: levels(o.Platform, newer, own),
	}
	if o.FMSPC != nil {
		info.FMSPC = hexUpper(o.FMSPC[:])
	}
	if o.PCEID != nil {
		info.PCEID = hexUpper(o.PCEID[:])
	}
	if !o.NoModules {
		info.Modules = modules(o, info.Module, m.TeeTCBSVN)
	}
	return marshal(info, o.EditTCBInfo)
}

// modules are the identity of the TD's module and that of another one, which is to be passed over.
func modules(o *CollateralOptions, own module, svn [16]byte) []module {
	other := own
	other.ID, other.Levels = "TDX_7f", levels(Judged{Status: Revoked, Date: o.Module.Date}, svnTCB{2}, svnTCB{1})
	own.ID = fmt.Sprintf("TDX_%02x", max(svn[1], 1))
	if o.ModuleID != "" {
		own.ID = o.ModuleID
	}
	own.Levels = levels(o.Module, svnTCB{uint16(svn[0]) + 1}, svnTCB{uint16(svn[0])})
	return []module{other, own}
}

func (p *Platform) qeIdentity(o *CollateralOptions) ([]byte, error) {
	return marshal(qeIdentity{
		ID: o.QEID, Version: 2, Issue: stamp(o.QEIssue), Next: stamp(o.QENext), Evaluation: o.Evaluation,
		MiscSelect: "00000000", MiscSelectMask: "FFFFFFFF", Attributes: hexUpper(qeAttributes), AttributesMask: "FBFFFFFFFFFFFFFF0000000000000000",
		MRSigner: hexUpper(qeSigner), ProdID: qeProdID, Levels: levels(o.QE, svnTCB{p.o.QESVN + 1}, svnTCB{p.o.QESVN}),
	}, o.EditQEIdentity)
}

func marshal(v any, edit func([]byte) []byte) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("synthetic tdx: %w", err)
	}
	if edit != nil {
		b = edit(b)
	}
	return b, nil
}

func crl(by issuer, entries []x509.RevocationListEntry, issued, next time.Time) ([]byte, error) {
	der, err := x509.CreateRevocationList(noRandom{}, &x509.RevocationList{
		SignatureAlgorithm: x509.ECDSAWithSHA256, Number: big.NewInt(issued.Unix()), ThisUpdate: issued, NextUpdate: next, RevokedCertificateEntries: entries,
	}, by.cert, by.key)
	if err != nil {
		return nil, fmt.Errorf("synthetic tdx: crl of %q: %w", by.cert.Subject.CommonName, err)
	}
	return der, nil
}

func entry(serial *big.Int, at time.Time) x509.RevocationListEntry {
	return x509.RevocationListEntry{SerialNumber: serial, RevocationTime: at}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
func hexUpper(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }
