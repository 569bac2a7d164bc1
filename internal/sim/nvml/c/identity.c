/* What does not change while the host runs. */
#include "calls.h"
#include <stdio.h>

#define M (now.model)

#ifndef WITHOUT_UUID
EXPORT ret nvmlDeviceGetUUID(dev d, char *out, unsigned n)
{
	ENTER_DEVICE(d);
	char text[64];
	uint64_t a = derive(d->index, "uuid-high"), b = derive(d->index, "uuid-low");
	snprintf(text, sizeof text, "GPU-%08x-%04x-%04x-%04x-%012llx", (unsigned)(a >> 32), (unsigned)(a >> 16 & 0xffff),
		(unsigned)(a & 0xffff), (unsigned)(b >> 48), (unsigned long long)(b & 0xffffffffffffull));
	return give(out, n, text);
}
#endif

EXPORT ret nvmlDeviceGetSerial(dev d, char *out, unsigned n)
{
	ENTER_DEVICE(d);
	char text[32];
	snprintf(text, sizeof text, "%s%010llu", M->serial_prefix, (unsigned long long)(derive(d->index, "serial") % 10000000000ull));
	return give(out, n, text);
}

EXPORT ret nvmlDeviceGetName(dev d, char *out, unsigned n) { ENTER_DEVICE(d); return give(out, n, now.name[0] ? now.name : M->name); }
EXPORT ret nvmlDeviceGetBoardPartNumber(dev d, char *out, unsigned n) { ENTER_DEVICE(d); return give(out, n, M->part); }
EXPORT ret nvmlDeviceGetVbiosVersion(dev d, char *out, unsigned n) { ENTER_DEVICE(d); return give(out, n, M->vbios); }
EXPORT ret nvmlDeviceGetInforomImageVersion(dev d, char *out, unsigned n) { ENTER_DEVICE(d); return give(out, n, M->inforom); }
EXPORT ret nvmlDeviceGetGspFirmwareVersion(dev d, char *out) { ENTER_DEVICE(d); return give(out, 32, "580.65.06"); }
EXPORT ret nvmlDeviceGetBrand(dev d, unsigned *v) { ENTER_DEVICE(d); *v = M->brand; return OK; }
EXPORT ret nvmlDeviceGetArchitecture(dev d, unsigned *v) { ENTER_DEVICE(d); *v = M->arch; return OK; }
EXPORT ret nvmlDeviceGetNumGpuCores(dev d, unsigned *v) { ENTER_DEVICE(d); *v = M->cores; return OK; }
EXPORT ret nvmlDeviceGetMemoryBusWidth(dev d, unsigned *v) { ENTER_DEVICE(d); *v = M->bus_bits; return OK; }

EXPORT ret nvmlDeviceGetCudaComputeCapability(dev d, int *major, int *minor)
{
	ENTER_DEVICE(d);
	*major = (int)M->cc_major;
	*minor = (int)M->cc_minor;
	return OK;
}

EXPORT ret nvmlDeviceGetBAR1MemoryInfo(dev d, bar1 *b)
{
	ENTER_DEVICE(d);
	uint64_t total = (uint64_t)M->bar1_mib << 20;
	*b = (bar1){ .total = total, .free = total - (1 << 20), .used = 1 << 20 };
	return OK;
}

static void place(pci_info *p, unsigned bus, unsigned id, unsigned subsystem)
{
	*p = (pci_info){ .bus = bus, .id = id << 16 | 0x10DE, .subsystem = subsystem << 16 | 0x10DE };
	snprintf(p->legacy, sizeof p->legacy, "0000:%02X:00.0", bus);
	snprintf(p->address, sizeof p->address, "00000000:%02X:00.0", bus);
}

/* Known to the driver even of a GPU that fell off the bus. */
EXPORT ret nvmlDeviceGetPciInfo_v3(dev d, pci_info *p)
{
	GUARD;
	ret r = enter_device(__func__, d, d, &held_);
	if (r != OK && r != GPU_IS_LOST)
		return r;
	place(p, M->bus[d->index], now.device_id ? now.device_id : M->device_id, M->subsystem);
	return OK;
}

/* Links of the 8-GPU board go to four switches, 5+5+4+4; those of the 4-GPU board to the three peers, four each. */
EXPORT ret nvmlDeviceGetNvLinkRemotePciInfo_v2(dev d, unsigned link, pci_info *p)
{
	static const uint8_t switch_of[MAX_LINKS] = { 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3 };
	ENTER_DEVICE(d);
	if (M->link_kind == NO_LINKS)
		return NOT_SUPPORTED;
	if (link >= M->links)
		return INVALID_ARGUMENT;
	if (M->link_kind == TO_SWITCHES)
		place(p, M->switches[switch_of[link]], 0x22A3, 0x1796);
	else
		place(p, M->bus[(d->index + 1 + link / 4) % M->count], M->device_id, M->subsystem);
	return OK;
}
