/* What a simulated model of GPU says of itself, and the state of one run. */
#ifndef HALLMARK_FAKE_PROFILE_H
#define HALLMARK_FAKE_PROFILE_H

#include "abi.h"

enum { MAX_GPUS = 16, MAX_LINKS = 18, MAX_PROCESSES = 64, MAX_SCRIPT = 64, MAX_XIDS = 32 };
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
	int max_c, slowdown_c, memory_max_c;            /* where the model slows down by software, by hardware, for its memory */
	int margin, gpm, average_power;                 /* offers the margin call, GPM, field 185 */
	uint32_t pcie_gen, idle_gen, idle_pstate;
	uint32_t links, link_kind, link_version, link_mbytes;
	int fabric, mig, cc_capable;
	uint8_t bus[MAX_GPUS];
	uint8_t switches[4];                            /* buses of NVSwitches */
} profile;

typedef struct { uint32_t gpu; char kind; process p; } conf_process;

typedef struct { double at, percent; } script_point;
typedef struct { uint32_t gpu, code; double at; } conf_xid; /* at in model seconds; NOW: when the configuration says so */
#define NOW (-1.0)
#define NEVER (-2.0)

typedef struct {
	const profile *model;
	char mode[32], hang_call[64], crash_call[64], deny_call[64], name[96];
	int lost, lost_handle, hang_gpu, back_gpu, frozen_gpu, mig_gpu, fake_utilisation;
	double hang_seconds, back_at, frozen_at, reload_at;
	uint64_t seed, epoch_ms, load_gpus; /* load_gpus: a bit for each GPU that follows the load */
	uint32_t load, memory_mib, device_id, count;
	int moving, load_pid, step, ambient_c;
	double load_repeat, time_scale, cooling;
	char clock_file[256], state_file[256];
	uint32_t points, processes, xids;
	script_point script[MAX_SCRIPT];
	conf_process process[MAX_PROCESSES];
	conf_xid xid[MAX_XIDS];
} conf;

struct gpu { uint32_t index; };

extern conf now;
const profile *find_profile(const char *key);
void set(const char *key, const char *value);
void read_conf(void);
int conf_changed(void);
uint64_t derive(uint32_t index, const char *salt);
uint64_t mix(uint64_t h);
uint32_t total_mib(void);

#endif
