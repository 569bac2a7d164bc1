/* One GPU in one tick. */
#include "model.h"

#define M (now.model)
#define TAU_GPU 30.0
#define TAU_MEMORY 40.0

/* noise lies between -1 and 1. */
static double noise(uint32_t index, uint64_t tick)
{
	return (double)(mix(now.seed << 40 ^ (uint64_t)index << 56 ^ tick ^ 0x9e37) >> 11) / (double)(1ull << 52) - 1;
}

/* per_mw: 35 C between idle and limit with whole cooling, a little more or less from board to board. */
static double per_mw(uint32_t index)
{
	double spread = 0.97 + (double)(derive(index, "cooling") % 61) / 1000, cooling = now.cooling > 1 ? now.cooling : 1;
	return 35.0 / (M->limit_mw - M->idle_mw) * spread * 100 / cooling;
}

static double inlet(uint32_t index)
{
	double own = M->gpu_c - 35.0 / (M->limit_mw - M->idle_mw) * M->idle_mw;
	return (now.ambient_c == NONE ? own : now.ambient_c) + (index & 3);
}

static int memory_rise(void) { return M->memory_c == NONE ? 8 : M->memory_c - M->gpu_c; }

void cold(uint32_t index)
{
	gpu_state *g = &m.gpu[index];
	*g = (gpu_state){ .slow = 1, .energy_mj = (double)(derive(index, "energy") % 1000000000ull), .reasons = IDLE };
	g->gpu_c = inlet(index) + per_mw(index) * M->idle_mw;
	g->memory_c = g->gpu_c + memory_rise();
	g->policy[0] = derive(index, "power") % 5000000000ull;
	g->policy[1] = g->thermal[0] = derive(index, "thermal") % 5000000000ull;
	for (int i = 0; i < TICKS_PER_SECOND; i++)
		g->watts[i] = M->idle_mw;
}

void clear_counters(gpu_state *g)
{
	g->energy_mj = g->link_kib = g->pcie_sent = g->pcie_received = 0;
	for (int i = 0; i < POLICIES; i++)
		g->policy[i] = 0;
	g->thermal[0] = g->thermal[1] = 0;
}

/* throttle: software takes from the clocks little by little, hardware half of them. */
static void throttle(gpu_state *g, double seconds)
{
	int hot = g->gpu_c >= M->max_c || (M->memory_max_c != NONE && g->memory_c >= M->memory_max_c);
	if (g->gpu_c >= M->slowdown_c)
		g->braked = 1;
	else if (g->gpu_c < M->max_c - 1)
		g->braked = 0;
	if (hot)
		g->slow = g->slow - 0.10 * seconds < 0.5 ? 0.5 : g->slow - 0.10 * seconds;
	else if (g->gpu_c < M->max_c - 2)
		g->slow = g->slow + 0.02 * seconds > 1 ? 1 : g->slow + 0.02 * seconds;
}

static void count(gpu_state *g, double seconds)
{
	uint64_t ns = (uint64_t)(seconds * 1e9);
	int heat = (g->reasons & (SW_THERMAL | HW_THERMAL)) != 0, any = heat || g->reasons & POWER_CAP;
	g->policy[0] += g->reasons & POWER_CAP ? ns : 0;
	g->policy[1] += heat ? ns : 0;
	g->policy[4] += g->reasons & IDLE ? ns : 0;
	g->policy[6] += any ? ns : 0;
	g->policy[7] += any && g->clock < 0.7 ? ns : 0;
	g->thermal[0] += g->reasons & SW_THERMAL ? ns : 0;
	g->thermal[1] += g->reasons & HW_THERMAL ? ns : 0;
	double work = g->load * g->clock * seconds;
	g->link_kib += work * 0.3 * M->links * M->link_mbytes * 1e6 / 1024;
	g->pcie_sent += (work * 400 + seconds * 0.02) * 1e6; /* bytes */
	g->pcie_received += (work * 1500 + seconds * 0.05) * 1e6;
	g->busy_s += g->load * seconds;
	g->sm_s += work * 0.9;
	g->dram_s += work * 0.55;
}

void step(uint32_t index, uint64_t tick, double seconds)
{
	gpu_state *g = &m.gpu[index];
	double idle = M->idle_mw, limit = M->limit_mw, n = noise(index, tick);
	g->load = load_at(tick, index);
	throttle(g, seconds);
	g->clock = g->slow * (g->braked ? 0.5 : 1);
	g->reasons = g->load == 0 ? IDLE : 0;
	if (g->load > 0 && g->slow < 1)
		g->reasons |= SW_THERMAL;
	if (g->load > 0 && g->braked)
		g->reasons |= HW_THERMAL | HW_SLOWDOWN;
	/* Power goes with the square of the clock; a full load would take a little more than the limit. */
	double power = idle + (limit * 1.06 - idle) * g->load * g->clock * g->clock;
	power += n * (0.002 * idle + 0.01 * (power - idle));
	if (power > limit) {
		g->reasons |= POWER_CAP;
		g->clock *= 1 - (power / limit - 1) / 2;
		power = limit * (1 - 0.004 * (n + 1));
	}
	g->watts[tick % TICKS_PER_SECOND] = power;
	g->energy_mj += power * seconds;
	double target = inlet(index) + per_mw(index) * power;
	g->gpu_c += (target - g->gpu_c) * seconds / TAU_GPU;
	g->memory_c += (target + memory_rise() + 5 * g->load - g->memory_c) * seconds / TAU_MEMORY;
	count(g, seconds);
}
