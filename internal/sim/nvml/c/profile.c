/* The models. Sources: the project's catalogue of GPU facts (device ids, MiB, bus
 * width, cores, clocks, power, links) and published nvidia-smi prints. */
#include "profile.h"
#include <string.h>

static const profile profiles[] = {
	{ .key = "h100-sxm-8", .name = "NVIDIA H100 80GB HBM3", .part = "692-2G520-0200-000",
	  .vbios = "96.00.89.00.01", .inforom = "G520.0200.00.05", .serial_prefix = "165",
	  .count = 8, .brand = 14, .arch = 9, .cc_major = 9, .cc_minor = 0, .device_id = 0x2330, .subsystem = 0x16C1,
	  .memory_mib = 81559, .reserved_mib = 551, .bar1_mib = 131072, .bus_bits = 5120, .cores = 16896,
	  .max_clock = { 1980, 1980, 2619, 1545 }, .idle_clock = { 345, 345, 2619, 765 },
	  .limit_mw = 700000, .min_limit_mw = 200000, .idle_mw = 71000, .gpu_c = 31, .memory_c = 39,
	  .threshold = { NONE, NONE, NONE, NONE }, .tlimit = { -8, -2, 0, 0 },
	  .max_c = 87, .slowdown_c = 89, .memory_max_c = 95, .margin = 1, .gpm = 1, .average_power = 1,
	  .pcie_gen = 5, .idle_gen = 5, .idle_pstate = 0,
	  .links = 18, .link_kind = TO_SWITCHES, .link_version = 6, .link_mbytes = 26562,
	  .fabric = 1, .mig = 1, .cc_capable = 1,
	  .bus = { 0x18, 0x2a, 0x3a, 0x5d, 0x9a, 0xab, 0xba, 0xdb }, .switches = { 0x07, 0x08, 0x09, 0x0a } },
	{ .key = "a100-sxm-4", .name = "NVIDIA A100-SXM4-80GB", .part = "692-2G506-0212-002",
	  .vbios = "92.00.45.00.03", .inforom = "G506.0212.00.02", .serial_prefix = "156",
	  .count = 4, .brand = 14, .arch = 7, .cc_major = 8, .cc_minor = 0, .device_id = 0x20B2, .subsystem = 0x1463,
	  .memory_mib = 81920, .reserved_mib = 868, .bar1_mib = 131072, .bus_bits = 5120, .cores = 6912,
	  .max_clock = { 1410, 1410, 1593, 1290 }, .idle_clock = { 210, 210, 1593, 585 },
	  .limit_mw = 400000, .min_limit_mw = 100000, .idle_mw = 61000, .gpu_c = 29, .memory_c = 36,
	  .threshold = { 92, 89, 95, 85 }, .tlimit = { NONE, NONE, NONE, NONE },
	  .max_c = 85, .slowdown_c = 89, .memory_max_c = 95, .margin = 0, .gpm = 0, .average_power = 0, /* GA100 averages nothing */
	  .pcie_gen = 4, .idle_gen = 4, .idle_pstate = 0,
	  .links = 12, .link_kind = TO_PEERS, .link_version = 4, .link_mbytes = 25000,
	  .fabric = 0, .mig = 1, .cc_capable = 0, .bus = { 0x01, 0x41, 0x81, 0xc1 } },
	{ .key = "l40s-2", .name = "NVIDIA L40S", .part = "900-2G133-0080-000",
	  .vbios = "95.02.66.00.02", .inforom = "G133.0242.00.03", .serial_prefix = "132",
	  .count = 2, .brand = 14, .arch = 8, .cc_major = 8, .cc_minor = 9, .device_id = 0x26B9, .subsystem = 0x1851,
	  .memory_mib = 46068, .reserved_mib = 599, .bar1_mib = 65536, .bus_bits = 384, .cores = 18176,
	  .max_clock = { 2520, 2520, 9001, 1965 }, .idle_clock = { 210, 210, 405, 1185 },
	  .limit_mw = 350000, .min_limit_mw = 100000, .idle_mw = 34000, .gpu_c = 33, .memory_c = NONE,
	  .threshold = { NONE, NONE, NONE, NONE }, .tlimit = { -5, -2, NONE, 0 },
	  .max_c = 88, .slowdown_c = 90, .memory_max_c = NONE, .margin = 1, .gpm = 0, .average_power = 1,
	  .pcie_gen = 4, .idle_gen = 1, .idle_pstate = 8,
	  .links = 0, .link_kind = NO_LINKS, .fabric = 0, .mig = 0, .cc_capable = 0, .bus = { 0x3d, 0xbd } },
};

const profile *find_profile(const char *key)
{
	for (unsigned i = 0; i < sizeof profiles / sizeof *profiles; i++)
		if (strcmp(profiles[i].key, key) == 0)
			return &profiles[i];
	return 0;
}
