/* The keys of the configuration. conf.go says what they mean. */
#include "profile.h"
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_KEY, INT_KEY, DOUBLE_KEY, U64_KEY };
static const struct { const char *key; int sort; size_t at, size; } keys[] = {
#define KEY(k, s, f) { k, s, offsetof(conf, f), sizeof now.f }
	KEY("mode", TEXT_KEY, mode), KEY("hang-call", TEXT_KEY, hang_call), KEY("crash-call", TEXT_KEY, crash_call),
	KEY("no-permission", TEXT_KEY, deny_call), KEY("name", TEXT_KEY, name), KEY("clock-file", TEXT_KEY, clock_file),
	KEY("state-file", TEXT_KEY, state_file), KEY("lost", INT_KEY, lost), KEY("lost-handle", INT_KEY, lost_handle),
	KEY("hang-gpu", INT_KEY, hang_gpu), KEY("mig", INT_KEY, mig_gpu), KEY("fake-utilisation", INT_KEY, fake_utilisation),
	KEY("memory-mib", INT_KEY, memory_mib), KEY("pci-device-id", INT_KEY, device_id), KEY("moving", INT_KEY, moving),
	KEY("load-pid", INT_KEY, load_pid), KEY("load-step", INT_KEY, step), KEY("ambient", INT_KEY, ambient_c),
	KEY("seed", U64_KEY, seed), KEY("epoch", U64_KEY, epoch_ms), KEY("hang-seconds", DOUBLE_KEY, hang_seconds),
	KEY("load-repeat", DOUBLE_KEY, load_repeat), KEY("time-scale", DOUBLE_KEY, time_scale), KEY("cooling", DOUBLE_KEY, cooling),
};

static double when(const char *v) { return strcmp(v, "now") == 0 ? NOW : strtod(v, 0); }

static void set_process(const char *v)
{
	/* GPU,PID,BYTES or "na",compute|graphics|mps */
	unsigned gpu, pid;
	char bytes[32], kind[16];
	if (now.processes == MAX_PROCESSES || sscanf(v, "%u,%u,%31[^,],%15s", &gpu, &pid, bytes, kind) != 4)
		return;
	uint64_t used = strcmp(bytes, "na") == 0 ? UINT64_MAX : strtoull(bytes, 0, 0);
	now.process[now.processes++] = (conf_process){
		.gpu = gpu, .kind = kind[0], .p = { .pid = pid, .used = used, .gi = UINT32_MAX, .ci = UINT32_MAX } };
}

static void set_xid(const char *v)
{
	char at[32] = "now";
	conf_xid x;
	if (now.xids == MAX_XIDS || sscanf(v, "%u,%u,%31s", &x.gpu, &x.code, at) < 2)
		return;
	x.at = when(at);
	now.xid[now.xids++] = x;
}

/* SECONDS:PERCENT,... in rising order */
static void set_script(const char *v)
{
	for (now.points = 0; now.points < MAX_SCRIPT; v++) {
		script_point *p = &now.script[now.points];
		if (sscanf(v, "%lf:%lf", &p->at, &p->percent) != 2)
			return;
		now.points++;
		if (!(v = strchr(v, ',')))
			return;
	}
}

static void set_gpus(const char *v)
{
	for (now.load_gpus = 0; v && *v; v = strchr(v, ',') ? strchr(v, ',') + 1 : 0)
		now.load_gpus |= 1ull << (strtoul(v, 0, 0) & 63);
}

/* GPU or GPU,SECONDS or GPU,now */
static void set_fault(const char *v, int *gpu, double *at)
{
	*gpu = atoi(v);
	v = strchr(v, ',');
	*at = v ? when(v + 1) : NOW;
}

void set(const char *k, const char *v)
{
	if (strcmp(k, "profile") == 0) {
		const profile *p = find_profile(v);
		if (p)
			now.model = p;
	} else if (strcmp(k, "load") == 0)
		now.load = strtoul(v, 0, 0) > 100 ? 100 : (uint32_t)strtoul(v, 0, 0);
	else if (strcmp(k, "process") == 0)
		set_process(v);
	else if (strcmp(k, "xid") == 0)
		set_xid(v);
	else if (strcmp(k, "load-script") == 0)
		set_script(v);
	else if (strcmp(k, "load-gpus") == 0)
		set_gpus(v);
	else if (strcmp(k, "counter-back") == 0)
		set_fault(v, &now.back_gpu, &now.back_at);
	else if (strcmp(k, "frozen") == 0)
		set_fault(v, &now.frozen_gpu, &now.frozen_at);
	else if (strcmp(k, "driver-reload") == 0)
		now.reload_at = when(v);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		char *at = (char *)&now + keys[i].at;
		if (strcmp(k, keys[i].key) != 0)
			continue;
		switch (keys[i].sort) {
		case TEXT_KEY: snprintf(at, keys[i].size, "%s", v); break;
		case INT_KEY: *(int *)(void *)at = (int)strtol(v, 0, 0); break;
		case DOUBLE_KEY: *(double *)(void *)at = strtod(v, 0); break;
		case U64_KEY: *(uint64_t *)(void *)at = strtoull(v, 0, 0); break;
		}
	}
}
