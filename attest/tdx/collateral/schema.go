package collateral

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// The names of both schemas (PCS API version 4, "Get TDX TCB Info" and "Get TDX QE identity").
var schemaNames = []string{"id", "version", "issueDate", "nextUpdate", "fmspc", "pceId", "tcbType", "tcbEvaluationDataNumber",
	"tdxModule", "tdxModuleIdentities", "mrsigner", "attributes", "attributesMask", "tcbLevels", "tcb", "tcbDate", "tcbStatus",
	"advisoryIDs", "sgxtcbcomponents", "tdxtcbcomponents", "svn", "pcesvn", "isvsvn", "category", "type",
	"miscselect", "miscselectMask", "isvprodid"}

type tcbInfo struct {
	ID         string                `json:"id"`
	Version    int                   `json:"version"`
	Issued     time.Time             `json:"issueDate"`
	Next       time.Time             `json:"nextUpdate"`
	FMSPC      hexadecimal           `json:"fmspc"`
	PCEID      hexadecimal           `json:"pceId"`
	Type       *int                  `json:"tcbType"`
	Evaluation uint32                `json:"tcbEvaluationDataNumber"`
	Module     module                `json:"tdxModule"`
	Modules    []module              `json:"tdxModuleIdentities"`
	Levels     []level[platformSVNs] `json:"tcbLevels"`
}

type module struct {
	ID             string       `json:"id"`
	MRSigner       hexadecimal  `json:"mrsigner"`
	Attributes     hexadecimal  `json:"attributes"`
	AttributesMask hexadecimal  `json:"attributesMask"`
	Levels         []level[svn] `json:"tcbLevels"`
}

type qeIdentity struct {
	ID             string       `json:"id"`
	Version        int          `json:"version"`
	Issued         time.Time    `json:"issueDate"`
	Next           time.Time    `json:"nextUpdate"`
	Evaluation     uint32       `json:"tcbEvaluationDataNumber"`
	MiscSelect     hexadecimal  `json:"miscselect"`
	MiscSelectMask hexadecimal  `json:"miscselectMask"`
	Attributes     hexadecimal  `json:"attributes"`
	AttributesMask hexadecimal  `json:"attributesMask"`
	MRSigner       hexadecimal  `json:"mrsigner"`
	ProdID         *uint16      `json:"isvprodid"`
	Levels         []level[svn] `json:"tcbLevels"`
}

// level is one row of a list sorted by Intel, newest first.
type level[T any] struct {
	TCB        T         `json:"tcb"`
	Date       time.Time `json:"tcbDate"`
	Status     Status    `json:"tcbStatus"`
	Advisories []string  `json:"advisoryIDs"`
}

type platformSVNs struct {
	SGX    []component `json:"sgxtcbcomponents"`
	PCESVN *uint16     `json:"pcesvn"`
	TDX    []component `json:"tdxtcbcomponents"`
}

type component struct {
	SVN      *uint8 `json:"svn"`
	Category string `json:"category"`
	Type     string `json:"type"`
}

type svn struct {
	ISVSVN *uint16 `json:"isvsvn"`
}

// hexadecimal is bytes as Intel writes them, in either case.
type hexadecimal []byte

func (h *hexadecimal) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// decode reads a signed document after it was found strict. Members we do not know stay Intel's affair.
func decode(raw []byte, limit int, to any) error {
	if err := strict(raw, limit, schemaNames...); err != nil {
		return err
	}
	if err := json.Unmarshal(raw, to); err != nil {
		return fmt.Errorf("%w: %w", err, ErrMalformed)
	}
	return nil
}
