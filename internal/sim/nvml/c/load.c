/* What the GPUs have to do: nothing, a fixed share, a script's, or what a process uses of the CPU. */
#include "model.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int moves(void) { return now.moving || now.points || now.load_pid; }

static double script(double t)
{
	const script_point *p = now.script;
	if (now.load_repeat > 0)
		t -= now.load_repeat * (double)(uint64_t)(t / now.load_repeat);
	if (t < p[0].at)
		return p[0].percent;
	for (uint32_t i = 1; i < now.points; i++) {
		if (t >= p[i].at)
			continue;
		if (now.step)
			return p[i - 1].percent;
		return p[i - 1].percent + (p[i].percent - p[i - 1].percent) * (t - p[i - 1].at) / (p[i].at - p[i - 1].at);
	}
	return p[now.points - 1].percent;
}

/* cpu_ticks that the process has used, utime and stime; 0 if it is gone. */
static uint64_t cpu_ticks(int pid)
{
	char path[64], text[1024];
	unsigned long long user, kernel;
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return 0;
	text[fread(text, 1, sizeof text - 1, f)] = 0;
	fclose(f);
	char *end = strrchr(text, ')'); /* the name may hold anything */
	if (!end || sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &kernel) != 2)
		return 0;
	return user + kernel;
}

/* load_now measures over 200 ms or more: the kernel counts in hundredths of a second. */
double load_now(void)
{
	uint64_t ms = boot_ms();
	if (!now.load_pid || ms - m.cpu_ms < 200)
		return m.cpu_load;
	uint64_t used = cpu_ticks(now.load_pid);
	double share = m.cpu_ms && m.cpu_ticks && used > m.cpu_ticks
		? (double)(used - m.cpu_ticks) * 1000 / (double)sysconf(_SC_CLK_TCK) / (double)(ms - m.cpu_ms) : 0;
	m.cpu_ticks = used;
	m.cpu_ms = ms;
	return m.cpu_load = share > 1 ? 1 : share;
}

/* load_at is what the GPU really does; a faked utilisation does nothing. */
double load_at(uint64_t tick, uint32_t gpu)
{
	if (now.fake_utilisation >= 0 || !(now.load_gpus >> gpu & 1))
		return 0;
	double p = now.points ? script((double)tick / TICKS_PER_SECOND) : now.load_pid ? m.cpu_load * 100 : now.load;
	return p < 0 ? 0 : p > 100 ? 1 : p / 100;
}
