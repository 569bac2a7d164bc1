package modelsig

import "testing"

// The worked example of the DSSE protocol, version 1.0.
func TestPrefixIsThatOfTheProtocol(t *testing.T) {
	body := "hello world"
	want := "DSSEv1 29 http://example.com/HelloWorld 11 hello world"
	if got := prefix("http://example.com/HelloWorld", []byte(body)) + body; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
