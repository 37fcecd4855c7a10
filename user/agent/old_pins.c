// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Directories v1, v2 … under the pin directory in, none but ours out. */
#include "user/agent/old_pins.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>

#include "user/agent/attach.h"
#include "user/agent/link.h"
#include "user/lib/log.h"

/* Hooks first, so that what is then read of the ledgers is all there will be. */
static void detach(const char *version)
{
	char path[PINS_PATH_MAX + 300];
	struct links links = { 0 };

	snprintf(path, sizeof(path), "%s/links", version);
	if (pins_remove(path) < 0)
		log_warn("%s: cannot unpin an older version's hooks", path);
	if (links_list(&links))
		return;
	for (size_t i = 0; i < links.len; i++)
		if (attach_clean(links.at[i].ifindex))
			log_warn("%s: cannot remove an older version's program", links.at[i].name);
	links_free(&links);
}

static void map_ledgers(const char *version, const struct crash_file *f, struct crash_left *left)
{
	const struct crash_ledgers *l;
	size_t bytes, len = strlen(version);
	AUTO_FD int fd = -1;
	void *at;

	if (!f || !crashlog_is_valid(f) || left->ledgers)
		return;
	l = &f->banks[f->bank].ledgers;
	bytes = crash_ledgers_bytes(l);
	if (!bytes || strncmp(l->pin, version, len) || l->pin[len] != '/' ||
	    !memchr(l->pin, '\0', sizeof(l->pin)))
		return;
	fd = bpf_obj_get(l->pin);
	at = fd < 0 ? MAP_FAILED : mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (at != MAP_FAILED)
		*left = (struct crash_left){ .ledgers = at, .bytes = bytes };
}

int old_pins_take(const char *dir, const struct pins *own, bool own_too, const struct crash_file *f,
		  struct crash_left *left)
{
	char version[PINS_PATH_MAX + 260];
	struct dirent *entry;
	DIR *d = own->dir[0] ? opendir(dir) : NULL;
	int found = 0;

	while (d && (entry = readdir(d))) {
		if (entry->d_name[0] != 'v')
			continue;
		snprintf(version, sizeof(version), "%s/%s", dir, entry->d_name);
		if (!own_too && !strcmp(version, own->dir))
			continue;
		detach(version);
		map_ledgers(version, f, left);
		if (pins_remove(version) < 0)
			log_warn("%s: cannot remove it", version);
		found++;
	}
	if (d)
		closedir(d);
	return found;
}
