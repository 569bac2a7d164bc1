package census

import (
	"fmt"
	"strings"
)

// Text is the census for people: parameters, then the share of each type. Lines end with a newline.
func (c *Census) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "parameters %d", c.Parameters)
	if c.ActiveParameters != nil && *c.ActiveParameters != c.Parameters {
		fmt.Fprintf(&b, ", %d of them active", *c.ActiveParameters)
	}
	fmt.Fprintf(&b, "  (%s, %d files, %d tensors)\n", c.Format, c.Files, c.Tensors)
	for _, t := range c.ByType {
		if t.Parameters == 0 {
			continue
		}
		share := scale(t.Parameters, 1000, c.Parameters)
		fmt.Fprintf(&b, "  %3d.%d %%  %-10s %-18s %2d.%03d bits each  %d parameters\n", share/10, share%10, t.Type, t.Scheme, t.MilliBits/1000, t.MilliBits%1000, t.Parameters)
	}
	if c.UnknownTensors > 0 {
		fmt.Fprintf(&b, "  not counted: %d tensors with %d bytes in a packing that is not known\n", c.UnknownTensors, c.UnknownBytes)
	}
	if c.IgnoredFiles > 0 {
		fmt.Fprintf(&b, "  not counted: %d weight files that are no part of it: %s\n", c.IgnoredFiles, strings.Join(c.Ignored, ", "))
	}
	for _, x := range c.Conflicts {
		fmt.Fprintf(&b, "  %s: the configuration says %s, found %s\n", x.Key, x.Config, x.Found)
	}
	return b.String()
}
