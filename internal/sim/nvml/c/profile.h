/* What a simulated model of GPU says of itself, and the state of one run. */
#ifndef HALLMARK_FAKE_PROFILE_H
#define HALLMARK_FAKE_PROFILE_H

#include "abi.h"

enum { MAX_GPUS = 16, MAX_LINKS = 18, MAX_PROCESSES = 64 };
enum { NO_LINKS, TO_SWITCHES, TO_PEERS };
#define NONE (-1000) /* a temperature this model does not offer */

typedef struct {
	const char *key, *name, *part, *vbios, *inforom, *serial_prefix;
	uint32_t count, brand, arch, cc_major, cc_minor, device_id, subsystem;
	uint32_t memory_mib, reserved_mib, bar1_mib, bus_bits, cores;
	uint32_t max_clock[4], idle_clock[4];           /* graphics, SM, memory, video: MHz */
	uint32_t limit_mw, min_limit_mw, idle_mw;
	int gpu_c, memory_c;                            /* idle */
	int threshold[4];                               /* shutdown, slowdown, memory max, gpu max: C */
	int tlimit[4];                                  /* the same as margins, Ada and later */
	uint32_t pcie_gen, idle_gen, idle_pstate;
	uint32_t links, link_kind, link_version, link_mbytes;
	int fabric, mig, cc_capable;
	uint8_t bus[MAX_GPUS];
	uint8_t switches[4];                            /* buses of NVSwitches */
} profile;

typedef struct { uint32_t gpu; char kind; process p; } conf_process;

typedef struct {
	const profile *model;
	char mode[32], hang_call[64], crash_call[64], name[96];
	int lost, lost_handle;
	uint64_t seed;
	uint32_t load, memory_mib, device_id, count;
	uint32_t processes;
	conf_process process[MAX_PROCESSES];
} conf;

struct gpu { uint32_t index; };

extern conf now;
const profile *find_profile(const char *key);
void read_conf(void);
uint64_t derive(uint32_t index, const char *salt);
uint32_t total_mib(void);
uint32_t usage_mw(void);

#endif
