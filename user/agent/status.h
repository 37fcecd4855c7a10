/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What the agent tells about itself: one JSON document per connection, no input is read. */
#ifndef WT_STATUS_H
#define WT_STATUS_H

#include "user/agent/config.h"
#include "user/agent/drain.h"
#include "user/agent/ship.h"
#include "user/agent/signals.h"

struct status_view {
	const struct config *config;
	const struct record_source *source;
	const struct tables *tables;
	const struct iface_list *ifaces;
	const struct spool *spool;
	const struct drain *drain;
	const struct ship *ship;
	const struct signals *signals; /* or NULL */
	uint64_t looks; /* at the lanes and ledgers, since start */
};

/* Listens at path, 0666: it tells no secrets and takes nothing. fd or -errno. */
int status_listen(const char *path);

/* Accepts one connection, answers, closes. */
void status_answer(int listen_fd, const struct status_view *view);

#endif
