/* The few types of NVML's binary interface that the fake serves. Written from the
 * public interface; sizes are held by the assertions below (x86-64 and arm64). */
#ifndef HALLMARK_FAKE_ABI_H
#define HALLMARK_FAKE_ABI_H

#include <stdint.h>

typedef int ret; /* nvmlReturn_t */
enum {
	OK = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NO_PERMISSION = 4,
	INSUFFICIENT_SIZE = 7, NOT_LOADED = 9, TIMED_OUT = 10, GPU_IS_LOST = 15, VERSION_MISMATCH = 18,
	OUT_OF_MEMORY = 20, NO_DATA = 21, ARGUMENT_VERSION_MISMATCH = 25
};

typedef struct gpu *dev; /* nvmlDevice_t */

typedef struct {
	char legacy[16];
	uint32_t domain, bus, device, id, subsystem;
	char address[32];
} pci_info;

typedef struct { uint64_t total, free, used; } memory_v1;
typedef struct { uint32_t version; uint64_t total, reserved, free, used; } memory_v2;
typedef struct { uint64_t total, free, used; } bar1;
typedef struct { uint32_t gpu, memory; } rates;
typedef struct { uint32_t pid; uint64_t used; uint32_t gi, ci; } process;
typedef struct {
	uint32_t id, scope;
	int64_t timestamp, latency;
	uint32_t type;
	ret result;
	union { uint32_t u; int32_t i; uint64_t ull; } value;
} field_value;
enum { T_UINT = 1, T_ULL = 3, T_INT = 5 };

typedef struct { uint32_t cpu, gpus; } cc_caps;
typedef struct { uint32_t environment, feature, devtools; } cc_state;
typedef struct { uint32_t version, environment, feature, devtools, multi_gpu; } cc_settings;
typedef struct {
	uint32_t version;
	uint8_t cluster[16];
	ret status;
	uint32_t clique;
	uint8_t state;
	uint32_t health_mask;
	uint8_t summary; /* version 3 only */
} fabric_v3;

typedef struct { uint32_t version; int32_t celsius; } margin_v1;

typedef struct gpm_sample *sample; /* nvmlGpmSample_t, a structure of one pointer */
typedef struct { uint32_t id; ret result; double value; const char *name, *long_name, *unit; } gpm_metric;
enum { GPM_METRICS = 210 };
typedef struct { uint32_t version, n; sample first, second; gpm_metric metric[GPM_METRICS]; } gpm_get;
typedef struct { uint32_t version, supported; } gpm_support;

typedef struct event_set *events; /* nvmlEventSet_t, likewise */
typedef struct { dev device; uint64_t type, data; uint32_t gi, ci; } event_data;
#define XID_EVENT 8ull

#define VERSION(size, n) ((uint32_t)(size) | (uint32_t)(n) << 24)

_Static_assert(sizeof(pci_info) == 68, "nvmlPciInfo_t");
_Static_assert(sizeof(memory_v2) == 40, "nvmlMemory_v2_t");
_Static_assert(sizeof(process) == 24, "nvmlProcessInfo_v2_t");
_Static_assert(sizeof(field_value) == 40, "nvmlFieldValue_t");
_Static_assert(sizeof(margin_v1) == 8, "nvmlMarginTemperature_v1_t");
_Static_assert(sizeof(gpm_metric) == 40 && sizeof(gpm_get) == 24 + 210 * 40, "nvmlGpmMetricsGet_t");
_Static_assert(sizeof(event_data) == 32, "nvmlEventData_t");
_Static_assert(sizeof(fabric_v3) == 40, "nvmlGpuFabricInfo_v3_t");

#define EXPORT __attribute__((visibility("default")))

#endif
