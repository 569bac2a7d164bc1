package main

import (
	"fmt"
	"io"
	"os"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/gpu"
)

type server struct {
	library *library
	path    string
}

// serve answers requests until in ends. A request that cannot be read ends it with
// an error: after a broken frame nothing on the stream can be trusted.
func (s *server) serve(in io.Reader, out io.Writer) error {
	for {
		q, err := gpu.ReadRequest(in)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := gpu.WriteFrame(out, s.answer(q), gpu.MaxReplySize); err != nil {
			return err
		}
	}
}

func (s *server) answer(q gpu.Request) gpu.Reply {
	var v any
	var err error
	switch q.Method {
	case gpu.MethodHello:
		v = gpu.Hello{Protocol: gpu.Protocol, Version: gpu.Text(buildVersion()), PID: uint64(os.Getpid()), Library: gpu.Text(s.path)}
	case gpu.MethodSnapshot:
		v, err = s.snapshot(q.Params)
	case gpu.MethodSweep:
		v, err = s.sweep(q.Params)
	default:
		err = &attest.AbsentError{Absence: attest.Absent("", attest.NotBuilt, "the probe has no method %q", q.Method)}
	}
	if err != nil {
		return refuse(q.ID, err)
	}
	body, err := attest.Marshal(v)
	if err != nil {
		return refuse(q.ID, fmt.Errorf("encode: %w", err))
	}
	return gpu.Reply{ID: q.ID, Result: body}
}

func (s *server) snapshot(params []byte) (*gpu.Claims, error) {
	p, err := gpu.ParseSnapshotParams(params)
	if err != nil {
		return nil, err
	}
	return s.library.snapshot(p)
}

func (s *server) sweep(params []byte) (*gpu.Sweep, error) {
	p, err := gpu.ParseSweepParams(params)
	if err != nil {
		return nil, err
	}
	return s.library.sweep(p)
}

func refuse(id uint64, err error) gpu.Reply {
	a := gpu.AsAbsence(err)
	return gpu.Reply{ID: id, Error: &gpu.ReplyError{Reason: a.Reason, Detail: a.Detail}}
}
