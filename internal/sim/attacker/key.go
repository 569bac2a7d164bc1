package attacker

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"

	"github.com/google/go-tpm/tpm2"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/sign"
)

// keyTemplate is the public area of a signing key on P-256; restricted, it is that of an attestation key.
func keyTemplate(restricted bool) tpm2.TPMTPublic {
	return tpm2.TPMTPublic{
		Type: tpm2.TPMAlgECC, NameAlg: tpm2.TPMAlgSHA256,
		ObjectAttributes: tpm2.TPMAObject{FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true,
			UserWithAuth: true, NoDA: true, Restricted: restricted, SignEncrypt: true},
		Parameters: tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{
			Scheme: tpm2.TPMTECCScheme{Scheme: tpm2.TPMAlgECDSA, Details: tpm2.NewTPMUAsymScheme(
				tpm2.TPMAlgECDSA, &tpm2.TPMSSigSchemeECDSA{HashAlg: tpm2.TPMAlgSHA256})},
			CurveID: tpm2.TPMECCNistP256}),
	}
}

// softwareKey is an attestation key by its own word alone: the public area says that it lives in a TPM, and it does not.
type softwareKey struct {
	key    *ecdsa.PrivateKey
	public tpm2.TPMTPublic
	name   []byte
}

func newSoftwareKey() (*softwareKey, error) {
	key, err := sign.GenerateKey()
	if err != nil {
		return nil, err
	}
	point, err := key.PublicKey.Bytes() // 0x04 || X || Y
	if err != nil {
		return nil, err
	}
	k := &softwareKey{key: key, public: keyTemplate(true)}
	k.public.Unique = tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{
		X: tpm2.TPM2BECCParameter{Buffer: point[1:33]}, Y: tpm2.TPM2BECCParameter{Buffer: point[33:]}})
	name, err := tpm2.ObjectName(&k.public)
	if err != nil {
		return nil, err
	}
	k.name = name.Buffer
	return k, nil
}

func (k *softwareKey) Public() []byte { return tpm2.Marshal(k.public) }
func (k *softwareKey) Name() []byte   { return k.name }

// Quote invents a quote over registers of its choice.
func (k *softwareKey) Quote(qualifying attest.Digest) (tpm.Quote, error) {
	return inventQuote(k.name, qualifying, k.sign)
}

// sign signs as a TPM does: a TPMT_SIGNATURE over SHA-256.
func (k *softwareKey) sign(message []byte) ([]byte, error) {
	digest := sha256.Sum256(message)
	r, s, err := ecdsa.Sign(rand.Reader, k.key, digest[:])
	if err != nil {
		return nil, err
	}
	return tpm2.Marshal(tpm2.TPMTSignature{SigAlg: tpm2.TPMAlgECDSA, Signature: tpm2.NewTPMUSignature(tpm2.TPMAlgECDSA,
		&tpm2.TPMSSignatureECC{Hash: tpm2.TPMAlgSHA256, SignatureR: tpm2.TPM2BECCParameter{Buffer: r.FillBytes(make([]byte, 32))},
			SignatureS: tpm2.TPM2BECCParameter{Buffer: s.FillBytes(make([]byte, 32))}})}), nil
}

// qualifiedName is what a key of the endorsement hierarchy is called (TPM 2.0 Part 1, "Qualified Name").
func qualifiedName(name []byte) tpm2.TPM2BName {
	d := sha256.Sum256(append(tpm.EndorsementName(), name...))
	return tpm2.TPM2BName{Buffer: append([]byte{0, byte(tpm2.TPMAlgSHA256)}, d[:]...)}
}

// inventQuote makes a quote that no TPM made: well-formed, over this binding, with registers that nobody measured.
func inventQuote(name []byte, qualifying attest.Digest, sign func([]byte) ([]byte, error)) (tpm.Quote, error) {
	q := tpm.Quote{Bank: uint16(tpm2.TPMAlgSHA256), PCRs: map[uint][]byte{}}
	for _, i := range tpm.Selection() {
		v := sha256.Sum256([]byte{byte(i)})
		q.PCRs[i] = v[:]
	}
	q.Attest = tpm2.Marshal(tpm2.TPMSAttest{Magic: tpm2.TPMGeneratedValue, Type: tpm2.TPMSTAttestQuote,
		QualifiedSigner: qualifiedName(name), ExtraData: tpm2.TPM2BData{Buffer: qualifying[:]},
		ClockInfo: tpm2.TPMSClockInfo{Clock: 1000, ResetCount: 1, Safe: true}, FirmwareVersion: 1,
		Attested: tpm2.NewTPMUAttest(tpm2.TPMSTAttestQuote, &tpm2.TPMSQuoteInfo{
			PCRSelect: tpm2.TPMLPCRSelection{PCRSelections: []tpm2.TPMSPCRSelection{
				{Hash: tpm2.TPMAlgSHA256, PCRSelect: tpm2.PCClientCompatible.PCRs(tpm.Selection()...)}}},
			PCRDigest: tpm2.TPM2BDigest{Buffer: tpm.PCRDigest(q.PCRs)}})})
	var err error
	q.Signature, err = sign(q.Attest)
	return q, err
}
