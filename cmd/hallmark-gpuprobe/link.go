package main

import (
	"encoding/hex"
	"strconv"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/gpu"
)

// interconnect reads NVLinks and fabric.
func (l *library) interconnect(h *handle) (gpu.Interconnect, error) {
	a, d := &asker{library: l, handle: h}, h.device
	return gpu.Interconnect{Links: a.links(d), Fabric: a.fabric(d)}, a.err()
}

// links asks link after link until the library says there is no such link. A GPU
// without NVLink answers "not supported" to the first: then the list is absent.
func (a *asker) links(d nvml.Device) []gpu.Link {
	var out []gpu.Link
	for n := range gpu.MaxLinks {
		if !a.may("nvlink", "nvmlDeviceGetNvLinkState") {
			return nil
		}
		state, ret := d.GetNvLinkState(n)
		switch {
		case ret == nvml.ERROR_INVALID_ARGUMENT:
			return append([]gpu.Link{}, out...) // past the last link; none at all is an empty list
		case ret == nvml.ERROR_NOT_SUPPORTED && n > 0:
			return out
		case ret != nvml.SUCCESS && n == 0:
			a.took("nvlink", ret)
			return nil
		}
		link := gpu.Link{Number: uint64(n)}
		at := "nvlink[" + strconv.Itoa(n) + "]."
		if a.took(at+"active", ret) {
			link.Active = ptr(state != 0)
		}
		a.link(d, n, at, &link)
		out = append(out, link)
	}
	return out
}

func (a *asker) link(d nvml.Device, n int, at string, link *gpu.Link) {
	link.Version = named(a, at+"version", gpu.LinkVersion, func() (uint32, nvml.Return) { return d.GetNvLinkVersion(n) }, "nvmlDeviceGetNvLinkVersion")
	link.RemoteType = named(a, at+"remote_type", gpu.RemoteType, func() (nvml.IntNvLinkDeviceType, nvml.Return) { return d.GetNvLinkRemoteDeviceType(n) }, "nvmlDeviceGetNvLinkRemoteDeviceType")
	remote := value(a, at+"remote_pci", func() (gpu.PCI, nvml.Return) { return pci(d.GetNvLinkRemotePciInfo(n)) }, "nvmlDeviceGetNvLinkRemotePciInfo_v2", "nvmlDeviceGetNvLinkRemotePciInfo")
	if remote != nil {
		link.RemotePCI = &remote.Address
	}
	speed := a.ask(d, []nvml.FieldValue{{FieldId: nvml.FI_DEV_NVLINK_GET_SPEED, ScopeId: uint32(n)}})
	link.Speed = speed.unsigned(a, at+"speed_mbytes_per_s", nvml.FI_DEV_NVLINK_GET_SPEED)
}

// fabric asks for version 3 of the structure, then for 2, which lacks the summary.
func (a *asker) fabric(d nvml.Device) *gpu.Fabric {
	if !a.may("fabric", "nvmlDeviceGetGpuFabricInfoV") {
		return nil
	}
	v3, ret := d.GetGpuFabricInfoV().V3()
	f := gpu.Fabric{
		State: gpu.FabricState.Name(uint32(v3.State)), Status: uint64(v3.Status), Cluster: hex.EncodeToString(v3.ClusterUuid[:]),
		Clique: uint64(v3.CliqueId), HealthMask: uint64(v3.HealthMask), Health: ptr(gpu.FabricHealth.Name(uint32(v3.HealthSummary))),
	}
	if ret == nvml.ERROR_ARGUMENT_VERSION_MISMATCH {
		v2, ret2 := d.GetGpuFabricInfoV().V2()
		ret = ret2
		f = gpu.Fabric{
			State: gpu.FabricState.Name(uint32(v2.State)), Status: uint64(v2.Status), Cluster: hex.EncodeToString(v2.ClusterUuid[:]),
			Clique: uint64(v2.CliqueId), HealthMask: uint64(v2.HealthMask),
		}
	}
	if !a.took("fabric", ret) {
		return nil
	}
	if f.Health == nil {
		a.note("fabric.health", absent(attest.NotSupported, "this driver gives no health summary"))
	}
	return &f
}

// pair reads the way between two GPUs.
func (l *library) pair(h, other *handle) (common, nvlink *string, err error) {
	if dead := nvml.Return(other.dead.Load()); dead != nvml.SUCCESS {
		return nil, nil, failure(dead)
	}
	a := &asker{library: l, handle: h}
	common = named(a, "common_ancestor", gpu.Ancestor, func() (nvml.GpuTopologyLevel, nvml.Return) {
		return h.device.GetTopologyCommonAncestor(other.device)
	}, "nvmlDeviceGetTopologyCommonAncestor")
	nvlink = named(a, "nvlink_p2p", gpu.P2PStatus, func() (nvml.GpuP2PStatus, nvml.Return) {
		return h.device.GetP2PStatus(other.device, nvml.P2P_CAPS_INDEX_NVLINK)
	}, "nvmlDeviceGetP2PStatus")
	return common, nvlink, a.err()
}
