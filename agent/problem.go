package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// Refusal is a reason that the asker is told, as an RFC 9457 problem document.
type Refusal struct {
	Name   string // one of attest.Problem*
	Detail string
	Retry  time.Duration // for 429 and 503; at least one second is sent
}

func (r *Refusal) Error() string { return r.Name + ": " + r.Detail }

// refuse makes a Refusal. The detail never repeats more of the request than a short, quoted piece.
func refuse(name, format string, args ...any) *Refusal {
	return &Refusal{Name: name, Detail: fmt.Sprintf(format, args...)}
}

// unavailable refuses because evidence cannot be made now; the step and its error are told.
func unavailable(step string, err error) *Refusal {
	return &Refusal{Name: attest.ProblemUnavailable, Detail: step + ": " + err.Error(), Retry: 5 * time.Second}
}

// problem is what a name means in HTTP.
type problem struct {
	status int
	title  string
}

// problems is the table of docs/format.md section "Problem documents".
var problems = map[string]problem{
	attest.ProblemMalformed:   {http.StatusBadRequest, "The request is not one encoding of a signed document"},
	attest.ProblemTooLarge:    {http.StatusRequestEntityTooLarge, "The request is over its size limit"},
	attest.ProblemMediaType:   {http.StatusUnsupportedMediaType, "The content type is not that of this request"},
	attest.ProblemUnknownKey:  {http.StatusForbidden, "The signing key is not that of a listed validator"},
	attest.ProblemSignature:   {http.StatusForbidden, "The signature does not verify"},
	attest.ProblemAudience:    {http.StatusForbidden, "The request is addressed to another node"},
	attest.ProblemProfile:     {http.StatusNotAcceptable, "No acceptable profile"},
	attest.ProblemNotYet:      {http.StatusForbidden, "The request was issued in the future"},
	attest.ProblemExpired:     {http.StatusForbidden, "The request has expired"},
	attest.ProblemLife:        {http.StatusBadRequest, "The request lives too long"},
	attest.ProblemReplayed:    {http.StatusConflict, "This key's nonce was used before"},
	attest.ProblemRate:        {http.StatusTooManyRequests, "Too many requests"},
	attest.ProblemBusy:        {http.StatusServiceUnavailable, "The node is busy"},
	attest.ProblemNoTPM:       {http.StatusConflict, "This node has no attestation key"},
	attest.ProblemActivation:  {http.StatusUnprocessableEntity, "The TPM refused the credential"},
	attest.ProblemUnavailable: {http.StatusServiceUnavailable, "Evidence could not be made"},
	attest.ProblemNotFound:    {http.StatusNotFound, "Not found"},
	attest.ProblemMethod:      {http.StatusMethodNotAllowed, "The method is not allowed here"},
	attest.ProblemStopping:    {http.StatusServiceUnavailable, "The node is shutting down"},
	attest.ProblemInternal:    {http.StatusInternalServerError, "Internal error"},
	attest.ProblemTimeout:     {http.StatusGatewayTimeout, "No answer before the deadline"},
	attest.ProblemUnsupported: {http.StatusUnprocessableEntity, "A wanted kind is not supported"},
}

// asRefusal is what the asker is told about err: unknown errors stay inside.
func asRefusal(err error) *Refusal {
	var r *Refusal
	if errors.As(err, &r) && problems[r.Name].status != 0 {
		return r
	}
	return refuse(attest.ProblemInternal, "see the node's log")
}

// writeProblem answers with a problem document.
func writeProblem(w http.ResponseWriter, r *Refusal) {
	p := problems[r.Name]
	body, err := json.Marshal(attest.Problem{Type: attest.ProblemBase + r.Name, Title: p.title, Status: p.status, Detail: attest.Clean(r.Detail)})
	if err != nil || len(body) > attest.MaxProblemSize {
		body = nil
	}
	h := w.Header()
	h.Set("Content-Type", attest.TypeProblem)
	if p.status == http.StatusTooManyRequests || p.status == http.StatusServiceUnavailable {
		seconds := max(1, int((r.Retry+time.Second-1)/time.Second))
		h.Set("Retry-After", strconv.Itoa(seconds))
	}
	w.WriteHeader(p.status)
	_, _ = w.Write(body) // the asker may be gone; there is nobody else to tell
}
