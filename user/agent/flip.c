// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* An epoch in, a half that nobody writes to any more out. */
#include "user/agent/flip.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "user/agent/message.h"
#include "user/lib/log.h"

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/*
 * MEMBARRIER_CMD_GLOBAL is synchronize_rcu() (kernel/sched/membarrier.c), but refuses with
 * nohz_full CPUs and does nothing with one CPU online. Then the attacher updates a map in map,
 * which waits likewise (maybe_wait_bpf_programs(), kernel/bpf/syscall.c).
 */
static void wait_for_grace(struct flip *f)
{
	struct message m = { .type = MESSAGE_GRACE };

	if (sysconf(_SC_NPROCESSORS_ONLN) > 1 &&
	    syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0)
		return;
	if (message_send(f->grace_fd, &m) == 0 && read(f->grace_fd, &m, sizeof(m)) > 0)
		return;
	log_error("cannot wait for a grace period: the attacher is gone");
	_exit(1);
}

static void *flip_main(void *arg)
{
	struct flip *f = arg;
	uint64_t one = 1, asked;

	while (read(f->ask_fd, &asked, sizeof(asked)) == sizeof(asked)) {
		if (__atomic_load_n(&f->stop, __ATOMIC_ACQUIRE))
			break;
		f->flip_ns = now_ns();
		__atomic_store_n(&f->control->epoch, f->target, __ATOMIC_RELEASE);
		wait_for_grace(f);
		if (write(f->done_fd, &one, sizeof(one)) < 0)
			break;
	}
	return NULL;
}

int flip_start(struct flip *f, struct wt_control *control, int grace_fd)
{
	*f = (struct flip){ .control = control, .grace_fd = grace_fd };
	f->ask_fd = eventfd(0, EFD_CLOEXEC);
	f->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (f->ask_fd < 0 || f->done_fd < 0)
		return -errno;
	return -pthread_create(&f->thread, NULL, flip_main, f);
}

void flip_stop(struct flip *f)
{
	uint64_t one = 1;

	__atomic_store_n(&f->stop, true, __ATOMIC_RELEASE);
	if (write(f->ask_fd, &one, sizeof(one)) > 0)
		pthread_join(f->thread, NULL);
}

void flip_ask(struct flip *f, uint32_t epoch)
{
	uint64_t one = 1;

	f->target = epoch;
	if (write(f->ask_fd, &one, sizeof(one)) < 0)
		log_error("cannot ask for a flip");
}

uint64_t flip_take(struct flip *f)
{
	uint64_t done;

	return read(f->done_fd, &done, sizeof(done)) == sizeof(done) ? f->flip_ns : 0;
}
