// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Blocks of an hour's file in, rows of its minutes out. */
#include "user/collector/rollup_slice.h"

#include <errno.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/key_sums.h"
#include "user/collector/rollup_best.h"
#include "user/collector/store_block.h"
#include "user/collector/store_minutes.h"
#include "user/collector/store_rollup.h"
#include "user/collector/store_scan_plan.h"
#include "user/lib/cleanup.h"
#include "user/lib/compiler.h"
#include "user/wire/flow_ports.h"

#define KEY_WORDS (sizeof(struct rolled_key) / sizeof(uint64_t))
#define PART_ROWS 1000000 /* that there is room for, each a conversation of its own */
#define PARTS_MAX 16
#define INDEX_SIZE (2 * ROLLED_MAX)
#define PROTO_OTHER 255 /* of IP, in a fold */
_Static_assert(sizeof(struct rolled_key) == 80, "no bytes between");

/* Rows of a coarse tier by their keys. */
struct rolled_table {
	struct rolled *at;
	size_t len, room;
	uint32_t *index; /* number + 1; 0: empty */
};

struct work {
	int fd;
	const struct minutes_slice *slice;
	uint8_t *block;
	void *columns[BLOCK_COLUMNS]; /* of the block, decoded */
	uint32_t rows;
	struct key_sums *sums; /* by exporter, slot and hash, of one part of all hashes */
	uint64_t part, parts;
	uint64_t *best; /* hashes, open addressing; 0: empty */
	size_t best_size; /* a power of two */
	struct rolled_table table;
};

/* ---- rows of a block ------------------------------------------------------------------------ */

#define COLUMN(w, type, which) ((const type *)(w)->columns[which])

static int read_block(struct work *w, const struct block_entry *e)
{
	const struct block_head *head = (const struct block_head *)w->block;
	int err = scan_read_block(w->fd, e, w->block);

	if (err)
		return err;
	for (size_t i = 0; i < BLOCK_COLUMNS; i++)
		block_decode(head, i, w->block + head->columns[i].offset, 0, head->rows,
			     w->columns[i]);
	w->rows = head->rows;
	return 0;
}

INLINE bool is_within(const struct work *w, uint32_t i)
{
	int64_t start_us = COLUMN(w, int64_t, FLOW_START_US)[i];

	return start_us >= w->slice->from_us && start_us < w->slice->to_us;
}

/* The lower one of two ports is a service's and is kept, the other is 0; 0 is no port. */
INLINE uint16_t low_port(uint16_t port, uint16_t other)
{
	return port > other && other ? 0 : port;
}

INLINE void read_common(const struct work *w, uint32_t i, struct rolled_key *k)
{
	*k = (struct rolled_key){
		.slot = (uint64_t)COLUMN(w, int64_t, FLOW_START_US)[i] / ROLLUP_MINUTE_US,
		.exporter_id = COLUMN(w, uint32_t, FLOW_EXPORTER_ID)[i],
		.ifindex = COLUMN(w, uint32_t, FLOW_IFINDEX)[i],
		.netns = COLUMN(w, uint32_t, FLOW_NETNS)[i],
		.sampling = COLUMN(w, uint32_t, FLOW_SAMPLING)[i],
		.proto = COLUMN(w, uint8_t, FLOW_PROTO)[i],
		.flags = COLUMN(w, uint8_t, FLOW_FLAGS)[i],
	};
}

