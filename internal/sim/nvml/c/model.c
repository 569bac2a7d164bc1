/* Time goes by: the model is carried on, in whole ticks, from the last call to this
 * one. The ticks lie on a grid from the epoch, and noise comes from a tick's number,
 * so that every process finds the same history. doc.go describes the physics. */
#include "model.h"

struct model m;

static void start(void)
{
	uint64_t epoch = now.epoch_ms ? now.epoch_ms : m.epoch_ms;
	m = (struct model){ .profile = now.model, .epoch_ms = epoch };
	if (load_state())
		return;
	if (!m.epoch_ms)
		m.epoch_ms = boot_ms();
	for (uint32_t i = 0; i < now.model->count; i++)
		cold(i);
}

void advance(void)
{
	enum { DAY = 86400 * TICKS_PER_SECOND };
	if (m.profile != now.model || (now.epoch_ms && now.epoch_ms != m.epoch_ms))
		start();
	if (!moves())
		return;
	uint64_t end = (uint64_t)(model_seconds() * TICKS_PER_SECOND), reload = reload_tick();
	load_now();
	while (m.tick < end) {
		uint64_t n = end - m.tick > DAY ? 100 : 1; /* what is long past may be coarse */
		for (uint32_t i = 0; i < now.model->count; i++) {
			if (reload - m.tick < n)
				clear_counters(&m.gpu[i]);
			step(i, m.tick, (double)n / TICKS_PER_SECOND);
		}
		m.tick += n;
	}
	save_state(0);
}
