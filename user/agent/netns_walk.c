// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Namespaces are found by the processes in them and under /run/netns. */
#include "user/agent/netns_walk.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "user/lib/cleanup.h"
#include "user/lib/log.h"

struct walk {
	netns_visit *visit;
	void *arg;
	int err; /* of the first namespace that failed */
	uint32_t len;
	bool full;
	ino_t done[NETNS_WALK_MAX];
};

static void fail(struct walk *w, int err)
{
	if (!w->err)
		w->err = err;
}

/* True when it was not known yet, and there is room to remember it. */
static bool is_new(struct walk *w, ino_t inode)
{
	for (uint32_t i = w->len; i > 0; i--) /* the last one is the likeliest */
		if (w->done[i - 1] == inode)
			return false;
	if (w->len == NETNS_WALK_MAX) {
		w->full = true;
		return false;
	}
	w->done[w->len++] = inode;
	return true;
}

/* Processes and namespaces come and go: what is not there any more is no failure. */
static void walk_path(struct walk *w, int dir, const char *path)
{
	AUTO_FD int fd = -1;
	struct stat st;
	int err;

	if (fstatat(dir, path, &st, 0) || !is_new(w, st.st_ino))
		return;
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (setns(fd, CLONE_NEWNET)) {
		if (errno != EINVAL) /* else: a file that is mounted in another mount namespace */
			fail(w, -errno);
		return;
	}
	err = w->visit(w->arg, st.st_ino);
	if (err)
		fail(w, err);
}

static void walk_dir(struct walk *w, const char *dir_path, const char *below, bool numbers)
{
	DIR *dir = opendir(dir_path);
	const struct dirent *entry;
	char path[300];

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || (numbers && !isdigit(entry->d_name[0])))
			continue;
		snprintf(path, sizeof(path), "%s%s", entry->d_name, below);
		walk_path(w, dirfd(dir), path);
	}
	if (dir)
		closedir(dir);
}

static void *walk_thread(void *arg)
{
	struct walk *w = arg;

	walk_path(w, AT_FDCWD, "/proc/thread-self/ns/net");
	walk_dir(w, "/proc", "/ns/net", true);
	walk_dir(w, "/run/netns", "", false);
	return NULL;
}

int netns_walk(netns_visit *visit, void *arg)
{
	static bool said;
	struct walk w = { .visit = visit, .arg = arg };
	pthread_t thread; /* setns() is a thread's own: ours stays where it is */
	int err = pthread_create(&thread, NULL, walk_thread, &w);

	if (err)
		return -err;
	pthread_join(thread, NULL);
	if (w.full && !said) {
		log_warn("more than %d network namespaces: the rest is not swept", NETNS_WALK_MAX);
		said = true;
	}
	return w.err;
}
