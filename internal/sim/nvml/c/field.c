/* nvmlDeviceGetFieldValues: many values in one call, each with its own result. */
#include "calls.h"

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

static ret counter(field_value *f, dev d, const char *salt)
{
	f->type = T_ULL;
	f->value.ull = derive(d->index, salt) % 5000000000ull;
	return OK;
}

static ret link_speed(field_value *f)
{
	if (M->link_kind == NO_LINKS)
		return NOT_SUPPORTED;
	if (f->scope >= M->links)
		return INVALID_ARGUMENT;
	f->type = T_UINT;
	f->value.ull = M->link_mbytes;
	return OK;
}

static ret zero(field_value *f)
{
	f->type = T_ULL;
	f->value.ull = 0;
	return OK;
}

static ret one(dev d, field_value *f)
{
	switch (f->id) {
	case 74: return counter(f, d, "power");
	case 75: return counter(f, d, "thermal");
	case 76: case 77: case 79: return zero(f);
	case 82: return celsius(f, M->memory_c == NONE ? NONE : M->memory_c + (int)now.load * 40 / 100, T_UINT);
	case 164: return link_speed(f);
	case 193: case 194: case 195: case 196: return celsius(f, M->tlimit[f->id - 193], T_INT);
#ifndef WITHOUT_NEW
	case 269: return counter(f, d, "thermal");
	case 270: case 271: return zero(f);
#endif
	}
	return INVALID_ARGUMENT;
}

EXPORT ret nvmlDeviceGetFieldValues(dev d, int n, field_value *list)
{
	ENTER_DEVICE(d);
	for (int i = 0; i < n; i++)
		list[i].result = one(d, &list[i]);
	return OK;
}
