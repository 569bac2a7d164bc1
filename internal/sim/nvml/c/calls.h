/* What every call begins with. */
#ifndef HALLMARK_FAKE_CALLS_H
#define HALLMARK_FAKE_CALLS_H

#include "profile.h"

extern int ready; /* nvmlInit_v2 succeeded */

/* A call holds the lock of configuration and model from its ENTER to its return,
 * and not while it hangs: then the others go on. */
void lock(void);
void unlock(void);
void leave(int *held);
ret enter(const char *call, int *held);
ret enter_device(const char *call, dev d, dev other, int *held);
int lost(dev d);
dev gpu_at(uint32_t index);
int hangs(const char *call, int gpu);
void hang(double seconds);
void refresh(void); /* the configuration, if its file changed, and the model */

#define GUARD int held_ __attribute__((cleanup(leave))) = 0
#define TRY(e) do { ret r_ = (e); if (r_ != OK) return r_; } while (0)

/* ENTER hangs or crashes where the configuration says so, and refuses before init. */
#define ENTER() GUARD; TRY(enter(__func__, &held_))
#define ENTER_DEVICE(d) GUARD; TRY(enter_device(__func__, d, d, &held_))
#define ENTER_PAIR(a, b) GUARD; TRY(enter_device(__func__, a, b, &held_))

ret give(char *out, unsigned size, const char *text);

#endif
