/* The way into a call: locking, hanging, crashing, refusing. */
#define _GNU_SOURCE
#include "calls.h"
#include "model.h"
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void lock(void) { pthread_mutex_lock(&mutex); }
void unlock(void) { pthread_mutex_unlock(&mutex); }
void leave(int *held)
{
	if (*held)
		unlock();
}

int lost(dev d) { return (int)d->index == now.lost; }

static int named(const char *call, const char *in_conf) { return in_conf[0] && strcmp(in_conf, call) == 0; }

/* hangs: hang-call alone hangs that call, hang-gpu alone every call of that GPU,
 * both together that call of that GPU. gpu is -1 for calls of no GPU. */
int hangs(const char *call, int gpu)
{
	if (now.hang_gpu >= 0)
		return gpu == now.hang_gpu && (!now.hang_call[0] || named(call, now.hang_call));
	return named(call, now.hang_call);
}

/* hang returns after so many seconds of real time; never, if that is 0. */
void hang(double seconds)
{
	struct timespec t = { .tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9) };
	if (seconds <= 0)
		for (;;)
			pause();
	while (nanosleep(&t, &t) != 0)
		;
}

void refresh(void)
{
	if (conf_changed()) {
		if (ready)
			advance(); /* the time until now went by the old configuration */
		read_conf();
	}
	if (ready)
		advance();
}

static ret begin(const char *call, int a, int b, int *held)
{
	lock();
	*held = 1;
	refresh();
	if (hangs(call, a) || hangs(call, b)) {
		double seconds = now.hang_seconds;
		unlock();
		hang(seconds);
		lock();
		refresh();
	}
	if (named(call, now.crash_call))
		raise(SIGABRT);
	if (ready && driver_reloaded())
		ready = 0;
	if (!ready)
		return UNINITIALIZED;
	return named(call, now.deny_call) ? NO_PERMISSION : OK;
}

ret enter(const char *call, int *held) { return begin(call, -1, -1, held); }

ret enter_device(const char *call, dev a, dev b, int *held)
{
	TRY(begin(call, a ? (int)a->index : -1, b ? (int)b->index : -1, held));
	if (!a || !b)
		return INVALID_ARGUMENT;
	return lost(a) || lost(b) ? GPU_IS_LOST : OK;
}
