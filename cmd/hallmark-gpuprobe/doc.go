// Command hallmark-gpuprobe is the only part of hallmark that loads NVIDIA's
// library, and the only one that needs cgo. The agent runs it as a long-lived
// child: it reads one request at a time on stdin, answers on stdout, ends at EOF.
//
// It is a process of its own because the library can take its process with it: a
// call that the installed release lacks ends the process (exit 127, "symbol lookup
// error"), and a hung driver holds it beyond any deadline. Every call is therefore
// looked up first, and the parent holds the deadline.
//
// It must be linked with lazy binding, or it dies at start on every host:
//
//	CGO_CFLAGS=-Wno-deprecated-declarations go build -trimpath \
//	    -ldflags '-s -w -extldflags "-Wl,-z,lazy"' ./cmd/hallmark-gpuprobe
//
// It calls nothing that changes state (no Set, no Reset) and nothing that blocks
// by design (nvmlDeviceGetPcieThroughput takes 20 ms a call).
package main
