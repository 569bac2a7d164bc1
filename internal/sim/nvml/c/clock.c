/* The model's time, and the driver being loaded anew in it. */
#include "model.h"
#include <stdio.h>
#include <time.h>

static uint64_t loaded_tick, latched = UINT64_MAX;

uint64_t boot_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* model_seconds since the epoch, by the clock file (milliseconds, as text) if there is one. */
double model_seconds(void)
{
	if (now.clock_file[0]) {
		static double last;
		FILE *f = fopen(now.clock_file, "re");
		if (f) {
			double ms;
			if (fscanf(f, "%lf", &ms) == 1)
				last = ms / 1000;
			fclose(f);
		}
		return last;
	}
	uint64_t ms = boot_ms();
	return ms > m.epoch_ms ? (double)(ms - m.epoch_ms) * now.time_scale / 1000 : 0;
}

static uint64_t tick_now(void) { return (uint64_t)(model_seconds() * TICKS_PER_SECOND); }

/* "now" is the first look at a configuration that says so, until one does not. */
uint64_t reload_tick(void)
{
	if (now.reload_at != NOW) {
		latched = UINT64_MAX;
		return now.reload_at == NEVER ? UINT64_MAX : (uint64_t)(now.reload_at * TICKS_PER_SECOND);
	}
	if (latched == UINT64_MAX)
		latched = tick_now() + 1;
	return latched;
}

int driver_reloaded(void)
{
	uint64_t at = reload_tick();
	return at > loaded_tick && at <= tick_now();
}

int driver_absent(void)
{
	uint64_t at = reload_tick(), tick = tick_now();
	return at <= tick && tick - at < RELOAD_TICKS;
}

void driver_loaded(void) { loaded_tick = tick_now(); }
