package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// docsCommand writes man pages and completions; packages are built with it.
func docsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "gen-docs DIR", Short: "Write man pages and completions into a folder", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := args[0]
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			r := cmd.Root()
			r.DisableAutoGenTag = true
			if err := doc.GenManTree(r, &doc.GenManHeader{Title: "HALLMARK-AGENT", Section: "1", Source: "hallmark"}, dir); err != nil {
				return err
			}
			if err := r.GenBashCompletionFileV2(filepath.Join(dir, "hallmark-agent.bash"), true); err != nil {
				return err
			}
			if err := r.GenZshCompletionFile(filepath.Join(dir, "_hallmark-agent")); err != nil {
				return err
			}
			return r.GenFishCompletionFile(filepath.Join(dir, "hallmark-agent.fish"), true)
		},
	}
}
