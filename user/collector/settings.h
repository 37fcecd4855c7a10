/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What the collector can be told: one row an option (settings.c), one field here. */
#ifndef WT_SETTINGS_H
#define WT_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "user/collector/inlet.h"
#include "user/collector/store_schema.h"
#include "user/lib/options.h"

struct settings {
	const char *config; /* NULL: none */
	bool check;
	const char *data;
	const char *listen;
	const char *socket;
	const char *tls_listen; /* NULL: none; then the next three are there */
	const char *tls_cert, *tls_key, *tokens;
	struct option_list sinks;
	struct option_list alerts;
	const char *exporters; /* as given; NULL: none */
	struct inlet_sockets inlet;
	uint64_t receive_bytes;
	const char *keep; /* as given */
	int64_t keep_us[STORE_TIERS];
	uint64_t max_disk_bytes;
	uint64_t memory_bytes;
	uint64_t threads;
	const char *user; /* NULL: "wiretally" or "nobody" */
	uint64_t ready_fd; /* 0: none */
	bool insecure_listen;
	bool log_json;
	bool version;
	bool help;
};

/* 0 or -EINVAL; has said why on stderr. Text is borrowed from argv. */
int settings_parse(int argc, char **argv, struct settings *ret);
/*
 * Parsed again: ages and sizes of what is kept are taken over, of anything else that changed it is
 * logged that it takes a restart. 0 or -EINVAL: nothing was taken.
 */
int settings_reload(int argc, char **argv, struct settings *s);
void settings_help(FILE *out);

#endif
