/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * A datagram from outside in: which protocol it speaks, whose it is, and its records to that flow
 * source. NetFlow v5 (Cisco's format), v9 (RFC 3954), IPFIX (RFC 7011), sFlow v5 (sflow.org).
 */
#ifndef WT_DATAGRAM_H
#define WT_DATAGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "user/exporters/bytes.h"
#include "user/exporters/flow_source.h"
#include "user/lib/cleanup.h"

#define FLOW_SOURCES_MAX 4096
#define FLOW_SOURCE_IDLE_US (INT64_C(3600) * 1000000) /* silent for longer: makes room for others */

struct flow_sources;

struct flow_sources *flow_sources_new(void);
void flow_sources_free(struct flow_sources *all);
DEFINE_AUTO(flow_sources_free, struct flow_sources *);

struct datagram {
	struct bytes bytes; /* borrowed */
	uint8_t address[16]; /* of the sender */
	uint16_t port;
	int64_t arrived_us;
};

/*
 * Reads it; what it brought waits at *ret until flow_source_clear(). 0; -ENOMEM; -EPROTONOSUPPORT:
 * no protocol of ours; -ENOSPC: FLOW_SOURCES_MAX others are alive. *ret is NULL on the last two.
 */
int datagram_read(struct flow_sources *all, const struct datagram *d, struct flow_source **ret);

/* Calls fn for every source; stops at its first error, which it returns. */
typedef int flow_source_fn(void *arg, struct flow_source *s);
int flow_sources_each(struct flow_sources *all, flow_source_fn *fn, void *arg);
size_t flow_sources_len(const struct flow_sources *all);

/* ---- one protocol each: netflow5.c, ipfix.c (and v9), sflow.c ------------------------------- */

/* The key's domain, from the header; 0 or -EBADMSG: it is cut off before. */
int netflow5_domain(struct bytes message, uint32_t *ret);
int netflow9_domain(struct bytes message, uint32_t *ret);
int ipfix_domain(struct bytes message, uint32_t *ret);
int sflow_domain(struct bytes message, uint8_t agent[16], uint32_t *ret);

/* All of it to s. 0 or -ENOMEM: whatever is wrong with it is counted there. */
int netflow5_read(struct flow_source *s, struct bytes message, int64_t now_us);
int netflow9_read(struct flow_source *s, struct bytes message, int64_t now_us);
int ipfix_read(struct flow_source *s, struct bytes message, int64_t now_us);
int sflow_read(struct flow_source *s, struct bytes message, int64_t now_us);

#endif
