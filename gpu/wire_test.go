package gpu

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
)

func TestReadRejectsBrokenFrames(t *testing.T) {
	frame := func(v any) string {
		var b bytes.Buffer
		if err := WriteFrame(&b, v, MaxReplySize); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	good := frame(Reply{ID: 1, Result: []byte{1}})
	for want, in := range map[string]string{
		"unexpected EOF": good[:len(good)-1],
		"length":         good[:2],
		"limit 4194304":  "\xff\xff\xff\xff",
		"neither result": frame(Reply{ID: 1}),
		"unknown reason": frame(Reply{ID: 1, Error: &ReplyError{Reason: "tired"}}),
		"or both":        frame(Reply{ID: 1, Result: []byte{1}, Error: &ReplyError{Reason: attest.Failed}}),
		"detail of":      frame(Reply{ID: 1, Error: &ReplyError{Reason: attest.Failed, Detail: strings.Repeat("x", attest.MaxDetail+1)}}),
		"unknown field":  frame(map[string]int{"id": 1, "more": 2}),
	} {
		if _, err := ReadReply(strings.NewReader(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
	if _, err := ReadRequest(strings.NewReader("")); err != io.EOF {
		t.Errorf("end of stream: %v", err)
	}
	if _, err := ReadRequest(strings.NewReader(frame(Request{Method: strings.Repeat("m", MaxMethod+1)}))); err == nil {
		t.Error("a long method was accepted")
	}
	if err := WriteFrame(io.Discard, Reply{Result: make([]byte, 100)}, 50); err == nil {
		t.Error("a frame over the limit was written")
	}
	old, err := attest.Marshal(Hello{Protocol: Protocol + 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseHello(old); err == nil || !strings.Contains(err.Error(), "different releases") {
		t.Errorf("hello of another protocol: %v", err)
	}
}
