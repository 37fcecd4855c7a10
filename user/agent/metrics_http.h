/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * GET /metrics of an agent by itself (--metrics): what it ships, as the collector would show it. In
 * the shipper, which has no privilege; a thread of libmicrohttpd's answers.
 */
#ifndef WT_METRICS_HTTP_H
#define WT_METRICS_HTTP_H

#include <stdint.h>

struct metrics_http;

#define METRICS_HTTP_CONNECTIONS_MAX 16
#define METRICS_HTTP_TIMEOUT_S 10

/* 0 or -EINVAL: address is none, or is not this host's alone. */
int metrics_http_check(const char *address);
/* 0 or -errno, logged. */
int metrics_http_start(const char *address, struct metrics_http **ret);
void metrics_http_stop(struct metrics_http *h);

#endif
