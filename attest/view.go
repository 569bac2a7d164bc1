package attest

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"unicode/utf16"

	"github.com/fxamacker/cbor/v2"
)

// Names gives the integer keys of one document's map a name for people.
type Names map[int64]string

// The keys of docs/format.md.
var (
	NodeNames      = Names{1: "profile", 2: "ueid", 3: "enrolled_ms", 4: "trust", 5: "tpm", 6: "node_key", 7: "signer", 8: "td"}
	ReferenceNames = Names{1: "version", 2: "created_ms", 3: "models", 4: "executables", 5: "boots", 6: "measured"}
	ChallengeNames = Names{1: "profiles", 2: "nonce", 3: "issued_ms", 4: "expires_ms", 5: "audience", 6: "kinds", 7: "window", 8: "blocks", 10: "logs"}
	BoundNames     = Names{6: "iat", 8: "cnf", 10: "eat_nonce", 256: "ueid", 266: "submods", 270: "swname", 271: "swversion",
		273: "measurements", -65539: "tls_key", -65540: "inputs", -65541: "absent", -65542: "class"}
	NoNames = Names{}
)

// View turns deterministic CBOR into a JSON view for people: byte strings in
// hex, integer keys named. It is marked as a view by where it stands; nothing reads it back.
func View(b []byte, n Names) (json.RawMessage, error) {
	var v any
	if err := Unmarshal(b, &v, MaxRecordSize); err != nil {
		return nil, err
	}
	out, err := json.Marshal(viewValue(v, n))
	return asciiJSON(out), err
}

// asciiJSON escapes everything beyond ASCII: control and formatting characters
// in hostile strings must not reach a terminal.
func asciiJSON(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for _, r := range string(b) {
		switch {
		case r < 0x7f:
			out = append(out, byte(r))
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, hi, lo)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}

func viewValue(v any, n Names) any {
	switch v := v.(type) {
	case []byte:
		return hex.EncodeToString(v)
	case cbor.ByteString:
		return hex.EncodeToString([]byte(v))
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = viewValue(v[i], NoNames)
		}
		return out
	case map[any]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[viewKey(k, n)] = viewValue(e, NoNames)
		}
		return out
	}
	return v
}

func viewKey(k any, n Names) string {
	var i int64
	switch k := k.(type) {
	case string:
		return k
	case uint64:
		i = int64(k)
	case int64:
		i = k
	default:
		return fmt.Sprint(k)
	}
	if s, ok := n[i]; ok {
		return s
	}
	return fmt.Sprint(i)
}
