/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Before anything is attached: may we, can we, are we alone, and with which tables do we begin. */
#ifndef WT_START_H
#define WT_START_H

#include "user/agent/config.h"
#include "user/agent/crashlog.h"
#include "user/agent/kernel.h"
#include "user/agent/pins.h"

/*
 * Privilege, BTF, the interfaces asked for, the run directory and its lock (one agent a run
 * directory). 0 with the lock's descriptor, or -errno after an error message.
 */
int start_check(const struct config *c, int *lock_fd);

/* What is known of the agent before. */
struct start_before {
	const struct crash_file *crash; /* its record, or NULL; in */
	struct crash_left left; /* what its removed pins held; out */
	bool adopted; /* its tables live on; out */
};

/*
 * Adopts pinned tables that fit the configuration, else loads new ones and pins them. Pins of
 * another version are removed, hooks first.
 */
int start_kernel(const struct config *c, struct start_before *before, struct pins *pins,
		 struct kernel **ret);

#endif
