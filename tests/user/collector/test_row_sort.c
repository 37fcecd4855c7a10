// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Rows sorted by digits, beside the same sorted by comparing. */
#include "user/collector/row_sort.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/cleanup.h"

#define ROWS 5000
#define BLOCK 1250

struct row {
	uint64_t src_hi, src_lo, dst_hi, dst_lo;
	uint16_t dst_port;
	int64_t start_us;
	uint64_t packets; /* which row it was */
};

static void *columns[BLOCK_COLUMNS];
static uint8_t *block;
static unsigned int state = 1;

static uint64_t number(uint64_t below)
{
	state = state * 1103515245 + 12345;
	return (state >> 8) % below;
}

static void setup(void)
{
	for (size_t i = 0; i < BLOCK_COLUMNS; i++)
		columns[i] = calloc(BLOCK_ROWS, sizeof(uint64_t));
	block = aligned_alloc(64, (BLOCK_BYTES_MAX + 63) / 64 * 64);
}

static void teardown(void)
{
	for (size_t i = 0; i < BLOCK_COLUMNS; i++)
		free(columns[i]);
	free(block);
}

TestSuite(row_sort, .init = setup, .fini = teardown);

static const uint8_t *block_of(const struct row *rows, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		((uint64_t *)columns[FLOW_SRC_HI])[i] = rows[i].src_hi;
		((uint64_t *)columns[FLOW_SRC_LO])[i] = rows[i].src_lo;
		((uint64_t *)columns[FLOW_DST_HI])[i] = rows[i].dst_hi;
		((uint64_t *)columns[FLOW_DST_LO])[i] = rows[i].dst_lo;
		((uint16_t *)columns[FLOW_DST_PORT])[i] = rows[i].dst_port;
		((int64_t *)columns[FLOW_START_US])[i] = rows[i].start_us;
		((uint64_t *)columns[FLOW_PACKETS])[i] = rows[i].packets;
		((uint8_t *)columns[FLOW_PROTO])[i] = (uint8_t)rows[i].packets;
		((uint32_t *)columns[FLOW_IFINDEX])[i] = (uint32_t)rows[i].packets;
		/* alike in all rows, and in those of a block */
		((uint32_t *)columns[FLOW_NETNS])[i] = 7;
		((uint16_t *)columns[FLOW_VLAN_OUTER])[i] = (uint16_t)(rows[i].packets / BLOCK);
	}
	block_encode(columns, len, block);
	return block;
}

static int compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

#define BY(field)                 \
	if (x->field != y->field) \
	return x->field < y->field ? -1 : 1
	BY(src_hi);
	BY(src_lo);
	BY(dst_hi);
	BY(dst_lo);
	BY(dst_port);
	BY(start_us);
	BY(packets); /* equal ones stay in their order */
#undef BY
	return 0;
}

/* IPv4 and IPv6, many that are equal in the first columns, times on both sides of zero. */
static struct row some(uint64_t i)
{
	bool is_v6 = number(3) == 0;

	return (struct row){
		.src_hi = is_v6 ? UINT64_C(0x20010db8) << 32 | number(3) : 0,
		.src_lo = is_v6 ? number(4) << 60 : UINT64_C(0xffff0a000000) + number(5),
		.dst_hi = is_v6 ? UINT64_MAX - number(2) : 0,
		.dst_lo = UINT64_C(0xffffc0000000) + number(50) * 1000,
		.dst_port = (uint16_t)(number(3) * 20000 + number(2)),
		.start_us = (int64_t)number(1000000) * (number(2) ? 1 : -1),
		.packets = i,
	};
}

static void check(struct row_sort *s, struct row *rows, uint32_t len)
{
	AUTO_FREE uint64_t *packets = calloc(len, sizeof(*packets));
	AUTO_FREE uint32_t *ifindex = calloc(len, sizeof(*ifindex));
	AUTO_FREE uint32_t *netns = calloc(len, sizeof(*netns));
	AUTO_FREE uint16_t *port = calloc(len, sizeof(*port));
	AUTO_FREE uint16_t *vlan = calloc(len, sizeof(*vlan));
	AUTO_FREE uint8_t *proto = calloc(len, sizeof(*proto));

	row_sort_finish(s);
	cr_assert(row_sort_len(s) == len);
	qsort(rows, len, sizeof(*rows), compare);
	for (uint32_t at = 0; at < len; at += 777) { /* in parts, as vectors are */
		uint32_t n = len - at < 777 ? len - at : 777;

		row_sort_get(s, FLOW_PACKETS, at, n, packets + at);
		row_sort_get(s, FLOW_IFINDEX, at, n, ifindex + at);
		row_sort_get(s, FLOW_DST_PORT, at, n, port + at);
		row_sort_get(s, FLOW_PROTO, at, n, proto + at);
		row_sort_get(s, FLOW_NETNS, at, n, netns + at);
		row_sort_get(s, FLOW_VLAN_OUTER, at, n, vlan + at);
	}
	for (uint32_t i = 0; i < len; i++)
		cr_assert(packets[i] == rows[i].packets && ifindex[i] == rows[i].packets &&
				  proto[i] == (uint8_t)rows[i].packets && netns[i] == 7 &&
				  vlan[i] == rows[i].packets / BLOCK && port[i] == rows[i].dst_port,
			  "place %u: row %d, not %d", i, (int)packets[i], (int)rows[i].packets);
}

Test(row_sort, sorts_as_files_are)
{
	static struct row rows[ROWS];
	struct row_sort *s = row_sort_new(SORT_ROWS_MAX);

	cr_assert(s != NULL);
	for (int run = 0; run < 3; run++) { /* it is used again */
		row_sort_clear(s);
		for (uint32_t i = 0; i < ROWS; i++)
			rows[i] = some(i);
		for (uint32_t at = 0; at < ROWS; at += BLOCK)
			cr_assert(row_sort_add(s, block_of(rows + at, BLOCK)) == 0);
		check(s, rows, ROWS);
	}
	row_sort_clear(s);
	row_sort_finish(s);
	cr_expect(row_sort_len(s) == 0);
	rows[0] = some(0);
	cr_assert(row_sort_add(s, block_of(rows, 1)) == 0);
	check(s, rows, 1);
	row_sort_free(s);
}

Test(row_sort, takes_a_block_whole_or_not_at_all)
{
	static struct row rows[BLOCK_ROWS];
	struct row_sort *s = row_sort_new(SORT_ROWS_MAX);
	uint32_t len = 0;
	int err = 0;

	cr_assert(s != NULL);
	block_of(rows, BLOCK_ROWS - 1);
	while (!(err = row_sort_add(s, block)))
		len += BLOCK_ROWS - 1;
	cr_expect(err == -ENOBUFS && row_sort_len(s) == len);
	cr_expect(SORT_ROWS_MAX - len < BLOCK_ROWS - 1, "it was full");
	cr_expect(row_sort_add(s, block_of(rows, SORT_ROWS_MAX - len)) == 0, "this one fits");
	cr_expect(row_sort_len(s) == SORT_ROWS_MAX);
	row_sort_free(s);
}
