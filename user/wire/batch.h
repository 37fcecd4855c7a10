/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * A batch: rows of flows and a ledger to protobuf bytes and back (proto/wiretally.proto).
 * Encoding never fails but for memory; decoding checks everything that comes from outside.
 */
#ifndef WT_BATCH_H
#define WT_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "user/lib/cleanup.h"
#include "user/wire/flow.h"
#include "user/wire/signal.h"

#define BATCH_SCHEMA 1
#define BATCH_AGENT_MAX 65 /* with NUL */
#define BATCH_NAME_MAX 256 /* host, exporter; with NUL */
#define BATCH_ROWS_MAX 65536 /* more is malformed */
#define BATCH_LEDGER_MAX 1024 /* ledger rows a batch */
#define BATCH_CONNECTIONS_MAX 16384
#define BATCH_DROPS_MAX 16384
#define BATCH_HOST_COUNTS_MAX 4096
#define BATCH_LATENCIES_MAX 16384
#define BATCH_INTERFACES_MAX 1024
#define BATCH_ADDRESSES_MAX 1024 /* own addresses */
#define BATCH_BYTES_MAX (8u << 20) /* decompressed; agents aim at 1 MiB */
#define BATCH_TIME_MAX_US 253402300799999999 /* end of the year 9999; times begin at 0 */
#define BATCH_COUNT_MAX (UINT64_C(1) << 48) /* packets or octets of one row: sums stay in 63 bits */

struct batch_head {
	uint32_t schema;
	char agent[BATCH_AGENT_MAX];
	uint8_t instance[16];
	uint64_t sequence;
	uint8_t boot_id[16];
	bool has_boot_id;
	int64_t clock_offset_ns;
	char host[BATCH_NAME_MAX];
	char exporter[BATCH_NAME_MAX]; /* "" = live */
	uint64_t interval;
};

/* Decoded, owned by the batch. Arrays may be NULL when their length is 0. */
struct batch {
	struct batch_head head;
	struct flow *flows;
	size_t flows_len;
	struct ledger_row *ledger;
	size_t ledger_len;
	struct connection *connections;
	size_t connections_len;
	struct drop *drops;
	size_t drops_len;
	struct host_count *host_counts;
	size_t host_counts_len;
	struct latency *latencies;
	size_t latencies_len;
	struct watched_interface *interfaces;
	size_t interfaces_len;
	uint8_t (*own_addresses)[16];
	size_t own_addresses_len;
};

void batch_free(struct batch *b);
size_t batch_bytes(const struct batch *b); /* of memory */
DEFINE_AUTO(batch_free, struct batch *);

/* Which limit above b breaks (static string), or NULL. */
const char *batch_check(const struct batch *b);

/*
 * Encode b (borrowed; only read) to protobuf bytes, malloc'd into *ret, length in *ret_len.
 * 0, -ENOMEM, or -EINVAL when b breaks a limit above.
 */
int batch_encode(const struct batch *b, uint8_t **ret, size_t *ret_len);

/*
 * Decode len bytes from outside. 0 and a new batch in *ret; -EBADMSG with *why (static string)
 * naming what is wrong; -EPROTONOSUPPORT for a schema we do not take; -ENOMEM.
 */
int batch_decode(const void *bytes, size_t len, struct batch **ret, const char **why);

/* zstd level 1, for HTTP bodies (Content-Encoding: zstd). Same ownership as batch_encode(). */
int batch_compress(const void *bytes, size_t len, uint8_t **ret, size_t *ret_len);
/* -EBADMSG when it is not zstd or is larger than max when decompressed. */
int batch_decompress(const void *bytes, size_t len, size_t max, uint8_t **ret, size_t *ret_len);

#endif
