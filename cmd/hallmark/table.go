package main

import (
	"os"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// newTable is the house's table: no frame, long cells wrapped.
func newTable() table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(os.Stdout)
	s := table.StyleLight
	s.Options = table.OptionsNoBordersAndSeparators
	s.Format.Header = text.FormatUpper
	s.Box.PaddingLeft, s.Box.PaddingRight = "", "  "
	t.SetStyle(s)
	t.SetColumnConfigs([]table.ColumnConfig{{Name: "SENTENCE", WidthMax: 80}, {Name: "WHY", WidthMax: 80}, {Name: "SEEN", WidthMax: 48}, {Name: "EXPECTED", WidthMax: 40}})
	return t
}
