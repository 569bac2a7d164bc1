package hw

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/gpu"
)

// child is one probe process.
type child struct {
	stdin  *os.File
	stdout *os.File
	stderr tail
	next   uint64 // id of the last request

	started  chan struct{} // closed when the start is over; then these two hold
	startErr error
	process  *os.Process

	done   chan struct{} // closed when the process was reaped; then these two hold
	state  *os.ProcessState
	diedAt time.Time
}

// start starts the probe in a process group of its own, with an environment of
// PATH alone: LD_PRELOAD, LD_LIBRARY_PATH and LD_AUDIT of the agent must not choose
// what answers for NVIDIA's library. (Root can still replace the library itself:
// the digests in evidence are for that.)
//
// It does not wait for the start: see awaitStart.
func start(path, library string) (*child, error) {
	theirIn, ourIn, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start probe: %w", err)
	}
	ourOut, theirOut, err := os.Pipe()
	if err != nil {
		theirIn.Close()
		ourIn.Close()
		return nil, fmt.Errorf("start probe: %w", err)
	}
	c := &child{stdin: ourIn, stdout: ourOut, started: make(chan struct{}), done: make(chan struct{})}
	cmd := exec.Command(path, "--library", library)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.Dir = "/"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirIn, theirOut, &c.stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second // of whoever inherited stderr

	go c.hold(cmd, theirIn, theirOut)
	return c, nil
}

// hold starts the process and reaps it, on one thread from first to last: the
// parent-death signal is sent when the thread that started the child ends, which
// for other threads can be long before the agent does (prctl(2), PR_SET_PDEATHSIG).
func (c *child) hold(cmd *exec.Cmd, theirs ...*os.File) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(c.done)
	if c.startErr = cmd.Start(); c.startErr == nil {
		c.process = cmd.Process
	}
	for _, f := range theirs {
		f.Close()
	}
	close(c.started)
	if c.startErr != nil {
		return
	}
	cmd.Wait() // its error is the state below
	c.state, c.diedAt = cmd.ProcessState, time.Now()
}

// awaitStart waits until the process runs or could not be started. Even that can
// hang, on a file system that does: then ctx decides.
func (c *child) awaitStart(ctx context.Context) error {
	select {
	case <-c.started:
		if c.startErr != nil {
			return fmt.Errorf("start probe: %w", c.startErr)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pid is the process id, 0 before there is one.
func (c *child) pid() int {
	select {
	case <-c.started:
		if c.process != nil {
			return c.process.Pid
		}
	default:
	}
	return 0
}

// ask sends one request and reads its reply. When ctx ends it returns at once.
func (c *child) ask(ctx context.Context, method string, params any) (gpu.Reply, error) {
	q := gpu.Request{Method: method}
	if params != nil {
		var err error
		if q.Params, err = attest.Marshal(params); err != nil {
			return gpu.Reply{}, fmt.Errorf("ask %s: %w", method, err)
		}
	}
	past := time.Unix(1, 0)
	stop := context.AfterFunc(ctx, func() {
		c.stdin.SetWriteDeadline(past)
		c.stdout.SetReadDeadline(past)
	})
	defer stop()
	c.next++
	q.ID = c.next
	if err := gpu.WriteFrame(c.stdin, q, gpu.MaxRequestSize); err != nil {
		return gpu.Reply{}, fmt.Errorf("ask %s: %w", method, err)
	}
	r, err := gpu.ReadReply(c.stdout)
	if err != nil {
		return r, fmt.Errorf("ask %s: %w", method, err)
	}
	if r.ID != c.next {
		return r, fmt.Errorf("ask %s: reply to %d, want %d", method, r.ID, c.next)
	}
	return r, nil
}

func (c *child) gone() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// endsWithin waits for the end of the process, but not past d or ctx.
func (c *child) endsWithin(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c.done:
		return true
	case <-ctx.Done():
	case <-t.C:
	}
	return c.gone()
}

// kill ends the process and closes our ends of its pipes, without waiting: a
// process in uninterruptible sleep ends when the driver lets it, and hold waits for
// that. It may be called again.
func (c *child) kill() {
	c.stdin.Close()
	c.stdout.Close()
	select {
	case <-c.started:
		c.end()
	default:
		go func() { <-c.started; c.end() }()
	}
}

func (c *child) end() {
	if c.process != nil {
		c.process.Kill() // refuses, harmlessly, when the process was reaped
	}
}

// crash is the absence left by a process that died.
func crash(c *child) attest.Absence {
	status := "exit status unknown"
	if c.state != nil {
		status = c.state.String()
	}
	said := c.stderr.last("symbol lookup error")
	if said == "" {
		said = c.stderr.last("")
	}
	if said != "" {
		status += ": " + said
	}
	return attest.Absent(string(attest.KindGPU), attest.Crashed, "%s", attest.Clean(strings.TrimSpace(status)))
}
