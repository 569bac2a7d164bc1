package stats_test

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/stats"
)

// A ratio that does not say what sigma it is in units of is refused.
func ExampleParse() {
	_, err := stats.Parse([]byte(`{
		"schema": "stat-result/v1", "id": "1", "method": {"name": "gaia-avs", "version": "1"}, "subject": {"node_id": "n1"}, "epoch": {"id": "1"},
		"reference": {"kind": "peers"}, "sample": {"questions": 20, "repeats": 5}, "embedding": {"embedder": "nomic-embed-text-v1.5", "dimensions": 768},
		"stats": [{"name": "d_over_sigma_max", "value": 32.5, "unit": "1", "direction": "high_bad"}],
		"decision": "inlier"}`))
	fmt.Println(err)
	// Output: stat-result: stats.d_over_sigma_max: convention missing: say per_dim_rms or total_rms; they differ by the square root of the dimensions (28 at 768)
}
