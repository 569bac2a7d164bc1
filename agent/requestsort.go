package agent

import (
	"github.com/hallmark-attest/hallmark/attest"
)

// requestSort is a sort of request: what is admitted under which type, and by whom.
type requestSort struct {
	typ   string
	parse func([]byte) (signedRequest, []string, error)
	// open: an unlisted key may ask too, where the operator opened the agent.
	// Never for enrolment: it shows the endorsement key and costs two slow TPM commands.
	open bool
	// enrols: it takes from the rate of enrolments too.
	enrols bool
}

var challengeSort = requestSort{typ: attest.TypeChallenge, open: true, parse: func(b []byte) (signedRequest, []string, error) {
	c, err := attest.ParseChallenge(b)
	if err != nil {
		return nil, nil, challengeProblem(b, err)
	}
	return c, c.Profiles, nil
}}

var activateSort = requestSort{typ: attest.TypeActivate, enrols: true, parse: func(b []byte) (signedRequest, []string, error) {
	a, err := attest.ParseActivate(b)
	if err != nil {
		return nil, nil, lifeProblem(b, new(attest.Activate), err)
	}
	return a, a.Profiles, nil
}}

var telemetrySort = requestSort{typ: attest.TypeTelemetry, parse: func(b []byte) (signedRequest, []string, error) {
	q, err := attest.ParseTelemetryRequest(b)
	if err != nil {
		return nil, nil, lifeProblem(b, new(attest.TelemetryRequest), err)
	}
	return q, q.Profiles, nil
}}

// challengeProblem finds the problem's name for a challenge that did not parse.
func challengeProblem(b []byte, err error) error {
	var c attest.Challenge
	if attest.Unmarshal(b, &c, attest.MaxRequestSize) == nil {
		for _, k := range c.Kinds {
			if !k.Known() {
				return refuse(attest.ProblemUnsupported, "%v", err)
			}
		}
	}
	return lifeProblem(b, new(attest.Challenge), err)
}

// lifeProblem tells a life over the limit from everything else.
func lifeProblem(b []byte, v signedRequest, err error) error {
	if attest.Unmarshal(b, v, attest.MaxRequestSize) == nil {
		if q := v.Request(); q.Expires > q.Issued && q.Expires-q.Issued > attest.MaxLifeMillis {
			return refuse(attest.ProblemLife, "%v", err)
		}
	}
	return refuse(attest.ProblemMalformed, "%v", err)
}
