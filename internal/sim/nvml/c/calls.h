/* What every call begins with. */
#ifndef HALLMARK_FAKE_CALLS_H
#define HALLMARK_FAKE_CALLS_H

#include "profile.h"

extern int ready; /* nvmlInit_v2 succeeded */
void enter(const char *call);
int lost(dev d);

/* ENTER hangs or crashes where the configuration says so, and refuses before init. */
#define ENTER() do { enter(__func__); if (!ready) return UNINITIALIZED; } while (0)
#define ENTER_DEVICE(d) do { ENTER(); if (!(d)) return INVALID_ARGUMENT; if (lost(d)) return GPU_IS_LOST; } while (0)

ret give(char *out, unsigned size, const char *text);

#endif
