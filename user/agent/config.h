/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What the agent was asked to do. */
#ifndef WT_CONFIG_H
#define WT_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "user/lib/options.h"

/* In the environment of an agent that SIGHUP started again. */
#define CONFIG_AGAIN "WIRETALLY_AGAIN"

struct config {
	const char *config; /* NULL: none */
	bool check;
	struct option_list interfaces; /* globs; none = the default choice */
	const char *hook;
	const char *hooks; /* enum hook_family, or none */
	const char *collector; /* unix:PATH, https://… or none */
	struct option_list sinks; /* URLs, user/sinks/sink.h */
	const char *token_file, *ca; /* with https */
	char token[128]; /* what token_file has */
	const char *status_socket;
	const char *metrics; /* ADDR:PORT; NULL: none */
	const char *run_dir;
	const char *pin_dir;
	const char *spool_dir;
	const char *agent_id;
	const char *user;
	struct option_list sample; /* N or IF=N, see scope.h */
	struct option_list allow; /* CIDR or IF=CIDR */
	struct option_list deny;
	int64_t interval_us;
	uint64_t memory_bytes;
	uint64_t signal_memory_bytes;
	uint64_t spool_disk_bytes; /* 0: memory alone */
	uint64_t slots;
	uint64_t ready_fd; /* 0 = none */
	bool inner;
	bool detach;
	bool log_json;
	bool verbose;
	bool help;
	bool version;
};

/*
 * Parses argv, and makes the sinks. 0 to go on, 1 when --help or --version was answered, -EINVAL
 * after a message.
 */
int config_parse(int argc, char **argv, struct config *ret);

/* There is no collector. */
bool config_is_alone(const struct config *c);

#endif
