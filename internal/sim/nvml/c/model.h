/* The moving part: what each GPU does from tick to tick, and what a call sees of it. */
#ifndef HALLMARK_FAKE_MODEL_H
#define HALLMARK_FAKE_MODEL_H

#include "profile.h"

enum { TICK_MS = 100, TICKS_PER_SECOND = 10, RELOAD_TICKS = 20, POLICIES = 8 };
enum { IDLE = 1, POWER_CAP = 4, HW_SLOWDOWN = 8, SW_THERMAL = 0x20, HW_THERMAL = 0x40 };

/* Of one GPU, at the end of a tick. */
typedef struct {
	double gpu_c, memory_c;
	double load, clock, slow;   /* shares of one: work, of the highest clock, what software leaves of it for heat */
	int braked;                 /* hardware slowdown */
	uint64_t reasons;
	double watts[TICKS_PER_SECOND]; /* mW of the last second's ticks */
	double energy_mj, link_kib, pcie_sent, pcie_received;
	uint64_t policy[POLICIES];  /* ns, of fields 74..81 */
	uint64_t thermal[2];        /* ns, of fields 269, 270 */
	double busy_s, sm_s, dram_s; /* integrals, for GPM */
} gpu_state;

struct model {
	const profile *profile;
	uint64_t epoch_ms, tick;    /* CLOCK_BOOTTIME of tick 0; ticks that are done */
	uint64_t cpu_ticks, cpu_ms; /* what load-pid had used, and when */
	double cpu_load;
	gpu_state gpu[MAX_GPUS];
};
extern struct model m;

/* What calls answer from, in either mode. */
typedef struct {
	uint32_t power_mw, average_mw, clock[4], busy, memory_busy, pstate, pcie_gen;
	int gpu_c, memory_c, margin_c;
	uint64_t energy_mj, reasons, extra_bytes, policy[POLICIES], thermal[2], link_kib, pcie_sent, pcie_received;
	double at_s, busy_s, sm_s, dram_s;
} reading;

uint64_t boot_ms(void);
double model_seconds(void);
uint64_t reload_tick(void);     /* UINT64_MAX: none */
int driver_reloaded(void);      /* since this process initialised the library */
int driver_absent(void);
void driver_loaded(void);       /* the library was initialised */
double load_now(void);          /* of the process, as a share of one core */
double load_at(uint64_t tick, uint32_t gpu);
int moves(void);
void advance(void);
void step(uint32_t index, uint64_t tick, double seconds);
void cold(uint32_t index);      /* the state at the epoch */
void clear_counters(gpu_state *g);
void save_state(int at_once);
int load_state(void);
const reading *look(uint32_t index);

#endif
