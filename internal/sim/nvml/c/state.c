/* What changes while the host runs. */
#include "calls.h"
#include <time.h>

#define M (now.model)
#define MIB(n) ((uint64_t)(n) << 20)

static uint64_t used_bytes(dev d)
{
	uint64_t used = MIB(1);
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

static int gpu_c(dev d) { return M->gpu_c + (int)now.load * 35 / 100 + (int)(d->index & 3); }

EXPORT ret nvmlDeviceGetTemperature(dev d, unsigned sensor, unsigned *c)
{
	ENTER_DEVICE(d);
	if (sensor != 0)
		return INVALID_ARGUMENT;
	*c = (unsigned)gpu_c(d);
	return OK;
}

EXPORT ret nvmlDeviceGetTemperatureThreshold(dev d, unsigned which, unsigned *c)
{
	ENTER_DEVICE(d);
	if (which > 3)
		return INVALID_ARGUMENT;
	if (M->threshold[which] == NONE)
		return NOT_SUPPORTED;
	*c = (unsigned)M->threshold[which];
	return OK;
}

EXPORT ret nvmlDeviceGetClockInfo(dev d, unsigned which, unsigned *mhz)
{
	ENTER_DEVICE(d);
	if (which > 3)
		return INVALID_ARGUMENT;
	*mhz = now.load ? M->max_clock[which] : M->idle_clock[which];
	return OK;
}

EXPORT ret nvmlDeviceGetMaxClockInfo(dev d, unsigned which, unsigned *mhz)
{
	ENTER_DEVICE(d);
	if (which > 3)
		return INVALID_ARGUMENT;
	*mhz = M->max_clock[which];
	return OK;
}

EXPORT ret nvmlDeviceGetPowerUsage(dev d, unsigned *mw) { ENTER_DEVICE(d); *mw = usage_mw() + d->index * 310; return OK; }
EXPORT ret nvmlDeviceGetEnforcedPowerLimit(dev d, unsigned *mw) { ENTER_DEVICE(d); *mw = M->limit_mw; return OK; }
EXPORT ret nvmlDeviceGetPowerManagementLimit(dev d, unsigned *mw) { ENTER_DEVICE(d); *mw = M->limit_mw; return OK; }
EXPORT ret nvmlDeviceGetPowerManagementDefaultLimit(dev d, unsigned *mw) { ENTER_DEVICE(d); *mw = M->limit_mw; return OK; }

EXPORT ret nvmlDeviceGetPowerManagementLimitConstraints(dev d, unsigned *low, unsigned *high)
{
	ENTER_DEVICE(d);
	*low = M->min_limit_mw;
	*high = M->limit_mw;
	return OK;
}

/* Energy is power times the time since boot, so it grows over restarts of the probe. */
EXPORT ret nvmlDeviceGetTotalEnergyConsumption(dev d, unsigned long long *mj)
{
	ENTER_DEVICE(d);
	struct timespec t;
	clock_gettime(CLOCK_BOOTTIME, &t);
	uint64_t ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
	*mj = derive(d->index, "energy") % 1000000000ull + ms * usage_mw() / 1000;
	return OK;
}

static ret reasons(dev d, unsigned long long *bits)
{
	(void)d;
	*bits = now.load == 0 ? 1 : now.load == 100 ? 4 : 0;
	return OK;
}
EXPORT ret nvmlDeviceGetCurrentClocksThrottleReasons(dev d, unsigned long long *bits) { ENTER_DEVICE(d); return reasons(d, bits); }
#ifndef WITHOUT_NEW
EXPORT ret nvmlDeviceGetCurrentClocksEventReasons(dev d, unsigned long long *bits) { ENTER_DEVICE(d); return reasons(d, bits); }
#endif

EXPORT ret nvmlDeviceGetPerformanceState(dev d, unsigned *p) { ENTER_DEVICE(d); *p = now.load ? 0 : M->idle_pstate; return OK; }
EXPORT ret nvmlDeviceGetUtilizationRates(dev d, rates *r) { ENTER_DEVICE(d); *r = (rates){ now.load, now.load / 2 }; return OK; }
EXPORT ret nvmlDeviceGetEccMode(dev d, unsigned *current, unsigned *pending) { ENTER_DEVICE(d); *current = *pending = 1; return OK; }

EXPORT ret nvmlDeviceGetMigMode(dev d, unsigned *current, unsigned *pending)
{
	ENTER_DEVICE(d);
	if (!M->mig)
		return NOT_SUPPORTED;
	*current = *pending = 0;
	return OK;
}

EXPORT ret nvmlDeviceGetVirtualizationMode(dev d, unsigned *v) { ENTER_DEVICE(d); *v = 0; return OK; }
EXPORT ret nvmlDeviceGetCurrPcieLinkGeneration(dev d, unsigned *v) { ENTER_DEVICE(d); *v = now.load ? M->pcie_gen : M->idle_gen; return OK; }
EXPORT ret nvmlDeviceGetMaxPcieLinkGeneration(dev d, unsigned *v) { ENTER_DEVICE(d); *v = M->pcie_gen; return OK; }
EXPORT ret nvmlDeviceGetCurrPcieLinkWidth(dev d, unsigned *v) { ENTER_DEVICE(d); *v = 16; return OK; }
EXPORT ret nvmlDeviceGetMaxPcieLinkWidth(dev d, unsigned *v) { ENTER_DEVICE(d); *v = 16; return OK; }
