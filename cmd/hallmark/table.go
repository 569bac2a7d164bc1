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
	t.SetColumnConfigs([]table.ColumnConfig{wrap("SENTENCE", 80), wrap("WHY", 72), wrap("SEEN", 48), wrap("HONEST", 60), wrap("READS", 40), wrap("SOURCE", 80), wrap("FOR", 40), wrap("AGAINST", 40), wrap("SHOWN", 40)})
	return t
}

func wrap(name string, width int) table.ColumnConfig {
	return table.ColumnConfig{Name: name, WidthMax: width, WidthMaxEnforcer: text.WrapSoft}
}
