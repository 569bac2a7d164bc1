// Package nvml builds and configures the simulated GPU driver library: our own
// libnvidia-ml.so.1 in C, compiled by gcc, loaded by the real probe through the
// real dlopen. It stands at the lowest boundary there is without a kernel module,
// so the probe under test is the probe that ships.
//
// The models' figures are plausible by the project's catalogue; UUIDs and serials
// come from a seed. That a root user can do the same is the reason why NVML claims
// outside signed reports prove nothing.
//
// # Motion
//
// Still by default: every figure follows from profile, seed and load. With Motion a
// model runs, in ticks of 100 ms on a grid from an epoch, carried on by whichever
// call comes next; noise comes from the tick's number. Of each GPU:
//
//	power        idle + (1.06 limit - idle) · load · clock², about 1 % of noise, held at the limit
//	GPU          nears inlet + R · power, with R = 35 C between idle and limit, in 30 s
//	memory       the same, somewhat warmer, in 40 s
//	clock        1; less by software from GPU max (or memory max) on, 10 % a second down to one
//	             half, back 2 % a second; half by hardware from slowdown on; less at the limit
//	reasons      1 idle, 4 power limit, 0x20 software for heat, 0x48 hardware for heat; the
//	             counters 74..81, 269 and 270 are the time spent so
//	energy       the integral of power; NVLink, PCIe and GPM go with load and clock
//
// A faked utilisation is a load of 0 with other words for it: power, temperature,
// clocks, counters and GPM stay honest. ECC errors, remapped rows and replays are
// small constants.
//
// There is no call that sets anything: a caller that makes one dies of the symbol.
//
// Only tests and the demo import this package; nothing here is packaged.
package nvml
