/* nvmlDeviceGetFieldValues: many values in one call, each with its own result. */
#include "calls.h"
#include "model.h"
#include <time.h>

#define M (now.model)

static ret celsius(field_value *f, int c, unsigned type)
{
	if (c == NONE)
		return NOT_SUPPORTED;
	f->type = type;
	f->value.ull = 0;
	f->value.i = c;
	return OK;
}

static ret number(field_value *f, uint64_t v)
{
	f->type = T_ULL;
	f->value.ull = v;
	return OK;
}

static ret small(field_value *f, uint32_t v)
{
	number(f, v);
	f->type = T_UINT;
	return OK;
}

/* of_link: one link's value, or all links' if there is a sum. Links carry the same. */
static ret of_link(field_value *f, uint64_t all, int sums)
{
	if (M->link_kind == NO_LINKS)
		return NOT_SUPPORTED;
	if (sums && f->scope == UINT32_MAX)
		return number(f, all / M->links * M->links);
	return f->scope < M->links ? number(f, all / M->links) : INVALID_ARGUMENT;
}

static ret link_speed(field_value *f)
{
	TRY(of_link(f, 0, 0));
	return small(f, M->link_mbytes);
}

static ret average(field_value *f, const reading *r)
{
	return M->average_power ? small(f, r->average_mw) : NOT_SUPPORTED;
}

static ret one(dev d, field_value *f)
{
	const reading *r = look(d->index);
	switch (f->id) {
	case 3: return number(f, 0);
	case 4: return number(f, 0);
	case 5: return number(f, derive(d->index, "ecc-single") % 4);
	case 6: return number(f, 0);
	case 74: case 75: case 76: case 77: case 78: case 79: case 80: case 81: return number(f, r->policy[f->id - 74]);
	case 82: return celsius(f, r->memory_c, T_UINT);
	case 83: return number(f, r->energy_mj);
	case 94: return small(f, (uint32_t)(derive(d->index, "pcie-replays") % 3));
	case 138: return of_link(f, r->link_kib, 1);
	case 139: return of_link(f, r->link_kib - r->link_kib / 32, 1);
	case 140: return of_link(f, r->link_kib + r->link_kib / 8, 1);
	case 141: return of_link(f, r->link_kib + r->link_kib / 10, 1);
	case 142: return small(f, (uint32_t)(derive(d->index, "remapped") % 3));
	case 143: case 144: case 145: return small(f, 0);
	case 161: case 162: case 163: return of_link(f, 0, 0);
	case 164: return link_speed(f);
	case 185: return average(f, r);
	case 186: return small(f, r->power_mw);
	case 187: return small(f, M->min_limit_mw);
	case 188: case 189: case 190: return small(f, M->limit_mw);
	case 191: return number(f, r->energy_mj);
	case 193: case 194: case 195: case 196: return celsius(f, M->tlimit[f->id - 193], T_INT);
	case 197: return number(f, r->pcie_sent);
	case 198: return number(f, r->pcie_received);
#ifndef WITHOUT_NEW
	case 269: case 270: return number(f, r->thermal[f->id - 269]);
	case 271: return number(f, 0);
#endif
	}
	return INVALID_ARGUMENT;
}

EXPORT ret nvmlDeviceGetFieldValues(dev d, int n, field_value *list)
{
	ENTER_DEVICE(d);
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	for (int i = 0; i < n; i++) {
		list[i].timestamp = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
		list[i].latency = 5;
		list[i].result = one(d, &list[i]);
	}
	return OK;
}
