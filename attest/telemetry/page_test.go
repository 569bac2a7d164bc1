package telemetry_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

var update = flag.Bool("update", false, "write the generated part of docs/kinds/telemetry.md")

func TestPageListsEveryField(t *testing.T) {
	const page = "../../docs/kinds/telemetry.md"
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), "-update` -->\n")
	_, after, ok2 := strings.Cut(rest, "<!-- end of fields -->")
	if !ok || !ok2 {
		t.Fatal("the page has no marks")
	}
	var table strings.Builder
	table.WriteString("| number | name | sort | read | source |\n|---|---|---|---|---|\n")
	last := telemetry.Field(0)
	for _, f := range telemetry.Fields() {
		if f.Field <= last || f.Field >= 1000 {
			t.Errorf("field %d behind %d", f.Field, last)
		}
		last = f.Field
		often := "each sweep"
		if f.Minute {
			often = "each minute"
		}
		fmt.Fprintf(&table, "| %d | `%s` | %s | %s | %s |\n", f.Field, f.Name, f.Sort, often, f.Source)
	}
	want := before + "-update` -->\n" + table.String() + "<!-- end of fields -->" + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(b) {
		t.Error("docs/kinds/telemetry.md does not list the fields: go test ./attest/telemetry -run TestPageListsEveryField -update")
	}
}

func TestFieldNames(t *testing.T) {
	names := map[string]bool{}
	for _, f := range telemetry.Fields() {
		if names[f.Name] || f.Field.String() != f.Name {
			t.Errorf("field %d is called %s, and %s", f.Field, f.Name, f.Field)
		}
		names[f.Name] = true
	}
	if got := telemetry.LinkField(3, telemetry.NVLinkSent).String(); got != "link[3].nvlink_sent_kib" {
		t.Error(got)
	}
	if got := telemetry.Field(999).String(); got != "field-999" {
		t.Error(got)
	}
}
