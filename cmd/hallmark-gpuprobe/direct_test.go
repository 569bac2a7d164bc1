package main_test

import (
	"bytes"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/gpu"
	"github.com/hallmark-attest/hallmark/internal/sim/nvml"
)

// direct is a probe process spoken to without the agent's side.
type direct struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out io.ReadCloser
}

func newDirect(t *testing.T, library string) *direct {
	t.Helper()
	d := &direct{t: t, cmd: exec.Command(probePath, "--library", library)}
	var err error
	if d.in, err = d.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if d.out, err = d.cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.in.Close(); d.cmd.Wait() })
	return d
}

func (d *direct) ask(id uint64, method string) gpu.Reply {
	d.t.Helper()
	if err := gpu.WriteFrame(d.in, gpu.Request{ID: id, Method: method}, gpu.MaxRequestSize); err != nil {
		d.t.Fatal(err)
	}
	r, err := gpu.ReadReply(d.out)
	if err != nil {
		d.t.Fatal(err)
	}
	if r.ID != id {
		d.t.Fatalf("reply to %d, want %d", r.ID, id)
	}
	return r
}

func TestOneProbeProcessSeesTheDriverLoadedLater(t *testing.T) {
	h := newHost(t, nvml.Full, nvml.Conf{Mode: nvml.ModeNotLoaded})
	d := newDirect(t, h.dir+"/"+nvml.Soname)
	for id := range uint64(3) {
		if r := d.ask(id, gpu.MethodSnapshot); r.Error == nil || r.Error.Reason != attest.NotLoaded {
			t.Fatalf("%+v", r.Error)
		}
	}
	h.conf(nvml.Conf{})
	r := d.ask(9, gpu.MethodSnapshot)
	if c, err := gpu.Parse(r.Result); err != nil || len(c.GPUs) != 8 {
		t.Errorf("%v, %+v", err, r.Error)
	}
}

func TestProbeSaysHelloWithoutALibrary(t *testing.T) {
	if skipWhy != "" {
		t.Skip(skipWhy)
	}
	d := newDirect(t, "/nowhere/libnvidia-ml.so.1")
	h, err := gpu.ParseHello(d.ask(1, gpu.MethodHello).Result)
	if err != nil || h.PID != uint64(d.cmd.Process.Pid) || h.Library != "/nowhere/libnvidia-ml.so.1" || h.Version == "" {
		t.Errorf("%+v, %v", h, err)
	}
	if r := d.ask(2, "reboot"); r.Error == nil || r.Error.Reason != attest.NotBuilt {
		t.Errorf("an unknown method: %+v", r)
	}
}

func TestProbeEndsAtEndOfInputAndAtABrokenFrame(t *testing.T) {
	if skipWhy != "" {
		t.Skip(skipWhy)
	}
	if err := exec.Command(probePath).Run(); err != nil {
		t.Errorf("end of input: %v", err)
	}
	cmd := exec.Command(probePath)
	cmd.Stdin = bytes.NewReader([]byte{0xFF, 0xFF, 0xFF, 0xFF, 0})
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "limit 4096") {
		t.Errorf("broken frame: %v: %s", err, out)
	}
}