INLINE void read_conversation(const struct work *w, uint32_t i, struct rolled_key *k)
{
	uint16_t src = COLUMN(w, uint16_t, FLOW_SRC_PORT)[i];
	uint16_t dst = COLUMN(w, uint16_t, FLOW_DST_PORT)[i];
	bool has = flow_has_ports(COLUMN(w, uint8_t, FLOW_PROTO)[i], 0); /* fragments keep theirs */

	read_common(w, i, k);
	k->src_hi = COLUMN(w, uint64_t, FLOW_SRC_HI)[i];
	k->src_lo = COLUMN(w, uint64_t, FLOW_SRC_LO)[i];
	k->dst_hi = COLUMN(w, uint64_t, FLOW_DST_HI)[i];
	k->dst_lo = COLUMN(w, uint64_t, FLOW_DST_LO)[i];
	k->src_port = has ? low_port(src, dst) : src;
	k->dst_port = has ? low_port(dst, src) : dst;
	k->ethertype = COLUMN(w, uint16_t, FLOW_ETHERTYPE)[i];
	k->vlan_outer = COLUMN(w, uint16_t, FLOW_VLAN_OUTER)[i];
	k->vlan_inner = COLUMN(w, uint16_t, FLOW_VLAN_INNER)[i];
	k->tunnel_id = COLUMN(w, uint32_t, FLOW_TUNNEL_ID)[i];
}

INLINE bool is_fold(const struct work *w, uint32_t i)
{
	return COLUMN(w, uint8_t, FLOW_KIND)[i] == FLOW_FOLD;
}

/* As the kernel folds what got no row. */
INLINE void read_fold(const struct work *w, uint32_t i, struct rolled_key *k)
{
	uint16_t ethertype = COLUMN(w, uint16_t, FLOW_ETHERTYPE)[i];
	bool is_ip = ethertype == ETHERTYPE_IP || ethertype == ETHERTYPE_IPV6;

	read_common(w, i, k);
	k->flags &= FLOW_EGRESS | FLOW_COUNTED | FLOW_INNER;
	k->kind = FLOW_FOLD;
	if (k->proto != IPPROTO_ICMP && k->proto != IPPROTO_TCP && k->proto != IPPROTO_UDP &&
	    !is_fold(w, i))
		k->proto = is_ip ? PROTO_OTHER : 0;
}

INLINE uint64_t hash_of(const struct rolled_key *k)
{
	uint64_t words[KEY_WORDS], h;

	memcpy(words, k, sizeof(words));
	h = key_hash(words, KEY_WORDS);
	return h ? h : 1;
}

/* ---- which conversations keep a row --------------------------------------------------------- */

struct few {
	uint64_t exporters[KEY_ROWS_MAX], slots[KEY_ROWS_MAX], hashes[KEY_ROWS_MAX];
	int64_t octets[KEY_ROWS_MAX];
	size_t len;
};

static int add_few(struct work *w, struct few *few)
{
	const struct key_rows rows = { { few->exporters, few->slots, few->hashes },
				       { few->octets, few->octets, few->octets },
				       few->len };

	few->len = 0;
	return key_sums_add(w->sums, &rows);
}

static int add_octets(struct work *w)
{
	struct few few;
	int err = 0;

	few.len = 0;
	for (uint32_t i = 0; i < w->rows && !err; i++) {
		struct rolled_key k;
		uint64_t hash;

		if (!is_within(w, i) || is_fold(w, i))
			continue;
		read_conversation(w, i, &k);
		hash = hash_of(&k);
		if ((hash >> 32) % w->parts != w->part)
			continue;
		few.exporters[few.len] = k.exporter_id;
		few.slots[few.len] = k.slot;
		few.hashes[few.len] = hash;
		few.octets[few.len++] = (int64_t)COLUMN(w, uint64_t, FLOW_L2_OCTETS)[i];
		if (few.len == KEY_ROWS_MAX)
			err = add_few(w, &few);
	}
	return err ? err : add_few(w, &few);
}

static bool is_best(const struct work *w, uint64_t hash)
{
	size_t at = hash & (w->best_size - 1);

	while (w->best[at] && w->best[at] != hash)
		at = (at + 1) & (w->best_size - 1);
	return w->best[at];
}

