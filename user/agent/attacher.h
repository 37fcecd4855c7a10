/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The attacher process: loads or adopts the kernel half, attaches it, follows interfaces, and
 * keeps a shipper running. It has no network and parses nothing from outside.
 */
#ifndef WT_ATTACHER_H
#define WT_ATTACHER_H

#include "user/agent/config.h"

#define ATTACHER_RESTARTS_MAX 5 /* of the shipper, before the agent gives up */

#define ATTACHER_AGAIN (-1)

/*
 * The process's exit status; or ATTACHER_AGAIN: SIGHUP came, argv is right, and the caller executes
 * itself anew.
 */
int attacher_run(const struct config *config, int argc, char **argv);

/* --detach: every hook and pin of ours off this host. Exit status. */
int attacher_detach(const struct config *config);

#endif
