package node

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// stopGrace is how long a process may take to end after SIGTERM.
const stopGrace = 10 * time.Second

// process is a child that ends with its parent, however that ends.
type process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{}
}

// startProcess runs a program with its output in a log file. The kernel kills the child when the thread that made it
// ends (prctl(2), PR_SET_PDEATHSIG), so that thread is kept until the child has ended.
func startProcess(log, name string, args ...string) (*process, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(name, args...), log: log, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Dir = filepath.Dir(log)
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LANG=C"}                         // nothing of this shell reaches the agent's stated inputs
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true} // Ctrl-C is for the parent, who stops in order
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		defer out.Close()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // how it ended is for stop to say
		}
	}()
	return p, <-started
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop ends the process and says so where it had to be killed or had ended with an error.
func (p *process) stop() error {
	if !p.ended() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(stopGrace):
			_ = p.cmd.Process.Kill()
			<-p.done
			return fmt.Errorf("%s did not end within %v and was killed\n%s", filepath.Base(p.cmd.Path), stopGrace, tail(p.log))
		}
	}
	if st := p.cmd.ProcessState; st.ExitCode() > 0 {
		return fmt.Errorf("%s ended with %s\n%s", filepath.Base(p.cmd.Path), st, tail(p.log))
	}
	return nil
}
