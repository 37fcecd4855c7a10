/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The flip: programs are turned to the other half, then we wait until no program that read the old
 * word is running. The wait is 0 to 20 ms under flood: it has a thread of its own.
 */
#ifndef WT_FLIP_H
#define WT_FLIP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "kern/abi.h"

struct flip {
	struct wt_control *control;
	int ask_fd; /* eventfd: the drain thread asks */
	int done_fd; /* eventfd: readable when the idle half is quiet */
	int grace_fd; /* socket to the attacher, for kernels where membarrier cannot */
	uint32_t target;
	uint64_t flip_ns; /* CLOCK_MONOTONIC; read after done_fd said so */
	bool stop;
	pthread_t thread;
};

/* 0 or -errno. */
int flip_start(struct flip *f, struct wt_control *control, int grace_fd);
void flip_stop(struct flip *f);

/* Asks for a flip to epoch; done_fd answers. One at a time. */
void flip_ask(struct flip *f, uint32_t epoch);
/* Takes the answer: when it happened. */
uint64_t flip_take(struct flip *f);

#endif
