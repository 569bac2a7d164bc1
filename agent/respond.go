package agent

import (
	"net/http"
	"strconv"

	"github.com/hallmark-attest/hallmark/attest"
)

// responseRest is attest.Response without the evidence.
type responseRest struct {
	Answer []byte                 `cbor:"2,keyasint"`
	Size   uint32                 `cbor:"3,keyasint"`
	Index  uint32                 `cbor:"4,keyasint"`
	Path   []attest.Digest        `cbor:"5,keyasint"`
	Logs   map[string]attest.Part `cbor:"6,keyasint"`
	Window *attest.Window         `cbor:"7,keyasint,omitempty"`
}

// responseHead is what stands before the evidence: a map of six, or of seven with a window, and the key 1.
func responseHead(r *attest.Response) []byte {
	if r.Window != nil {
		return []byte{0xa7, 0x01}
	}
	return []byte{0xa6, 0x01}
}

// encodeResponse returns what stands before and behind the evidence in the
// encoding of a response. A whole batch shares the evidence's bytes, which are most of it.
func encodeResponse(r *attest.Response) (head, tail []byte, err error) {
	tail, err = attest.Marshal(responseRest{r.Answer, r.Size, r.Index, r.Path, r.Logs, r.Window})
	if err != nil {
		return nil, nil, err
	}
	return appendHead(responseHead(r), 2, uint64(len(r.Evidence))), tail[1:], nil // without its own head, a map of five or six
}

// respond writes a response.
func respond(w http.ResponseWriter, r *http.Request, resp *attest.Response) error {
	head, tail, err := encodeResponse(resp)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", attest.TypeResponse)
	h.Set("Content-Length", strconv.Itoa(len(head)+len(resp.Evidence)+len(tail)))
	conn := connectionOf(r.Context())
	conn.gather()
	defer conn.send()
	for _, b := range [][]byte{head, resp.Evidence, tail} {
		if _, err := w.Write(b); err != nil {
			return nil // an asker who is gone is nobody's error
		}
	}
	_ = http.NewResponseController(w).Flush() // the same
	return nil
}