static int set_best(struct work *w, const struct rollup_best *b)
{
	AUTO_FREE uint64_t *hashes = NULL;
	size_t len;
	int err = rollup_best_get(b, &hashes, &len);

	if (err)
		return err;
	if (len > ROLLED_MAX)
		return -ENOBUFS;
	for (w->best_size = 1024; w->best_size < 2 * len;)
		w->best_size *= 2;
	w->best = calloc(w->best_size, sizeof(*w->best));
	if (!w->best)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++) {
		size_t at = hashes[i] & (w->best_size - 1);

		while (w->best[at] && w->best[at] != hashes[i])
			at = (at + 1) & (w->best_size - 1);
		w->best[at] = hashes[i];
	}
	return 0;
}

/* ---- rows of minutes ------------------------------------------------------------------------ */

static int grow(struct rolled_table *t)
{
	size_t room = t->room ? 2 * t->room : 4096;
	struct rolled *more;

	if (t->room == ROLLED_MAX)
		return -ENOBUFS;
	more = reallocarray(t->at, room, sizeof(*more));
	if (!more)
		return -ENOMEM;
	t->at = more;
	t->room = room;
	return 0;
}

/* The row of this key, which may be new and empty; NULL: *err says why. */
static struct rolled *row_of(struct rolled_table *t, const struct rolled_key *k, uint64_t hash,
			     int *err)
{
	size_t at = hash & (INDEX_SIZE - 1);

	for (; t->index[at]; at = (at + 1) & (INDEX_SIZE - 1)) {
		struct rolled *r = &t->at[t->index[at] - 1];

		if (!memcmp(&r->key, k, sizeof(*k)))
			return r;
	}
	*err = t->len == t->room ? grow(t) : 0;
	if (*err)
		return NULL;
	t->at[t->len] = (struct rolled){
		.key = *k, .start_us = INT64_MAX, .end_us = INT64_MIN, .ttl_min = UINT8_MAX
	};
	t->index[at] = (uint32_t)++t->len;
	return &t->at[t->len - 1];
}

INLINE uint64_t plus(uint64_t a, uint64_t b)
{
	uint64_t sum = a + (b > INT64_MAX ? INT64_MAX : b);

	return sum > INT64_MAX ? INT64_MAX : sum;
}

INLINE void add_row(struct rolled *r, const struct work *w, uint32_t i)
{
	int64_t start_us = COLUMN(w, int64_t, FLOW_START_US)[i];
	int64_t end_us = COLUMN(w, int64_t, FLOW_END_US)[i];
	uint8_t ttl_min = COLUMN(w, uint8_t, FLOW_TTL_MIN)[i];
	uint8_t ttl_max = COLUMN(w, uint8_t, FLOW_TTL_MAX)[i];

	r->start_us = start_us < r->start_us ? start_us : r->start_us;
	r->end_us = end_us > r->end_us ? end_us : r->end_us;
	r->packets = plus(r->packets, COLUMN(w, uint64_t, FLOW_PACKETS)[i]);
	r->l2_octets = plus(r->l2_octets, COLUMN(w, uint64_t, FLOW_L2_OCTETS)[i]);
	r->l3_octets = plus(r->l3_octets, COLUMN(w, uint64_t, FLOW_L3_OCTETS)[i]);
	r->tcp_flags |= COLUMN(w, uint16_t, FLOW_TCP_FLAGS)[i];
	r->ttl_min = ttl_min < r->ttl_min ? ttl_min : r->ttl_min;
	r->ttl_max = ttl_max > r->ttl_max ? ttl_max : r->ttl_max;
	r->records += r->records < UINT32_MAX;
}

/* What follows from the addresses any row has; of what is folded nothing is known of routes. */
static void set_first(struct rolled *r, const struct work *w, uint32_t i)
{
	r->dscp = COLUMN(w, uint8_t, FLOW_DSCP)[i];
	if (r->key.kind == FLOW_FOLD)
		return;
	r->src_as = COLUMN(w, uint32_t, FLOW_SRC_AS)[i];
	r->dst_as = COLUMN(w, uint32_t, FLOW_DST_AS)[i];
	r->peer_ifindex = COLUMN(w, uint32_t, FLOW_PEER_IFINDEX)[i];
}

