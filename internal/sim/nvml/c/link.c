/* NVLink, fabric, topology, processes. */
#include "calls.h"

#define M (now.model)

static ret has_link(unsigned link)
{
	if (M->link_kind == NO_LINKS)
		return NOT_SUPPORTED;
	return link < M->links ? OK : INVALID_ARGUMENT;
}

EXPORT ret nvmlDeviceGetNvLinkState(dev d, unsigned link, unsigned *active)
{
	ENTER_DEVICE(d);
	*active = 1;
	return has_link(link);
}

EXPORT ret nvmlDeviceGetNvLinkVersion(dev d, unsigned link, unsigned *version)
{
	ENTER_DEVICE(d);
	*version = M->link_version;
	return has_link(link);
}

EXPORT ret nvmlDeviceGetNvLinkRemoteDeviceType(dev d, unsigned link, unsigned *type)
{
	ENTER_DEVICE(d);
	*type = M->link_kind == TO_SWITCHES ? 2 : 0;
	return has_link(link);
}

#ifndef WITHOUT_NEW
EXPORT ret nvmlDeviceGetGpuFabricInfoV(dev d, fabric_v3 *f)
{
	ENTER_DEVICE(d);
	int v2 = f->version == VERSION(36, 2);
	if (!v2 && f->version != VERSION(sizeof *f, 3))
		return ARGUMENT_VERSION_MISMATCH;
	if (!M->fabric)
		return NOT_SUPPORTED;
	/* Registered; the cluster id of a single chassis is zero. Every part of the mask says "fine". */
	f->status = OK;
	f->clique = 0;
	f->state = 3;
	f->health_mask = 0x1AA;
	for (int i = 0; i < 16; i++)
		f->cluster[i] = 0;
	if (!v2)
		f->summary = 1;
	return OK;
}
#endif

/* The first half of the GPUs hangs on one socket, the second half on the other. */
EXPORT ret nvmlDeviceGetTopologyCommonAncestor(dev a, dev b, unsigned *level)
{
	ENTER_PAIR(a, b);
	*level = a->index / (M->count / 2) == b->index / (M->count / 2) ? 40 : 50;
	return OK;
}

EXPORT ret nvmlDeviceGetP2PStatus(dev a, dev b, unsigned what, unsigned *status)
{
	ENTER_PAIR(a, b);
	if (what != 2)
		return INVALID_ARGUMENT;
	*status = M->link_kind == NO_LINKS ? 5 : 0;
	return OK;
}

static ret processes(dev d, char kind, unsigned *n, process *list)
{
	unsigned have = 0, room = *n;
	for (unsigned i = 0; i < now.processes; i++) {
		if (now.process[i].gpu != d->index || now.process[i].kind != kind)
			continue;
		if (have < room && list)
			list[have] = now.process[i].p;
		have++;
	}
	*n = have;
	return have > room ? INSUFFICIENT_SIZE : OK;
}

EXPORT ret nvmlDeviceGetComputeRunningProcesses_v3(dev d, unsigned *n, process *list) { ENTER_DEVICE(d); return processes(d, 'c', n, list); }
EXPORT ret nvmlDeviceGetGraphicsRunningProcesses_v3(dev d, unsigned *n, process *list) { ENTER_DEVICE(d); return processes(d, 'g', n, list); }
EXPORT ret nvmlDeviceGetMPSComputeRunningProcesses_v3(dev d, unsigned *n, process *list) { ENTER_DEVICE(d); return processes(d, 'm', n, list); }
