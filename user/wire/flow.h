/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * A flow record as user space handles it: what batch_encode() takes and batch_decode() gives.
 * Units as in proto/wiretally.proto. Shared by agent, collector and `wiretally import`.
 */
#ifndef WT_FLOW_H
#define WT_FLOW_H

#include <stdbool.h>
#include <stdint.h>

enum flow_kind { FLOW_RECORD = 0, FLOW_FOLD = 1 };

/* Same values as RowFlag in the schema, and as WT_MARK_* in kern/abi.h (asserted in batch.c). */
#define FLOW_EGRESS 0x01
#define FLOW_COUNTED 0x02
#define FLOW_LATER_FRAGMENT 0x04
#define FLOW_INNER 0x08
#define FLOW_TUNNEL_SHIFT 4

struct flow {
	uint8_t src[16];
	uint8_t dst[16];
	uint32_t ifindex;
	uint32_t netns;
	uint16_t src_port;
	uint16_t dst_port;
	uint16_t ethertype;
	uint8_t proto;
	uint8_t flags; /* FLOW_*, tunnel type in the high nibble */
	uint16_t vlan_outer;
	uint16_t vlan_inner;
	uint32_t tunnel_id;
	uint8_t kind; /* enum flow_kind */
	uint8_t dscp;
	uint8_t ttl_min;
	uint8_t ttl_max;
	uint16_t tcp_flags;
	uint32_t sampling;
	/* of flow exporters' records alone, else 0 */
	uint32_t src_as;
	uint32_t dst_as;
	uint32_t peer_ifindex; /* where it went out (came in, of egress rows) */
	uint64_t packets;
	uint64_t l2_octets;
	uint64_t l3_octets;
	int64_t start_us; /* wall clock */
	int64_t end_us;
};

/* Its source and destination are addresses: it is IP, and was not folded. */
static inline bool flow_has_addresses(const struct flow *f)
{
	return f->kind == FLOW_RECORD && (f->ethertype == 0x0800 || f->ethertype == 0x86dd);
}

#define LEDGER_NAME_MAX 48 /* with NUL */
/* names of what was lost between record and store begin so */
#define LEDGER_LOST_AFTER "lost/spool_"
#define LEDGER_COUNTS_MAX 64 /* names per ledger row */

struct ledger_count {
	char name[LEDGER_NAME_MAX];
	uint64_t packets;
	uint64_t octets;
};

struct ledger_row {
	uint64_t interval;
	int64_t start_us;
	int64_t end_us;
	uint32_t ifindex;
	uint32_t netns;
	uint32_t point;
	uint32_t counts_len;
	struct ledger_count counts[LEDGER_COUNTS_MAX];
};

struct watched_interface {
	uint32_t index;
	uint32_t netns;
	char name[32];
	char hook[24];
};

#endif
