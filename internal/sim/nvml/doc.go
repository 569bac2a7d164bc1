// Package nvml builds and configures the simulated GPU driver library: our own
// libnvidia-ml.so.1 in C, compiled by gcc, loaded by the real probe through the
// real dlopen. It stands at the lowest boundary there is without a kernel module,
// so the probe under test is the probe that ships.
//
// The models' figures are plausible by the project's catalogue; UUIDs and serials
// come from a seed. That a root user can do the same is the reason why NVML claims
// outside signed reports prove nothing.
//
// Only tests and the demo import this package; nothing here is packaged.
package nvml
