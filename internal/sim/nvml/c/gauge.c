/* Temperature, clocks, power, utilisation: what moves and is not counted. */
#include "calls.h"
#include "model.h"

#define M (now.model)

EXPORT ret nvmlDeviceGetTemperature(dev d, unsigned sensor, unsigned *c)
{
	ENTER_DEVICE(d);
	if (sensor != 0)
		return INVALID_ARGUMENT;
	*c = (unsigned)look(d->index)->gpu_c;
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

#ifndef WITHOUT_NEW
EXPORT ret nvmlDeviceGetMarginTemperature(dev d, margin_v1 *v)
{
	ENTER_DEVICE(d);
	if (v->version != VERSION(sizeof *v, 1))
		return ARGUMENT_VERSION_MISMATCH;
	if (!M->margin)
		return NOT_SUPPORTED;
	v->celsius = look(d->index)->margin_c;
	return OK;
}
#endif

EXPORT ret nvmlDeviceGetClockInfo(dev d, unsigned which, unsigned *mhz)
{
	ENTER_DEVICE(d);
	if (which > 3)
		return INVALID_ARGUMENT;
	*mhz = look(d->index)->clock[which];
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

/* The mean of a second where the board keeps one, else the last tick. */
EXPORT ret nvmlDeviceGetPowerUsage(dev d, unsigned *mw)
{
	ENTER_DEVICE(d);
	*mw = M->average_power ? look(d->index)->average_mw : look(d->index)->power_mw;
	return OK;
}

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

EXPORT ret nvmlDeviceGetTotalEnergyConsumption(dev d, unsigned long long *mj) { ENTER_DEVICE(d); *mj = look(d->index)->energy_mj; return OK; }
EXPORT ret nvmlDeviceGetCurrentClocksThrottleReasons(dev d, unsigned long long *bits) { ENTER_DEVICE(d); *bits = look(d->index)->reasons; return OK; }
#ifndef WITHOUT_NEW
EXPORT ret nvmlDeviceGetCurrentClocksEventReasons(dev d, unsigned long long *bits) { ENTER_DEVICE(d); *bits = look(d->index)->reasons; return OK; }
#endif
EXPORT ret nvmlDeviceGetPerformanceState(dev d, unsigned *p) { ENTER_DEVICE(d); *p = look(d->index)->pstate; return OK; }

/* Not of a GPU that is split up. */
EXPORT ret nvmlDeviceGetUtilizationRates(dev d, rates *r)
{
	ENTER_DEVICE(d);
	if (now.mig_gpu == (int)d->index)
		return NOT_SUPPORTED;
	*r = (rates){ look(d->index)->busy, look(d->index)->memory_busy };
	return OK;
}