static int add_rows(struct work *w)
{
	int err = 0;

	for (uint32_t i = 0; i < w->rows && !err; i++) {
		struct rolled_key k;
		struct rolled *r;
		uint64_t hash = 0;

		if (!is_within(w, i))
			continue;
		if (!is_fold(w, i)) {
			read_conversation(w, i, &k);
			hash = hash_of(&k);
		}
		if (!hash || !is_best(w, hash)) {
			read_fold(w, i, &k);
			hash = hash_of(&k);
		}
		r = row_of(&w->table, &k, hash, &err);
		if (!r)
			break;
		if (!r->records)
			set_first(r, w, i);
		add_row(r, w, i);
	}
	return err;
}

/* ---- a slice -------------------------------------------------------------------------------- */

static void work_done(struct work *w)
{
	free(w->block);
	for (size_t i = 0; i < BLOCK_COLUMNS; i++)
		free(w->columns[i]);
	free(w->best);
	free(w->table.at);
	free(w->table.index);
}

static int work_init(struct work *w)
{
	bool failed = false;

	w->block = aligned_alloc(64, (BLOCK_BYTES_MAX + 63) / 64 * 64);
	w->table.index = calloc(INDEX_SIZE, sizeof(*w->table.index));
	for (size_t i = 0; i < BLOCK_COLUMNS; i++) {
		w->columns[i] = malloc(BLOCK_ROWS * block_column_size(i));
		failed |= !w->columns[i];
	}
	return failed || !w->block || !w->table.index ? -ENOMEM : 0;
}

static int each_block(struct work *w, const struct block_entry *blocks, size_t len,
		      int (*add)(struct work *w))
{
	int err = 0;

	for (size_t i = 0; i < len && !err; i++) {
		if (blocks[i].max_end_us < w->slice->from_us ||
		    blocks[i].min_start_us >= w->slice->to_us)
			continue;
		err = read_block(w, &blocks[i]);
		if (!err)
			err = add(w);
	}
	return err;
}

static int add_part(struct work *w, const struct block_entry *blocks, size_t len,
		    struct rollup_best *best)
{
	int err;

	w->sums = key_sums_new((struct key_shape){ 3, SUM_COUNTS });
	if (!w->sums)
		return -ENOBUFS;
	err = each_block(w, blocks, len, add_octets);
	if (!err)
		err = rollup_best_add(best, w->sums);
	key_sums_free(TAKE(w->sums));
	return err;
}

/* By parts of all conversations, each of which has room. */
static int find_best(struct work *w, const struct block_entry *blocks, size_t len)
{
	AUTO(rollup_best_free) struct rollup_best *best =
		rollup_best_new(ROLLUP_MINUTE_TOP, 2 * ROLLED_MAX);
	int err = best ? 0 : -ENOMEM;

	w->parts = w->slice->rows / PART_ROWS + 1;
	if (w->parts > PARTS_MAX)
		return -ENOBUFS;
	for (w->part = 0; !err && w->part < w->parts; w->part++)
		err = add_part(w, blocks, len, best);
	return err ? err : set_best(w, best);
}

int rollup_slice(int fd, const struct block_entry *blocks, size_t blocks_len,
		 const struct minutes_slice *slice, struct rolled **ret, size_t *ret_len)
{
	struct work w = { .fd = fd, .slice = slice };
	int err = work_init(&w);

	if (!err)
		err = find_best(&w, blocks, blocks_len);
	if (!err)
		err = each_block(&w, blocks, blocks_len, add_rows);
	if (!err) {
		*ret = TAKE(w.table.at);
		*ret_len = w.table.len;
	}
	work_done(&w);
	return err;
}
