package main

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// docsCommand writes man pages; packages are built with it.
func docsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "gen-docs DIR", Short: "Write man pages into a folder", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			r := cmd.Root()
			r.DisableAutoGenTag = true
			return doc.GenManTree(r, &doc.GenManHeader{Title: "HALLMARK", Section: "1", Source: "hallmark"}, args[0])
		},
	}
}
