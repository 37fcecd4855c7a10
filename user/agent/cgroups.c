// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The cgroup v2 tree in, a sorted list of ids and paths out. */
#include "user/agent/cgroups.h"

#include <errno.h>
#include <ftw.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "user/lib/cleanup.h"

struct cgroup {
	uint64_t id;
	char *path; /* below the mount; "/" for the root */
};

struct cgroups {
	struct cgroup *list; /* by id */
	size_t len;
	time_t read_at; /* CLOCK_MONOTONIC seconds; 0: never */
};

int cgroups_new(struct cgroups **ret)
{
	*ret = calloc(1, sizeof(**ret));
	if (*ret)
		(*ret)->list = calloc(CGROUPS_MAX, sizeof(*(*ret)->list));
	if (*ret && (*ret)->list)
		return 0;
	cgroups_free(TAKE(*ret));
	return -ENOMEM;
}

static void forget(struct cgroups *c)
{
	for (size_t i = 0; i < c->len; i++)
		free(c->list[i].path);
	c->len = 0;
}

void cgroups_free(struct cgroups *c)
{
	if (!c)
		return;
	if (c->list)
		forget(c);
	free(c->list);
	free(c);
}

/* nftw() gives its callback no argument. */
static __thread struct cgroups *reading;
static __thread size_t root_len;

static int add(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	struct cgroup *to = &reading->list[reading->len];

	if (type != FTW_D)
		return 0;
	if (reading->len == CGROUPS_MAX)
		return 1;
	to->id = st->st_ino;
	to->path = strdup(path[root_len] ? path + root_len : "/");
	reading->len += to->path != NULL;
	return 0;
}

static int by_id(const void *a, const void *b)
{
	const struct cgroup *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static void read_tree(struct cgroups *c)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *m;

	forget(c);
	while (mounts && (m = getmntent(mounts))) {
		if (strcmp(m->mnt_type, "cgroup2"))
			continue;
		reading = c;
		root_len = strlen(m->mnt_dir);
		nftw(m->mnt_dir, add, 16, FTW_PHYS | FTW_MOUNT);
		break;
	}
	if (mounts)
		endmntent(mounts);
	qsort(c->list, c->len, sizeof(*c->list), by_id);
}

static const struct cgroup *find(const struct cgroups *c, uint64_t id)
{
	struct cgroup key = { .id = id };

	return bsearch(&key, c->list, c->len, sizeof(*c->list), by_id);
}

void cgroups_path(struct cgroups *c, uint64_t id, char *to, size_t size)
{
	const struct cgroup *found = id ? find(c, id) : NULL;
	struct timespec now;
	size_t len;

	to[0] = '\0';
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (id && !found && (!c->read_at || now.tv_sec - c->read_at >= CGROUPS_LOOK_S)) {
		c->read_at = now.tv_sec;
		read_tree(c);
		found = find(c, id);
	}
	if (!found)
		return;
	len = strlen(found->path);
	snprintf(to, size, "%s", found->path + (len >= size ? len - size + 1 : 0));
}
