package enroller_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"crypto"

	"github.com/google/go-tpm/tpm2"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/sign"
	"github.com/hallmark-attest/hallmark/verify/client"
)

// node is a host whose TPM is made of software keys: it has the structures of a real one and, since a test holds its
// keys, can be made to lie at any step.
type node struct {
	t         testing.TB
	validator *ecdsa.PrivateKey
	tls       *ecdsa.PrivateKey
	evidence  *ecdsa.PrivateKey
	ak, ek    *ecdsa.PrivateKey
	public    tpm2.TPMTPublic // of the AK
	maker     *maker
	parent    tpm2.TPMHandle
	nonces    map[attest.Nonce]bool
	quoting   bool // answers challenges with a TPM quote

	// Hooks, in the order in which an enrolment passes them.
	identity   func(*attest.Identity)
	attested   func(*tpm2.TPMSAttest)
	parameters func(*attest.Parameters)
	certified  func(*x509.Certificate)
	raw        func([]byte) []byte // every answer to an activation request
	secret     func([]byte) []byte
	problem    string // answers step "activate"
	bound      func(*attest.Bound)
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := sign.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func newNode(t testing.TB) *node {
	n := &node{t: t, validator: newKey(t), tls: newKey(t), evidence: newKey(t), ak: newKey(t), ek: newKey(t), maker: newMaker(t),
		parent: tpm2.TPMRHEndorsement, nonces: map[attest.Nonce]bool{}}
	raw := must[[]byte](t)(n.ak.PublicKey.Bytes())
	n.public = tpm2.TPMTPublic{Type: tpm2.TPMAlgECC, NameAlg: tpm2.TPMAlgSHA256,
		ObjectAttributes: tpm2.TPMAObject{FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true, UserWithAuth: true, Restricted: true, SignEncrypt: true},
		Parameters: tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{CurveID: tpm2.TPMECCNistP256, Scheme: tpm2.TPMTECCScheme{
			Scheme: tpm2.TPMAlgECDSA, Details: tpm2.NewTPMUAsymScheme(tpm2.TPMAlgECDSA, &tpm2.TPMSSigSchemeECDSA{HashAlg: tpm2.TPMAlgSHA256})}}),
		Unique: tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{X: tpm2.TPM2BECCParameter{Buffer: raw[1:33]}, Y: tpm2.TPM2BECCParameter{Buffer: raw[33:]}})}
	return n
}

func (n *node) name() []byte {
	return must[*tpm2.TPM2BName](n.t)(tpm2.ObjectName(&n.public)).Buffer
}

func (n *node) ueid() attest.UEID {
	if n.ak == nil {
		return attest.UEIDFromKey(must[attest.Digest](n.t)(attest.KeyDigest(&n.evidence.PublicKey)))
	}
	return attest.UEIDFromAK(n.name())
}

// serve starts the node and returns a client of it.
func (n *node) serve() *client.Client {
	n.t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/identity", n.onIdentity)
	mux.HandleFunc("POST /v1/activate", n.onActivate)
	mux.HandleFunc("POST /v1/challenge", n.onChallenge)
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der := must[[]byte](n.t)(x509.CreateCertificate(rand.Reader, template, template, &n.tls.PublicKey, n.tls))
	s := httptest.NewUnstartedServer(mux)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: n.tls}}}
	s.StartTLS()
	n.t.Cleanup(s.Close)
	c := must[*client.Client](n.t)(client.New(s.URL, nil))
	n.t.Cleanup(c.Close)
	return c
}

func (n *node) onIdentity(w http.ResponseWriter, _ *http.Request) {
	id := attest.Identity{Profile: attest.Profile, UEID: n.ueid().String(), TPM: n.ak != nil}
	if n.identity != nil {
		n.identity(&id)
	}
	_ = json.NewEncoder(w).Encode(id)
}

// onActivate judges the request as an agent would: a validator that asks wrongly would fail on every honest node.
func (n *node) onActivate(w http.ResponseWriter, r *http.Request) {
	a, err := n.request(r)
	if err != nil {
		n.t.Errorf("activation request: %v", err)
		return
	}
	var answer any
	if a.Step == attest.StepParameters {
		answer = n.offer()
	} else {
		secret, err := n.open(a)
		if n.problem == "" && err != nil {
			n.problem = attest.ProblemActivation
		}
		if n.problem != "" {
			w.Header().Set("Content-Type", attest.TypeProblem)
			w.WriteHeader(http.StatusUnprocessableEntity)
			_ = json.NewEncoder(w).Encode(attest.Problem{Type: attest.ProblemBase + n.problem, Title: "refused"})
			return
		}
		if n.secret != nil {
			secret = n.secret(secret)
		}
		answer = attest.Activated{Secret: secret}
	}
	b := must[[]byte](n.t)(attest.Marshal(answer))
	if n.raw != nil {
		b = n.raw(b)
	}
	_, _ = w.Write(b)
}

func (n *node) request(r *http.Request) (*attest.Activate, error) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	msg, err := sign.Open(b, attest.TypeActivate, attest.MaxRequestSize)
	if err != nil {
		return nil, err
	}
	payload, err := msg.Verify(&n.validator.PublicKey)
	if err != nil {
		return nil, err
	}
	a, err := attest.ParseActivate(payload)
	if err != nil {
		return nil, err
	}
	now := uint64(time.Now().UnixMilli())
	if a.Issued > now || a.Expires <= now || n.nonces[a.Nonce] || a.Profiles[0] != attest.Profile {
		return nil, errors.New("not valid now, or its nonce was used")
	}
	n.nonces[a.Nonce] = true
	return a, nil
}

