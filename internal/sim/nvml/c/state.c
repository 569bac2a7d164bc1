/* Memory, modes and the PCIe link. */
#include "calls.h"
#include "model.h"

#define M (now.model)
#define MIB(n) ((uint64_t)(n) << 20)

static uint64_t used_bytes(dev d)
{
	uint64_t used = MIB(1) + look(d->index)->extra_bytes;
	for (unsigned i = 0; i < now.processes; i++)
		if (now.process[i].gpu == d->index && now.process[i].p.used != UINT64_MAX)
			used += now.process[i].p.used;
	return used;
}

EXPORT ret nvmlDeviceGetMemoryInfo(dev d, memory_v1 *m)
{
	ENTER_DEVICE(d);
	uint64_t total = MIB(total_mib()), used = used_bytes(d) + MIB(M->reserved_mib);
	*m = (memory_v1){ .total = total, .free = total - used, .used = used };
	return OK;
}

#ifndef WITHOUT_NEW
EXPORT ret nvmlDeviceGetMemoryInfo_v2(dev d, memory_v2 *m)
{
	ENTER_DEVICE(d);
	if (m->version != VERSION(sizeof *m, 2))
		return ARGUMENT_VERSION_MISMATCH;
	uint64_t total = MIB(total_mib()), reserved = MIB(M->reserved_mib), used = used_bytes(d);
	*m = (memory_v2){ .version = m->version, .total = total, .reserved = reserved, .free = total - reserved - used, .used = used };
	return OK;
}
#endif

EXPORT ret nvmlDeviceGetEccMode(dev d, unsigned *current, unsigned *pending) { ENTER_DEVICE(d); *current = *pending = 1; return OK; }

EXPORT ret nvmlDeviceGetMigMode(dev d, unsigned *current, unsigned *pending)
{
	ENTER_DEVICE(d);
	if (!M->mig)
		return NOT_SUPPORTED;
	*current = *pending = now.mig_gpu == (int)d->index;
	return OK;
}

EXPORT ret nvmlDeviceGetVirtualizationMode(dev d, unsigned *v) { ENTER_DEVICE(d); *v = 0; return OK; }
EXPORT ret nvmlDeviceGetCurrPcieLinkGeneration(dev d, unsigned *v) { ENTER_DEVICE(d); *v = look(d->index)->pcie_gen; return OK; }
EXPORT ret nvmlDeviceGetMaxPcieLinkGeneration(dev d, unsigned *v) { ENTER_DEVICE(d); *v = M->pcie_gen; return OK; }
EXPORT ret nvmlDeviceGetCurrPcieLinkWidth(dev d, unsigned *v) { ENTER_DEVICE(d); *v = 16; return OK; }
EXPORT ret nvmlDeviceGetMaxPcieLinkWidth(dev d, unsigned *v) { ENTER_DEVICE(d); *v = 16; return OK; }
