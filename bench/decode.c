// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Batches from protobuf bytes to rows and back: rows a CPU second, on one core. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "user/lib/addr.h"
#include "user/wire/batch.h"

#define ROWS 8192
#define ROUNDS 400

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fill(struct batch *b)
{
	uint64_t r = 88172645463325252u;

	b->head = (struct batch_head){ .schema = BATCH_SCHEMA, .sequence = 1, .interval = 1 };
	strcpy(b->head.agent, "bench");
	b->flows_len = ROWS;
	for (size_t i = 0; i < ROWS; i++) {
		struct flow *f = &b->flows[i];

		r ^= r << 13;
		r ^= r >> 7;
		r ^= r << 17;
		*f = (struct flow){ .ifindex = 2,
				    .netns = 4026531840u,
				    .src_port = (uint16_t)r,
				    .dst_port = 443,
				    .ethertype = 0x0800,
				    .proto = 6,
				    .flags = FLOW_COUNTED,
				    .packets = 1 + (r >> 20 & 255),
				    .l2_octets = 100 + (r >> 28 & 65535),
				    .l3_octets = 86 + (r >> 28 & 65535),
				    .tcp_flags = 0x1b,
				    .ttl_min = 64,
				    .ttl_max = 64,
				    .sampling = 1,
				    .start_us = 1700000000000000 + (int64_t)(r >> 44),
				    .end_us = 1700000005000000 };
		addr_parse("10.0.0.0", f->src);
		addr_parse("192.0.2.1", f->dst);
		memcpy(f->src + 13, &r, 2);
	}
}

int main(void)
{
	AUTO(batch_free) struct batch *b = calloc(1, sizeof(*b));
	AUTO_FREE uint8_t *bytes = NULL;
	size_t len = 0;
	double start, decode, encode;

	b->flows = calloc(ROWS, sizeof(*b->flows));
	fill(b);
	if (batch_encode(b, &bytes, &len))
		return 1;
	start = cpu_s();
	for (int i = 0; i < ROUNDS; i++) {
		AUTO(batch_free) struct batch *one = NULL;
		const char *why;

		if (batch_decode(bytes, len, &one, &why) || one->flows_len != ROWS)
			return 1;
	}
	decode = cpu_s() - start;
	start = cpu_s();
	for (int i = 0; i < ROUNDS; i++) {
		AUTO_FREE uint8_t *again = NULL;
		size_t again_len;

		if (batch_encode(b, &again, &again_len) || again_len != len)
			return 1;
	}
	encode = cpu_s() - start;
	fprintf(stderr,
		"decode: %.1f M rows a CPU second, encode %.1f M, %.1f bytes a row before zstd\n",
		(double)ROWS * ROUNDS / decode / 1e6, (double)ROWS * ROUNDS / encode / 1e6,
		(double)len / ROWS);
	return 0;
}
