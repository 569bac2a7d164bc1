/* Events: Xids of the configuration, told once to each set that was registered before they came. */
#include "calls.h"
#include "model.h"
#include <stdlib.h>
#include <time.h>

enum { MAX_TOLD = 256 };
struct event_set {
	uint32_t gpus;            /* a bit for each */
	double since[MAX_GPUS];
	uint32_t n;
	conf_xid told[MAX_TOLD];
};

EXPORT ret nvmlEventSetCreate(events *out)
{
	ENTER();
	if (!out)
		return INVALID_ARGUMENT;
	*out = calloc(1, sizeof **out);
	return *out ? OK : OUT_OF_MEMORY;
}

EXPORT ret nvmlEventSetFree(events s)
{
	ENTER();
	free(s);
	return OK;
}

EXPORT ret nvmlDeviceGetSupportedEventTypes(dev d, unsigned long long *types) { ENTER_DEVICE(d); *types = XID_EVENT | 3; return OK; }

static int told(const struct event_set *s, const conf_xid *x)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (s->told[i].gpu == x->gpu && s->told[i].code == x->code && s->told[i].at == x->at)
			return 1;
	return 0;
}

static void tell(struct event_set *s, const conf_xid *x)
{
	if (s->n < MAX_TOLD)
		s->told[s->n++] = *x;
}

/* forget what happened "now" once the configuration has ceased to say so: the next time is another event. */
static void forget(struct event_set *s)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < s->n; i++) {
		int stands = s->told[i].at != NOW;
		for (uint32_t j = 0; j < now.xids && !stands; j++)
			stands = now.xid[j].at == NOW && now.xid[j].gpu == s->told[i].gpu && now.xid[j].code == s->told[i].code;
		if (stands)
			s->told[kept++] = s->told[i];
	}
	s->n = kept;
}

EXPORT ret nvmlDeviceRegisterEvents(dev d, unsigned long long types, events s)
{
	ENTER_DEVICE(d);
	if (!s || types == 0)
		return INVALID_ARGUMENT;
	if (types & ~(XID_EVENT | 3))
		return NOT_SUPPORTED;
	if (!(types & XID_EVENT))
		return OK;
	s->gpus |= 1u << d->index;
	s->since[d->index] = model_seconds();
	for (uint32_t i = 0; i < now.xids; i++) /* what the configuration says already is past */
		if (now.xid[i].gpu == d->index && now.xid[i].at == NOW)
			tell(s, &now.xid[i]);
	return OK;
}

/* due is the first event not told yet; then a lost GPU; else there is none. */
static ret due(struct event_set *s, event_data *out)
{
	double t = model_seconds();
	forget(s);
	for (uint32_t i = 0; i < now.xids; i++) {
		const conf_xid *x = &now.xid[i];
		if (x->gpu >= MAX_GPUS || !(s->gpus >> x->gpu & 1) || told(s, x))
			continue;
		if (x->at != NOW && (x->at > t || x->at <= s->since[x->gpu]))
			continue;
		tell(s, x);
		*out = (event_data){ .device = gpu_at(x->gpu), .type = XID_EVENT, .data = x->code, .gi = UINT32_MAX, .ci = UINT32_MAX };
		return OK;
	}
	return now.lost >= 0 && now.lost < MAX_GPUS && s->gpus >> now.lost & 1 ? GPU_IS_LOST : TIMED_OUT;
}

static ret ask(const char *call, events s, event_data *out)
{
	GUARD;
	TRY(enter(call, &held_));
	return s && out ? due(s, out) : INVALID_ARGUMENT;
}

/* The lock is not held while it waits. */
EXPORT ret nvmlEventSetWait_v2(events s, event_data *out, unsigned timeout_ms)
{
	const struct timespec nap = { .tv_nsec = 2000000 };
	uint64_t end = boot_ms() + timeout_ms;
	for (;;) {
		ret r = ask(__func__, s, out);
		if (r != TIMED_OUT || boot_ms() >= end)
			return r;
		nanosleep(&nap, 0);
	}
}
