package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(args []string, in io.Reader, out, errs io.Writer) int {
	flags := flag.NewFlagSet("hallmark-gpuprobe", flag.ContinueOnError)
	flags.SetOutput(errs)
	path := flags.String("library", "libnvidia-ml.so.1", "name or path of NVIDIA's management library")
	printVersion := flags.Bool("version", false, "print the version and end")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return 2
	}
	if *printVersion {
		fmt.Fprintln(out, "hallmark-gpuprobe", buildVersion())
		return 0
	}
	s := &server{library: newLibrary(*path), path: *path}
	defer s.library.close()
	if err := s.serve(in, out); err != nil {
		fmt.Fprintln(errs, "hallmark-gpuprobe:", err)
		return 1
	}
	return 0
}

// version is set by the linker.
var version = "devel"

// buildVersion is the linker's version, or the module's as the go command stamped it.
func buildVersion() string {
	if version != "devel" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}
