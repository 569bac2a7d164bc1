package census_test

import (
	"context"
	"fmt"

	"github.com/hallmark-attest/hallmark/engine/census"
)

// A model is declared as bf16, and its files hold 4-bit weights.
func Example() {
	files := []census.File{
		model("BF16", gptq(4, true)...).file("model.safetensors"),
		text("config.json", `{"torch_dtype":"bfloat16"}`),
	}
	c, absent := census.Read(context.Background(), files)
	for _, t := range c.ByType {
		fmt.Println(t.Type, t.Scheme, t.Parameters, t.StorageBytes, t.MilliBits)
	}
	p := c.Against("bf16")
	fmt.Println(p.Verdict, p.BelowPermille, p.Why)
	fmt.Println(len(absent), c.Conflicts[0].Key, c.Conflicts[0].Config, c.Conflicts[0].Found)
	// Output:
	// bf16 none 8704 17408 16000
	// int4 gptq 524288 274432 4187
	// lower 983 524288 of 532992 parameters are below bf16, mostly int4 (gptq)
	// 0 dtype bfloat16 int4 (gptq), 983 permille
}
