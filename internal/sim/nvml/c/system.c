/* Start, stop, and what concerns the whole host. */
#include "calls.h"
#include "model.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

int ready;
static struct gpu gpus[MAX_GPUS];

dev gpu_at(uint32_t index)
{
	gpus[index].index = index;
	return &gpus[index];
}

ret give(char *out, unsigned size, const char *text)
{
	if (strlen(text) + 1 > size)
		return INSUFFICIENT_SIZE;
	strcpy(out, text);
	return OK;
}

static int is(const char *mode) { return strcmp(now.mode, mode) == 0; }

#ifndef WITHOUT_INIT
EXPORT ret nvmlInit_v2(void)
{
	GUARD;
	lock();
	held_ = 1;
	read_conf();
	int forever = is("hang");
	if (forever || hangs(__func__, -1)) {
		double seconds = now.hang_seconds;
		unlock();
		hang(forever ? 0 : seconds);
		lock();
	}
	if (strcmp(now.crash_call, __func__) == 0)
		raise(SIGABRT);
	advance();
	if (is("not-loaded") || driver_absent())
		return NOT_LOADED;
	if (is("version-mismatch"))
		return VERSION_MISMATCH;
	if (is("no-permission") || strcmp(now.deny_call, __func__) == 0)
		return NO_PERMISSION;
	ready = 1;
	driver_loaded();
	return OK;
}

EXPORT ret nvmlInitWithFlags(unsigned flags)
{
	(void)flags;
	return nvmlInit_v2();
}
#endif

EXPORT ret nvmlShutdown(void)
{
	ENTER();
	save_state(1);
	ready = 0;
	return OK;
}

EXPORT const char *nvmlErrorString(ret r)
{
	switch (r) {
	case OK: return "Success";
	case NOT_SUPPORTED: return "Not Supported";
	case UNINITIALIZED: return "Uninitialized";
	case NO_PERMISSION: return "Insufficient Permissions";
	case TIMED_OUT: return "Timeout";
	case NOT_LOADED: return "Driver Not Loaded";
	case GPU_IS_LOST: return "GPU is lost";
	case VERSION_MISMATCH: return "Driver/library version mismatch";
	}
	return "Unknown Error";
}

EXPORT ret nvmlSystemGetDriverVersion(char *out, unsigned n) { ENTER(); return give(out, n, "580.65.06"); }
EXPORT ret nvmlSystemGetNVMLVersion(char *out, unsigned n) { ENTER(); return give(out, n, "13.580.65.06"); }
EXPORT ret nvmlSystemGetCudaDriverVersion(int *v) { ENTER(); *v = 13000; return OK; }
EXPORT ret nvmlSystemGetCudaDriverVersion_v2(int *v) { ENTER(); *v = 13000; return OK; }

EXPORT ret nvmlSystemGetConfComputeCapabilities(cc_caps *c)
{
	ENTER();
	*c = (cc_caps){ .cpu = 0, .gpus = (uint32_t)now.model->cc_capable };
	return OK;
}

EXPORT ret nvmlSystemGetConfComputeState(cc_state *s)
{
	ENTER();
	*s = (cc_state){ 0 };
	return OK;
}

EXPORT ret nvmlSystemGetConfComputeGpusReadyState(unsigned *accepting)
{
	ENTER();
	if (!now.model->cc_capable)
		return NOT_SUPPORTED;
	*accepting = 0;
	return OK;
}

#ifndef WITHOUT_NEW
EXPORT ret nvmlSystemGetConfComputeSettings(cc_settings *s)
{
	ENTER();
	if (s->version != VERSION(sizeof *s, 1))
		return ARGUMENT_VERSION_MISMATCH;
	if (!now.model->cc_capable)
		return NOT_SUPPORTED;
	*s = (cc_settings){ .version = s->version };
	return OK;
}
#endif

EXPORT ret nvmlDeviceGetCount_v2(unsigned *n)
{
	ENTER();
	*n = is("no-devices") ? 0 : now.model->count;
	return OK;
}

EXPORT ret nvmlDeviceGetHandleByIndex_v2(unsigned i, dev *d)
{
	ENTER();
	if (i >= now.model->count || is("no-devices"))
		return INVALID_ARGUMENT;
	if ((int)i == now.lost_handle)
		return GPU_IS_LOST;
	*d = gpu_at(i);
	return OK;
}
