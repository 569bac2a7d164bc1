package agent

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are the front end's own. Labels come from closed sets: nobody outside can make a series.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	evidence *prometheus.HistogramVec
	batch    prometheus.Histogram
}

// Outcomes of a request that are no problem names.
const (
	outcomeAnswered = "answered"
	outcomeGone     = "asker-gone"
)

func newMetrics(f *Frontend) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hallmark_requests_total",
			Help: "Requests by route and outcome: answered, asker-gone or the name of the problem."}, []string{"route", "outcome"}),
		evidence: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "hallmark_evidence_seconds",
			Help: "Time to read fast claims, bind and quote.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 14)}, []string{"outcome"}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "hallmark_batch_challenges",
			Help: "Challenges answered by one piece of evidence.", Buckets: prometheus.ExponentialBuckets(1, 2, 13)}),
	}
	m.registry.MustRegister(m.requests, m.evidence, m.batch,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		gauge("hallmark_used_nonces", "Nonces remembered until they expire.", func() float64 { return float64(f.used.Len()) }),
		gauge("hallmark_listed_validators", "Public keys listed under validators.keys.", func() float64 { return float64(f.keys.Len()) }),
		gauge("hallmark_queued_challenges", "Challenges waiting for evidence.", func() float64 { return float64(f.batch.len()) }))
	return m
}

func gauge(name, help string, f func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f)
}

// observeBatch is told about each piece of evidence.
func (m *metrics) observeBatch(size int, took time.Duration, err error) {
	outcome := outcomeAnswered
	if err != nil {
		outcome = asRefusal(err).Name
	}
	m.evidence.WithLabelValues(outcome).Observe(took.Seconds())
	m.batch.Observe(float64(size))
}

func (m *metrics) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}

func (b *batcher) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.queue.count
}
