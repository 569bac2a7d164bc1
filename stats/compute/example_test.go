package compute_test

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/stats/compute"
)

// Two questions, answered twice by a reference and by a node, embedded in one dimension.
func ExampleCenter_Score() {
	reference := compute.All([]compute.Cell{{{0}, {2}}, {{10}, {12}}})
	node := compute.All([]compute.Cell{{{0}, {2}}, {{12}, {14}}})
	center, err := compute.Anchor(reference)
	if err != nil {
		fmt.Println(err)
		return
	}
	t, questions, err := center.Score(node)
	fmt.Printf("T %.2f over %d questions, %v\n", t, questions, err)

	_, _, err = center.Score(compute.All([]compute.Cell{nil, nil}))
	fmt.Println(err)
	// Output:
	// T 1.00 over 2 questions, <nil>
	// the node answered none of the questions that can be compared
}
