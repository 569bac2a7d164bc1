/* Loads the library and calls it: a line "ID WORD [GPU]" on stdin, a line
 * "ID RETURN KEY=VALUE ..." on stdout. Each line has a thread of its own, so that
 * one may hang. */
#define _GNU_SOURCE
#include "abi.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *lib;
static events set;
static sample samples[2];

static void *sym(const char *name)
{
	void *f = dlsym(lib, name);
	if (!f) {
		fprintf(stderr, "no %s\n", name);
		exit(1);
	}
	return f;
}
#define CALL(name, ...) ((ret (*)())sym(#name))(__VA_ARGS__)

static void add(char *out, const char *key, ret r, long long v)
{
	sprintf(out + strlen(out), r == OK ? " %s=%lld" : " %s.ret=%lld", key, r == OK ? v : r);
}

static ret read_all(dev d, char *out)
{
	static const unsigned ids[] = { 3, 4, 5, 6, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 94, 138, 139, 140, 141, 142, 143, 144, 145,
		161, 162, 163, 185, 186, 187, 188, 189, 190, 191, 193, 194, 195, 196, 197, 198, 269, 270, 271 };
	enum { N = sizeof ids / sizeof *ids };
	unsigned v;
	unsigned long long w;
	rates u = { 0 };
	memory_v2 memory = { .version = VERSION(sizeof memory, 2) };
	margin_v1 margin = { .version = VERSION(sizeof margin, 1) };
	field_value list[N + 1];
	char key[16];
	ret r = CALL(nvmlDeviceGetTemperature, d, 0, &v);
	if (r != OK)
		return r;
	add(out, "gpu_c", r, v);
	r = CALL(nvmlDeviceGetPowerUsage, d, &v);
	add(out, "power", r, v);
	r = CALL(nvmlDeviceGetTotalEnergyConsumption, d, &w);
	add(out, "energy", r, (long long)w);
	r = CALL(nvmlDeviceGetCurrentClocksEventReasons, d, &w);
	add(out, "reasons", r, (long long)w);
	r = CALL(nvmlDeviceGetClockInfo, d, 1, &v);
	add(out, "sm_mhz", r, v);
	r = CALL(nvmlDeviceGetUtilizationRates, d, &u);
	add(out, "busy", r, u.gpu);
	r = CALL(nvmlDeviceGetMemoryInfo_v2, d, &memory);
	add(out, "used", r, (long long)memory.used);
	r = CALL(nvmlDeviceGetMarginTemperature, d, &margin);
	add(out, "margin", r, margin.celsius);
	for (int i = 0; i < N; i++)
		list[i] = (field_value){ .id = ids[i] };
	list[N] = (field_value){ .id = 138, .scope = UINT32_MAX };
	r = CALL(nvmlDeviceGetFieldValues, d, N + 1, list);
	for (int i = 0; i <= N && r == OK; i++) {
		sprintf(key, i < N ? "f%u" : "f%u.all", list[i].id);
		add(out, key, list[i].result, list[i].type == T_INT ? list[i].value.i : (long long)list[i].value.ull);
	}
	return r;
}

static ret gpm(dev d, int which, char *out)
{
	static const unsigned ids[] = { 1, 2, 3, 5, 10, 199 };
	gpm_get g = { .version = 1, .n = 6 };
	ret r = samples[which] ? OK : CALL(nvmlGpmSampleAlloc, &samples[which]);
	if (r == OK)
		r = CALL(nvmlGpmSampleGet, d, samples[which]);
	if (r != OK || which == 0)
		return r;
	for (int i = 0; i < 6; i++)
		g.metric[i].id = ids[i];
	g.first = samples[0];
	g.second = samples[1];
	r = CALL(nvmlGpmMetricsGet, &g);
	for (int i = 0; i < 6; i++) {
		char key[16];
		sprintf(key, "m%u", ids[i]);
		add(out, key, g.metric[i].result, (long long)(g.metric[i].value * 100));
	}
	return r;
}

static ret answer(const char *word, unsigned gpu, char *out)
{
	dev d = 0;
	event_data e = { 0 };
	if (strcmp(word, "init") == 0)
		return CALL(nvmlInit_v2, );
	if (strcmp(word, "shutdown") == 0)
		return CALL(nvmlShutdown, );
	if (strcmp(word, "xid") == 0) {
		ret r = CALL(nvmlEventSetWait_v2, set, &e, 0);
		add(out, "xid", r, (long long)e.data);
		return r;
	}
	ret r = CALL(nvmlDeviceGetHandleByIndex_v2, gpu, &d);
	if (r != OK)
		return r;
	if (strcmp(word, "register") == 0) {
		r = set ? OK : CALL(nvmlEventSetCreate, &set);
		return r == OK ? CALL(nvmlDeviceRegisterEvents, d, XID_EVENT, set) : r;
	}
	if (strcmp(word, "gpm0") == 0 || strcmp(word, "gpm1") == 0)
		return gpm(d, word[3] - '0', out);
	return read_all(d, out);
}

static void *serve(void *line)
{
	unsigned id, gpu = 0;
	char word[32] = "", out[4096] = "";
	if (sscanf(line, "%u %31s %u", &id, word, &gpu) < 2)
		exit(1);
	free(line);
	ret r = answer(word, gpu, out);
	flockfile(stdout);
	printf("%u %d%s\n", id, r, out);
	fflush(stdout);
	funlockfile(stdout);
	return 0;
}

int main(int n, char **args)
{
	char line[128];
	if (n != 2 || !(lib = dlopen(args[1], RTLD_NOW))) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	while (fgets(line, sizeof line, stdin)) {
		pthread_t t;
		if (pthread_create(&t, 0, serve, strdup(line)) != 0 || pthread_detach(t) != 0)
			return 1;
	}
	return 0;
}
