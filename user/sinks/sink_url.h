/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The address of a sink, in its parts: SCHEME://HOST:PORT/PATH?NAME=VALUE&…; files and what needs
 * no host have SCHEME:PATH or SCHEME:///PATH.
 */
#ifndef WT_SINK_URL_H
#define WT_SINK_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SINK_URL_MAX 512 /* with NUL */
#define SINK_URL_OPTIONS_MAX 16

struct sink_url {
	char *authority; /* "host:port" as written, "" none */
	char *path; /* "/topic", "-"; "" none */
	struct sink_url_option {
		char *name, *value; /* value: "" without = */
		bool is_used;
	} options[SINK_URL_OPTIONS_MAX];
	size_t options_len;
	char text[SINK_URL_MAX]; /* what the others point into */
};

/* Behind the scheme. 0; -EINVAL: too long, or too many options. */
int sink_url_parse(const char *rest, struct sink_url *ret);

/* "[2001:db8::1]:4739" or "collector:4739". -EINVAL: is neither. Borrowed from the URL. */
int sink_url_host(struct sink_url *url, const char **ret_host, const char **ret_port);

/* An option's value, and it counts as used. NULL: not given. */
const char *sink_url_option(struct sink_url *url, const char *name);
/* The same as a number with k, M, G (1000-based) within [min, max]; *ret stays when not given. */
int sink_url_number(struct sink_url *url, const char *name, uint64_t min, uint64_t max,
		    uint64_t *ret);

/* An option nobody asked for, or NULL. */
const char *sink_url_unused(const struct sink_url *url);

#endif
