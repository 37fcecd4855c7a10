// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Namespaces are found by the processes in them and under /run/netns. */
#include "user/agent/tcp_signal_sweep.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <bpf/bpf.h>

#include "user/lib/cleanup.h"
#include "user/lib/log.h"

struct sweep {
	int link_fd;
	int err; /* of the first namespace that failed */
	uint32_t len;
	bool full;
	ino_t done[TCP_SWEEP_NETNS_MAX];
};

int tcp_sweep_run(int link_fd)
{
	AUTO_FD int fd = bpf_iter_create(link_fd);
	char nothing[64];
	ssize_t len;

	if (fd < 0)
		return -errno;
	do /* EAGAIN: the kernel pauses after a million objects without output */
		len = read(fd, nothing, sizeof(nothing));
	while (len > 0 || (len < 0 && (errno == EAGAIN || errno == EINTR)));
	return len < 0 ? -errno : 0;
}

static void fail(struct sweep *s, int err)
{
	if (!s->err)
		s->err = err;
}

/* True when it was not known yet, and there is room to remember it. */
static bool is_new(struct sweep *s, ino_t inode)
{
	for (uint32_t i = s->len; i > 0; i--) /* the last one is the likeliest */
		if (s->done[i - 1] == inode)
			return false;
	if (s->len == TCP_SWEEP_NETNS_MAX) {
		s->full = true;
		return false;
	}
	s->done[s->len++] = inode;
	return true;
}

/* Processes and namespaces come and go: what is not there any more is no failure. */
static void sweep_path(struct sweep *s, int dir, const char *path)
{
	AUTO_FD int fd = -1;
	struct stat st;
	int err;

	if (fstatat(dir, path, &st, 0) || !is_new(s, st.st_ino))
		return;
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (setns(fd, CLONE_NEWNET)) {
		fail(s, -errno);
		return;
	}
	err = tcp_sweep_run(s->link_fd);
	if (err)
		fail(s, err);
}

static void sweep_dir(struct sweep *s, const char *dir_path, const char *below, bool numbers)
{
	DIR *dir = opendir(dir_path);
	const struct dirent *entry;
	char path[300];

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || (numbers && !isdigit(entry->d_name[0])))
			continue;
		snprintf(path, sizeof(path), "%s%s", entry->d_name, below);
		sweep_path(s, dirfd(dir), path);
	}
	if (dir)
		closedir(dir);
}

static void *sweep_thread(void *arg)
{
	struct sweep *s = arg;

	sweep_path(s, AT_FDCWD, "/proc/thread-self/ns/net");
	sweep_dir(s, "/proc", "/ns/net", true);
	sweep_dir(s, "/run/netns", "", false);
	return NULL;
}

int tcp_sweep_everywhere(int link_fd)
{
	static bool said;
	struct sweep s = { .link_fd = link_fd };
	pthread_t thread; /* setns() is a thread's own: ours stays where it is */
	int err = pthread_create(&thread, NULL, sweep_thread, &s);

	if (err)
		return -err;
	pthread_join(thread, NULL);
	if (s.full && !said) {
		log_warn("more than %d network namespaces: the rest is not swept",
			 TCP_SWEEP_NETNS_MAX);
		said = true;
	}
	return s.err;
}
