package honest

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/verify/catalogue"
	"github.com/hallmark-attest/hallmark/verify/rules"
)

// machine is the hardware of one host.
type machine struct {
	worth        rules.Assurance
	board        catalogue.GPU  // as it truly is; what the catalogue lacks is made up
	row          *catalogue.GPU // nil: a board that the catalogue does not know
	count        int
	sliced       string
	slice        float64 // part of a board that a device is
	memory       float64 // factor on the memory of a row
	overclock    float64 // factor on its bandwidth
	links        *int    // active ones of each; nil: as built
	confidential bool
	silentGPU    bool // states neither links nor cores
}

func (w *world) hardware() {
	w.worth = one(w, rules.Asserted, rules.Asserted, rules.Measured)
	rows := catalogue.All()
	r := rows[w.IntN(len(rows))]
	w.board, w.row = r, catalogue.ByDeviceID(catalogue.NVIDIA, r.DeviceIDs[0])
	for _, f := range []struct {
		of        **float64
		otherwise float64
	}{{&w.board.MemoryMiB, 80_000}, {&w.board.MemoryGBps, 2000}, {&w.board.BoardWatts, 400}, {&w.board.DenseTFLOPs, 300}} {
		if *f.of == nil {
			*f.of = ptr(f.otherwise)
		}
	}
	w.count = one(w, 1, 1, 1, 2, 2, 4, 8)
	w.slice, w.memory, w.overclock = 1, w.between(.985, 1.002), w.between(.98, 1)
}

func (w *world) gpuInput() (out []rules.GPU) {
	for i := range w.count {
		key := fmt.Sprintf("00000000:%02x:00.0", 0x1b+i*8)
		g := rules.GPU{Name: "GPU " + key, Key: key, From: claim(w, "gpu"), Model: w.row, Named: "NVIDIA " + w.board.Model, Sliced: w.sliced,
			Identity: w.card(i), Architecture: w.board.Architecture, ComputeCapability: w.board.ComputeCapability, MemoryMiB: ptr(*w.board.MemoryMiB * w.memory * w.slice)}
		if c := w.board.CUDACores; c != nil && !w.silentGPU {
			g.CUDACores, g.MemoryBusBits = ptr(*c*w.slice), w.board.MemoryBusBits
		}
		if n := w.board.NVLinks; n != nil && !w.silentGPU {
			if g.ActiveLinks = ptr(int(*n)); w.links != nil {
				g.ActiveLinks = w.links
			}
		}
		out = append(out, g)
	}
	return out
}

// gb is the memory of the whole host, 1e9 bytes.
func (w *world) gb() float64 {
	return *w.board.MemoryMiB * w.memory * w.slice * float64(w.count) * (1 << 20) / 1e9
}
