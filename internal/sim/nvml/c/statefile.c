/* The model's state in a file, for histories that cannot be integrated again: a
 * process' CPU use, a configuration that changed. */
#include "model.h"
#include <stdio.h>
#include <string.h>

typedef struct { char magic[8], key[32]; struct model model; } saved;
#define MAGIC "hmfake1"

/* load_state: a state of another model, another epoch or an earlier boot is none. */
int load_state(void)
{
	static saved s;
	if (!now.state_file[0])
		return 0;
	FILE *f = fopen(now.state_file, "re");
	if (!f)
		return 0;
	size_t n = fread(&s, sizeof s, 1, f);
	fclose(f);
	if (n != 1 || memcmp(s.magic, MAGIC, sizeof s.magic) != 0 || strcmp(s.key, now.model->key) != 0)
		return 0;
	if ((now.epoch_ms && s.model.epoch_ms != now.epoch_ms) || s.model.epoch_ms > boot_ms())
		return 0;
	m = s.model;
	m.profile = now.model;
	return 1;
}

/* save_state, once in a second of real time or at once. */
void save_state(int at_once)
{
	static saved s;
	static uint64_t last;
	char temporary[300];
	if (!now.state_file[0] || !m.profile || (!at_once && boot_ms() - last < 1000))
		return;
	last = boot_ms();
	s = (saved){ .magic = MAGIC, .model = m };
	snprintf(s.key, sizeof s.key, "%s", now.model->key);
	snprintf(temporary, sizeof temporary, "%s.new", now.state_file);
	FILE *f = fopen(temporary, "we");
	if (!f)
		return;
	int whole = fwrite(&s, sizeof s, 1, f) == 1;
	if (fclose(f) == 0 && whole)
		rename(temporary, now.state_file);
}
