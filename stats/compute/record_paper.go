package compute

import "github.com/hallmark-attest/hallmark/stats"

const paperNote = "not a threshold: the same model scores 16 to 23 against itself at n = 5, z = 768; it grows with the square root of the dimensions"

// paper adds the numbers of arXiv 2504.13443: against the reference, or the mean of the other nodes.
func (r *run) paper(res *stats.Result, d *domainCells, i int) {
	other, note := d.ref, "against the reference"
	if d.pooled == nil {
		other, note = others(d.moments, d.total, i), "against the mean of the other nodes' mean points"
	}
	p, err := NewPaper(d.moments[i], other)
	if err != nil {
		p = &Paper{}
	}
	put(res, "d_ave", p.DAve, err).Note = note
	put(res, "d_max", p.DMax, err)
	put(res, "noise_distance", p.NoiseDistance, err).Note = "what d_ave would be for one model, from scatter alone"
	ratio, ratioErr := 0.0, err
	if err == nil {
		ratio, ratioErr = p.Ratio()
	}
	put(res, "sigma", p.Sigma, err)
	put(res, "sigma_max", p.SigmaMax, err)
	put(res, "d_over_sigma_max", ratio, ratioErr).Note = paperNote
	zero := 0
	for k := range res.Stats {
		switch s := &res.Stats[k]; s.Name {
		case "t":
			continue
		case "sigma", "sigma_max", "d_over_sigma_max":
			s.Convention, s.DDof = stats.PerDimRMS, &zero
			fallthrough
		default:
			s.N = p.Questions
		}
	}
}
