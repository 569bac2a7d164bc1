package census

import (
	"fmt"
	"slices"
	"strings"
)

// conflicts compares what the configuration declares with what was counted.
func (c *Census) conflicts() (out []Conflict) {
	k := c.Config
	if k == nil || c.Parameters == 0 {
		return nil
	}
	add := func(key, config, found string) {
		out = append(out, Conflict{Key: key, Config: config, Found: found})
	}
	if k.Experts != nil && c.Experts != nil && *k.Experts != c.Experts.Count {
		add("experts", fmt.Sprint(*k.Experts), fmt.Sprint(c.Experts.Count))
	}
	if p := c.Against(k.FileType); k.FileType != "" && (p.Verdict == Lower || p.Verdict == Higher) {
		add("file_type", k.FileType, c.mostly())
	}
	if c.Format == FormatGGUF {
		return out
	}
	packed := over(c.quantised(""), c.Parameters, TolerancePermille)
	switch {
	case k.Method == "" && packed:
		add("quant_method", "none", c.mostly())
	case k.Method != "" && c.quantised("") == 0 && c.UnknownTensors == 0:
		add("quant_method", k.Method, c.mostly())
	case packed && slices.Contains([]string{"gptq", "awq", "bitsandbytes", "mxfp4"}, strings.ToLower(k.Method)) && c.quantised(strings.ToLower(k.Method)) == 0:
		add("quant_method", k.Method, c.mostly())
	}
	if p := c.Against(k.DType); k.Method == "" && (p.Verdict == Lower || p.Verdict == Higher) {
		add("dtype", k.DType, c.mostly())
	}
	for _, t := range c.ByType {
		n, ok := strings.CutPrefix(t.Type, "int")
		if ok && k.Bits != nil && n != fmt.Sprint(*k.Bits) && over(t.Parameters, c.Parameters, TolerancePermille) {
			add("bits", fmt.Sprint(*k.Bits), t.Type)
		}
	}
	return out
}

// quantised are the parameters below 16 bits, of one scheme or, without a name, of all.
func (c *Census) quantised(scheme string) (n uint64) {
	for _, t := range c.ByType {
		if bits, _ := payloadBits(t.Type); bits < 16 && (scheme == "" || t.Scheme == scheme) {
			n += t.Parameters
		}
	}
	return n
}

// mostly names the type that most parameters have.
func (c *Census) mostly() string {
	if len(c.ByType) == 0 {
		return "nothing"
	}
	t := slices.MaxFunc(c.ByType, func(a, b TypeCount) int {
		if a.Parameters < b.Parameters {
			return -1
		}
		return 1
	})
	return fmt.Sprintf("%s (%s), %d permille", t.Type, t.Scheme, scale(t.Parameters, 1000, c.Parameters))
}
