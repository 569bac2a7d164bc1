/* GPM: two samples of counters, and the shares of time between them. Hopper and later. */
#include "calls.h"
#include "model.h"
#include <stdlib.h>

struct gpm_sample { uint32_t magic; int taken; reading r; };
#define MAGIC 0x47504d31u

static int good(sample s) { return s && s->magic == MAGIC; }

EXPORT ret nvmlGpmSampleAlloc(sample *out)
{
	ENTER();
	if (!out)
		return INVALID_ARGUMENT;
	*out = calloc(1, sizeof **out);
	if (!*out)
		return OUT_OF_MEMORY;
	(*out)->magic = MAGIC;
	return OK;
}

EXPORT ret nvmlGpmSampleFree(sample s)
{
	ENTER();
	if (!good(s))
		return INVALID_ARGUMENT;
	s->magic = 0;
	free(s);
	return OK;
}

EXPORT ret nvmlGpmSampleGet(dev d, sample s)
{
	ENTER_DEVICE(d);
	if (!good(s))
		return INVALID_ARGUMENT;
	if (!now.model->gpm)
		return NOT_SUPPORTED;
	s->r = *look(d->index);
	s->taken = 1;
	return OK;
}

EXPORT ret nvmlGpmQueryDeviceSupport(dev d, gpm_support *s)
{
	ENTER_DEVICE(d);
	if (s->version != 1)
		return ARGUMENT_VERSION_MISMATCH;
	s->supported = (uint32_t)now.model->gpm;
	return OK;
}

static double mib(uint64_t bytes_or_kib, uint64_t before, double unit, double seconds)
{
	return bytes_or_kib < before ? 0 : (double)(bytes_or_kib - before) / unit / seconds;
}

static ret metric(const reading *a, const reading *b, gpm_metric *v)
{
	double s = b->at_s - a->at_s;
	v->name = v->long_name = v->unit = 0;
	if (s <= 0)
		return NO_DATA; /* both of one tick */
	double busy = (b->busy_s - a->busy_s) / s * 100, sm = (b->sm_s - a->sm_s) / s * 100;
	switch (v->id) {
	case 1: v->value = busy; return OK;
	case 2: v->value = sm; return OK;
	case 3: v->value = sm * 0.55; return OK;
	case 4: v->value = sm * 0.15; return OK;
	case 5: case 7: v->value = sm * 0.62; return OK;
	case 6: case 9: case 11: v->value = 0; return OK;
	case 10: v->value = (b->dram_s - a->dram_s) / s * 100; return OK;
	case 12: v->value = sm * 0.12; return OK;
	case 13: v->value = sm * 0.05; return OK;
	case 20: v->value = mib(b->pcie_sent, a->pcie_sent, 1 << 20, s); return OK;
	case 21: v->value = mib(b->pcie_received, a->pcie_received, 1 << 20, s); return OK;
	case 60: case 61: v->value = mib(b->link_kib, a->link_kib, 1 << 10, s); return OK;
	}
	return v->id < GPM_METRICS ? NOT_SUPPORTED : INVALID_ARGUMENT;
}

EXPORT ret nvmlGpmMetricsGet(gpm_get *g)
{
	ENTER();
	if (!g || !good(g->first) || !good(g->second) || !g->first->taken || !g->second->taken || g->n > GPM_METRICS)
		return INVALID_ARGUMENT;
	if (g->version != 1)
		return ARGUMENT_VERSION_MISMATCH;
	for (uint32_t i = 0; i < g->n; i++)
		g->metric[i].result = metric(&g->first->r, &g->second->r, &g->metric[i]);
	return OK;
}
