package runlog_test

import (
	"testing"

	"github.com/hallmark-attest/hallmark/attest/runlog"
)

func BenchmarkReplay100(b *testing.B) {
	o := options(b, newRegister(runlog.SHA1, runlog.SHA256), 1)
	l := open(b, o)
	for range 100 {
		appendTo(b, l, runlog.TypeStart, start.Facts())
	}
	all := file(b, o.Path)
	b.SetBytes(int64(len(all)))
	b.ReportAllocs()
	for b.Loop() {
		replay(b, runlog.SHA256, all)
	}
}

// With the register in memory: what remains is the disk.
func BenchmarkAppend(b *testing.B) {
	o := options(b, newRegister(runlog.SHA256), 1)
	l := open(b, o)
	appendTo(b, l, runlog.TypeStart, start.Facts())
	n := 0
	for b.Loop() {
		if n++; n%1000 == 0 { // before the log is full
			b.StopTimer()
			o = options(b, newRegister(runlog.SHA256), 1)
			l = open(b, o)
			b.StartTimer()
		}
		appendTo(b, l, runlog.TypeStart, start.Facts())
	}
}
