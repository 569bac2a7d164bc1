/* What a call sees of a GPU: the still figures, or the model's, with the faults laid over. */
#include "model.h"

#define M (now.model)

static uint32_t usage_mw(uint32_t load) { return M->idle_mw + (uint32_t)((uint64_t)(M->limit_mw - M->idle_mw) * load / 100); }

/* Energy is power times the time since boot, or since the driver was loaded anew. */
static void still(uint32_t index, reading *r)
{
	uint32_t load = now.fake_utilisation >= 0 ? 0 : now.load;
	uint64_t reload = reload_tick();
	double seconds = model_seconds();
	int anew = reload <= (uint64_t)(seconds * TICKS_PER_SECOND);
	*r = (reading){ .power_mw = usage_mw(load) + index * 310, .busy = load, .memory_busy = load / 2,
		.pstate = load ? 0 : M->idle_pstate, .pcie_gen = load ? M->pcie_gen : M->idle_gen,
		.gpu_c = M->gpu_c + (int)load * 35 / 100 + (int)(index & 3),
		.memory_c = M->memory_c == NONE ? NONE : M->memory_c + (int)load * 40 / 100,
		.reasons = load == 0 ? IDLE : load == 100 ? POWER_CAP : 0, .at_s = (double)boot_ms() / 1000 };
	for (int i = 0; i < 4; i++)
		r->clock[i] = load ? M->max_clock[i] : M->idle_clock[i];
	r->average_mw = r->power_mw;
	r->busy_s = r->at_s * load / 100;
	r->sm_s = r->busy_s * 0.9;
	r->dram_s = r->busy_s * 0.55;
	if (anew) {
		r->energy_mj = (uint64_t)((seconds - (double)reload / TICKS_PER_SECOND) * usage_mw(load));
		return;
	}
	r->energy_mj = derive(index, "energy") % 1000000000ull + boot_ms() * usage_mw(load) / 1000;
	r->policy[0] = derive(index, "power") % 5000000000ull;
	r->policy[1] = r->thermal[0] = derive(index, "thermal") % 5000000000ull;
	r->link_kib = derive(index, "nvlink") % 5000000000ull;
	r->pcie_sent = derive(index, "pcie-sent") % 5000000000ull;
	r->pcie_received = derive(index, "pcie-received") % 5000000000ull;
}

static void moving(uint32_t index, reading *r)
{
	const gpu_state *g = &m.gpu[index];
	int idle = g->load == 0;
	double average = 0;
	for (int i = 0; i < TICKS_PER_SECOND; i++)
		average += g->watts[i] / TICKS_PER_SECOND;
	*r = (reading){ .power_mw = (uint32_t)g->watts[(m.tick + TICKS_PER_SECOND - 1) % TICKS_PER_SECOND], .average_mw = (uint32_t)average,
		.busy = (uint32_t)(g->load * 100 + 0.5), .memory_busy = (uint32_t)(g->load * 50 + 0.5),
		.pstate = idle ? M->idle_pstate : 0, .pcie_gen = idle ? M->idle_gen : M->pcie_gen,
		.gpu_c = (int)(g->gpu_c + 0.5), .memory_c = M->memory_c == NONE ? NONE : (int)(g->memory_c + 0.5),
		.energy_mj = (uint64_t)g->energy_mj, .reasons = g->reasons, .extra_bytes = (uint64_t)(g->load * 512) << 20,
		.link_kib = (uint64_t)g->link_kib, .pcie_sent = (uint64_t)g->pcie_sent, .pcie_received = (uint64_t)g->pcie_received,
		.at_s = (double)m.tick / TICKS_PER_SECOND, .busy_s = g->busy_s, .sm_s = g->sm_s, .dram_s = g->dram_s };
	for (int i = 0; i < 4; i++)
		r->clock[i] = idle ? M->idle_clock[i] : i == 2 ? M->max_clock[i] : (uint32_t)(M->max_clock[i] * g->clock) / 15 * 15;
	for (int i = 0; i < POLICIES; i++)
		r->policy[i] = g->policy[i];
	r->thermal[0] = g->thermal[0];
	r->thermal[1] = g->thermal[1];
}

/* hit: the fault of that GPU has begun. */
static int hit(int gpu, double at, uint32_t index) { return gpu == (int)index && (at == NOW || at <= model_seconds()); }

/* look is good until the lock is given back. */
const reading *look(uint32_t index)
{
	static reading r, still_of[MAX_GPUS];
	static uint8_t frozen[MAX_GPUS];
	static uint64_t back[MAX_GPUS];
	int freeze = hit(now.frozen_gpu, now.frozen_at, index);
	if (freeze && frozen[index])
		return &still_of[index];
	frozen[index] = (uint8_t)freeze;
	(moves() ? moving : still)(index, &r);
	r.margin_c = M->max_c - r.gpu_c;
	if (now.fake_utilisation >= 0)
		r.busy = r.memory_busy = (uint32_t)now.fake_utilisation;
	/* The counter falls by a quarter of what it was, once. */
	if (!hit(now.back_gpu, now.back_at, index))
		back[index] = 0;
	else if (!back[index])
		back[index] = r.energy_mj / 4 + 1;
	r.energy_mj -= back[index] < r.energy_mj ? back[index] : r.energy_mj;
	if (!freeze)
		return &r;
	still_of[index] = r;
	return &still_of[index];
}
