package agent

import (
	_ "embed"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
)

//go:embed openapi.yaml
var openAPI []byte

// route is one path, its one method, and who serves it.
type route struct {
	method, path string
	serve        func(*Frontend, http.ResponseWriter, *http.Request) error
}

// routeTable is the whole API; openapi.yaml says the same, held together by a test.
var routeTable = []route{
	{http.MethodGet, "/v1/identity", (*Frontend).serveIdentity},
	{http.MethodPost, "/v1/challenge", (*Frontend).serveChallenge},
	{http.MethodPost, "/v1/activate", (*Frontend).serveActivate},
	{http.MethodPost, "/v1/telemetry", (*Frontend).serveTelemetry},
	{http.MethodGet, "/healthz", (*Frontend).serveHealth},
	{http.MethodGet, "/readyz", (*Frontend).serveReady},
	{http.MethodGet, "/openapi.yaml", (*Frontend).serveOpenAPI},
}

// routes builds the handler: each refusal a problem document, counted.
func (f *Frontend) routes() http.Handler {
	byPath := map[string]route{}
	for _, rt := range routeTable {
		byPath[rt.path] = rt
	}
	known := strings.Join(slices.Sorted(maps.Keys(byPath)), ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		rt, found := byPath[r.URL.Path]
		var err error
		switch {
		case !found:
			rt.path, err = "other", refuse(attest.ProblemNotFound, "this node serves %s", known)
		case r.Method != rt.method && (r.Method != http.MethodHead || rt.method != http.MethodGet):
			h.Set("Allow", rt.method)
			err = refuse(attest.ProblemMethod, "use %s", rt.method)
		default:
			defer connectionOf(r.Context()).answered()
			err = rt.serve(f, w, r)
		}
		f.metrics.requests.WithLabelValues(rt.path, f.conclude(w, r, err)).Inc()
	})
}

// conclude writes the problem that err stands for and names the outcome.
func (f *Frontend) conclude(w http.ResponseWriter, r *http.Request, err error) string {
	switch {
	case err == nil:
		return outcomeAnswered
	case r.Context().Err() != nil:
		return outcomeGone
	}
	p := asRefusal(err)
	if p.Name == attest.ProblemInternal {
		f.log.Error("request failed", "path", r.URL.Path, "err", err)
	}
	writeProblem(w, p)
	return p.Name
}
