package enroll

import (
	"encoding/hex"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
)

// swtpmSAN is what swtpm_localca of swtpm 0.7.1 writes.
const swtpmSAN = "3046a444304231163014060567810502010c0b69643a303030303130313431" +
	"10300e060567810502020c05737774706d31163014060567810502030c0b69643a3230313931303233"

func san(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestIdentityReadsWhatSwtpmWrites(t *testing.T) {
	var id Identity
	if err := id.names(san(t, swtpmSAN)); err != nil {
		t.Fatal(err)
	}
	if want := (Identity{"id:00001014", "swtpm", "id:20191023"}); id != want {
		t.Errorf("%+v, want %+v", id, want)
	}
	if err := id.names(san(t, swtpmSAN)); err == nil {
		t.Error("the same attributes twice were accepted")
	}
}

func TestIdentityReadsAttributesInOneSet(t *testing.T) {
	// All three attributes in one relative name, as some makers write them.
	b := san(t, "3042a440303e313c3014060567810502010c0b69643a3439343635383030300e060567810502020c05534c423936301406056781050203"+"0c0b69643a3030303730303039")
	var id Identity
	if err := id.names(b); err != nil {
		t.Fatal(err)
	}
	if ClassOf(id) != ClassDiscrete || id.Model != "SLB96" {
		t.Errorf("%+v", id)
	}
}

func FuzzSubjectAltName(f *testing.F) {
	f.Add(san(f, swtpmSAN))
	f.Add([]byte{0x30, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var id Identity
		if id.names(b) != nil {
			return
		}
		for _, s := range []string{id.Manufacturer, id.Model, id.Version} {
			if s != attest.Clean(s) {
				t.Errorf("%q not fit to print", s)
			}
		}
		ClassOf(id)
	})
}
