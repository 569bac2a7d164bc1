package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// group is a command that is nothing without one of its own: named wrongly, that is bad usage. Cobra would print help and succeed.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	var names []string
	for _, s := range subs {
		names = append(names, s.Name())
	}
	cmd := &cobra.Command{
		Use: use, Short: short,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return fmt.Errorf("unknown command %q for %q, want %s\n%s", args[0], cmd.CommandPath(), strings.Join(names, " or "), strings.TrimSpace(cmd.UsageString()))
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(subs...)
	return cmd
}