// offer is what a TPM with one P-256 endorsement key and its certificate says about itself.
func (n *node) offer() attest.Parameters {
	t := n.t
	data := tpm2.Marshal(tpm2.TPMSCreationData{ParentNameAlg: tpm2.TPMAlgNull, ParentName: tpm2.HandleName(n.parent), ParentQualifiedName: tpm2.HandleName(n.parent)})
	hash, qualified := sha256.Sum256(data), sha256.Sum256(append(tpm.EndorsementName(), n.name()...))
	a := tpm2.TPMSAttest{Magic: tpm2.TPMGeneratedValue, Type: tpm2.TPMSTAttestCreation, QualifiedSigner: tpm2.TPM2BName{Buffer: append([]byte{0, 0x0b}, qualified[:]...)},
		Attested: tpm2.NewTPMUAttest(tpm2.TPMSTAttestCreation, &tpm2.TPMSCreationInfo{ObjectName: tpm2.TPM2BName{Buffer: n.name()}, CreationHash: tpm2.TPM2BDigest{Buffer: hash[:]}})}
	if n.attested != nil {
		n.attested(&a)
	}
	attested := tpm2.Marshal(a)
	p := attest.Parameters{AK: tpm2.Marshal(n.public), CreationData: data, CreationAttest: attested, CreationSigning: n.signed(attested),
		EKs: []attest.EKOffer{{Template: "L-2", Key: must[[]byte](t)(x509.MarshalPKIXPublicKey(&n.ek.PublicKey)), Certificate: n.maker.certify(t, &n.ek.PublicKey, n.certified)}}}
	if n.parameters != nil {
		n.parameters(&p)
	}
	return p
}

// signed is the AK's signature over a structure.
func (n *node) signed(b []byte) []byte {
	digest := sha256.Sum256(b)
	r, s, err := ecdsa.Sign(rand.Reader, n.ak, digest[:])
	if err != nil {
		n.t.Fatal(err)
	}
	return tpm2.Marshal(tpm2.TPMTSignature{SigAlg: tpm2.TPMAlgECDSA, Signature: tpm2.NewTPMUSignature(tpm2.TPMAlgECDSA, &tpm2.TPMSSignatureECC{Hash: tpm2.TPMAlgSHA256,
		SignatureR: tpm2.TPM2BECCParameter{Buffer: r.Bytes()}, SignatureS: tpm2.TPM2BECCParameter{Buffer: s.Bytes()}})})
}

// open is TPM2_ActivateCredential for a P-256 key (Part 1, "Credential Protection", annex C.6.1): it fails for a
// credential that was made for another Name or another endorsement key.
func (n *node) open(a *attest.Activate) ([]byte, error) {
	point, err := tpm2.Unmarshal[tpm2.TPMSECCPoint](a.Secret)
	if err != nil {
		return nil, err
	}
	peer, err := ecdh.P256().NewPublicKey(append(append([]byte{4}, point.X.Buffer...), point.Y.Buffer...))
	if err != nil {
		return nil, err
	}
	own, err := n.ek.ECDH()
	if err != nil {
		return nil, err
	}
	z, err := own.ECDH(peer)
	if err != nil {
		return nil, err
	}
	seed := tpm2.KDFe(crypto.SHA256, z, "IDENTITY", point.X.Buffer, own.PublicKey().Bytes()[1:33], 256)
	mac, encrypted := a.Credential[2:34], a.Credential[34:]
	h := hmac.New(sha256.New, tpm2.KDFa(crypto.SHA256, seed, "INTEGRITY", nil, nil, 256))
	h.Write(encrypted)
	h.Write(n.name())
	if !hmac.Equal(h.Sum(nil), mac) {
		return nil, errors.New("TPM_RC_INTEGRITY")
	}
	block, err := aes.NewCipher(tpm2.KDFa(crypto.SHA256, seed, "STORAGE", n.name(), nil, 128))
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(encrypted))
	//lint:ignore SA1019 credentials are protected in CFB mode (TPM 2.0 Part 1, "Credential Protection")
	cipher.NewCFBDecrypter(block, make([]byte, aes.BlockSize)).XORKeyStream(plain, encrypted)
	return plain[2:], nil
}

// maker certifies endorsement keys.
type maker struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newMaker(t testing.TB) *maker {
	m := &maker{key: newKey(t)}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "maker"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	der := must[[]byte](t)(x509.CreateCertificate(rand.Reader, c, c, &m.key.PublicKey, m.key))
	m.cert = must[*x509.Certificate](t)(x509.ParseCertificate(der))
	return m
}

// subject names an Infineon SLB96 as its maker would: one directory name with the three attributes.
const subject = "3042a440303e313c3014060567810502010c0b69643a3439343635383030300e060567810502020c05534c42393630140605678105020" + "30c0b69643a3030303730303039"

func (m *maker) certify(t testing.TB, key any, change func(*x509.Certificate)) []byte {
	san := must[[]byte](t)(hex.DecodeString(subject))
	c := &x509.Certificate{SerialNumber: big.NewInt(0x51), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageKeyAgreement,
		UnknownExtKeyUsage: []asn1.ObjectIdentifier{{2, 23, 133, 8, 1}}, BasicConstraintsValid: true,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Critical: true, Value: san}}}
	if change != nil {
		change(c)
	}
	return must[[]byte](t)(x509.CreateCertificate(rand.Reader, c, m.cert, key, m.key))
}
