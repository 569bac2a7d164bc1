package catalogue

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// NVIDIA is the PCI vendor id of all models here.
const NVIDIA = 0x10de

// GPU is one model. Numbers are nil where no source is at hand.
type GPU struct {
	Model             string
	Architecture      string   // as NVML names it: "hopper"
	DeviceIDs         []uint64 // PCI, of vendor NVIDIA
	MemoryMiB         *float64 // as the driver counts it; moves with driver and ECC by 2 %
	MemoryGBps        *float64 // peak bandwidth, 1e9 bytes a second
	MemoryBusBits     *float64
	Multiprocessors   *float64
	CUDACores         *float64
	MaxSMMHz          *float64
	BoardWatts        *float64 // as shipped: operators set others
	NVLinkVersion     *float64
	NVLinks           *float64 // 0: none by design
	NVLinkGBps        *float64 // all links, one direction
	PCIeGeneration    *float64
	DenseTFLOPs       *float64 // fp16 and bf16, without sparsity
	DenseFP8TFLOPs    *float64
	DenseFP4TFLOPs    *float64
	ComputeCapability string // "9.0"; empty: no source
	Confidential      string // "yes", "no"; empty: no source
	Sources           []string
	Note              string
}

// FastestTFLOPs bounds the rate of any arithmetic that the card's tensor cores have, structured sparsity included, 1e12 a
// second: for engines whose arithmetic is not known. Cards before Hopper compute whole numbers of 4 bits four times as fast
// as 16 bit floats; sparsity doubles all. Nil without source.
func (g *GPU) FastestTFLOPs() *float64 {
	most := 0.0
	for _, v := range []*float64{g.DenseTFLOPs, g.DenseFP8TFLOPs, g.DenseFP4TFLOPs} {
		if v != nil {
			most = max(most, *v)
		}
	}
	switch g.Architecture {
	case "hopper":
		if g.DenseTFLOPs != nil {
			most = max(most, 2**g.DenseTFLOPs)
		}
	case "blackwell":
		if g.DenseFP4TFLOPs == nil {
			return nil
		}
	default:
		if g.DenseTFLOPs == nil {
			return nil
		}
		most = max(most, 4**g.DenseTFLOPs)
	}
	if most == 0 {
		return nil
	}
	most *= 2
	return &most
}

//go:embed gpus.csv
var gpus []byte

//go:embed sources.csv
var sources []byte

// columns of gpus.csv, in their order.
const columns = "model,arch,chip,pci_device_ids,nvml_memory_mib,mem_bw_gbps,mem_bus_bits,sm_count,cuda_cores,max_sm_clock_mhz,tdp_w,nvlink_version,nvlink_links,nvlink_gbps_per_direction,pcie_gen,fp16_bf16_dense_tflops,fp8_dense_tflops,fp4_dense_tflops,compute_capability,cc_capable,source,note"

// All lists the models in the file's order.
func All() []GPU { return load().list }

// ByDeviceID finds the model of a PCI device id; nil where it has no row.
func ByDeviceID(vendor, device uint64) *GPU {
	if vendor != NVIDIA {
		return nil
	}
	return load().byID[device]
}

// Source says who stands behind a key of GPU.Sources.
func Source(key string) (what, kind string, ok bool) {
	s, ok := load().sources[key]
	return s[0], s[1], ok
}

type table struct {
	list    []GPU
	byID    map[uint64]*GPU
	sources map[string][2]string
}

var sourceKey = regexp.MustCompile(`\bS[0-9]+\b`)

// load reads the embedded files once. They are part of the program: an error in them is a programming error.
var load = sync.OnceValue(func() *table {
	t, err := parse(gpus, sources)
	if err != nil {
		panic("catalogue: " + err.Error())
	}
	return t
})

func parse(gpus, sources []byte) (*table, error) {
	t := &table{byID: map[uint64]*GPU{}, sources: map[string][2]string{}}
	rows, err := csv.NewReader(bytes.NewReader(sources)).ReadAll()
	if err != nil {
		return nil, err
	}
	for _, r := range rows[1:] {
		t.sources[r[0]] = [2]string{r[1], r[2]}
	}
	if rows, err = csv.NewReader(bytes.NewReader(gpus)).ReadAll(); err != nil {
		return nil, err
	}
	if got := strings.Join(rows[0], ","); got != columns {
		return nil, fmt.Errorf("columns %q", got)
	}
	for _, r := range rows[1:] {
		g, err := row(r)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r[0], err)
		}
		t.list = append(t.list, *g)
	}
	for i := range t.list {
		for _, id := range t.list[i].DeviceIDs {
			if t.byID[id] != nil {
				return nil, fmt.Errorf("device id %04X stands twice", id)
			}
			t.byID[id] = &t.list[i]
		}
		for _, k := range t.list[i].Sources {
			if _, ok := t.sources[k]; !ok {
				return nil, fmt.Errorf("%s: source %s is not in sources.csv", t.list[i].Model, k)
			}
		}
	}
	return t, nil
}

func row(r []string) (*GPU, error) {
	g := &GPU{Model: r[0], Architecture: strings.ToLower(r[1]), ComputeCapability: r[18], Confidential: r[19], Note: r[21]}
	for _, id := range strings.Split(r[3], ";") {
		n, err := strconv.ParseUint(id, 16, 16)
		if err != nil {
			return nil, err
		}
		g.DeviceIDs = append(g.DeviceIDs, n)
	}
	g.Sources = sourceKey.FindAllString(r[20], -1) // "S3 MiB,W;S4": who, and what of it
	for i, to := range map[int]**float64{4: &g.MemoryMiB, 5: &g.MemoryGBps, 6: &g.MemoryBusBits, 7: &g.Multiprocessors, 8: &g.CUDACores, 9: &g.MaxSMMHz,
		10: &g.BoardWatts, 11: &g.NVLinkVersion, 12: &g.NVLinks, 13: &g.NVLinkGBps, 14: &g.PCIeGeneration, 15: &g.DenseTFLOPs, 16: &g.DenseFP8TFLOPs, 17: &g.DenseFP4TFLOPs} {
		if r[i] == "" {
			continue
		}
		v, err := strconv.ParseFloat(r[i], 64)
		if err != nil {
			return nil, err
		}
		*to = &v
	}
	return g, nil
}
