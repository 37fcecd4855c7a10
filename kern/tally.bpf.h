/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tally: a per-CPU, two-way set-associative table with two epochs and a spill lane, written
 * once and instantiated per record type. In: a key and its keyed hash. Out: the row to add to, or
 * NULL when the packet must fold.
 *
 *   table   array of sets, [row of this CPU][epoch][set] -> two ways of one record each
 *   tags    array of struct wt_tags, likewise; or NULL for a table that is never large
 *   lanes   array of records, [row of this CPU][index & mask]: single producer, single consumer
 *   heads   struct wt_lane_head per row
 *
 * A record begins with its key (key_words u64), then a u64 weight (packets, events) that is 0 in a
 * free way. XDP and tc runs cannot interrupt each other on one CPU, so nothing here is atomic but
 * the lane's publication; callers whose runs can nest take the busy word first.
 */
#ifndef WIRETALLY_TALLY_BPF_H
#define WIRETALLY_TALLY_BPF_H

#include "kern/abi.h"
#include "kern/bpf.h"

struct tally {
	void *table;
	void *lanes;
	void *heads;
	void *tags;
	__u32 record_bytes; /* of one way; multiple of 8 */
	__u32 key_words;
};

/* Load-time constants, the same for every tally. Frozen: the verifier sees plain numbers. */
extern const volatile __u32 wt_rows; /* CPUs that have a row: ids below this */
extern const volatile __u64 wt_nh_key[]; /* secret: two u32 per key word */
extern const volatile __u64 wt_nh_mul; /* secret, odd */

enum tally_miss { TALLY_FOUND = 0, TALLY_LANE_FULL, TALLY_NO_ROW };

/*
 * NH (Black et al., UMAC, RFC 4418 section 5.2.2 has the same core): for keys an attacker picks
 * without knowing wt_nh_key, two collide with probability about 2^-32. The multiply spreads the
 * sum's entropy to the high half, which indexes the table. The xor before it breaks what is
 * linear: of neighbouring keys (ports or addresses that count up) the sums are in steps of one
 * size, and with some secrets all of them would share few sets (tests/net/test_collide.py).
 */
static __always_inline __u64 tally_nh(__u32 lo, __u32 hi, __u64 k)
{
	return (__u64)(lo + (__u32)k) * (__u32)(hi + (__u32)(k >> 32));
}

static __always_inline __u32 tally_hash_end(__u64 sum)
{
	sum ^= sum >> 32;
	return (__u32)((sum * wt_nh_mul) >> 32);
}

static __always_inline __u32 tally_hash(const __u64 *key, __u32 words)
{
	__u64 sum = 0;

	for (__u32 i = 0; i < words; i++)
		sum += tally_nh(key[i], key[i] >> 32, wt_nh_key[i]);
	return tally_hash_end(sum);
}

/* given: bit mask of words that the caller knows to be equal when the others are. */
static __always_inline bool tally_key_equal(const __u64 *a, const __u64 *b, __u32 words,
					    __u32 given)
{
	__u64 diff = 0;

	for (__u32 i = 0; i < words; i++)
		if (!(given & 1u << i))
			diff |= a[i] ^ b[i];
	return !diff;
}

static __always_inline void tally_copy(__u64 *to, const __u64 *from, __u32 bytes)
{
	for (__u32 i = 0; i < bytes / 8; i++)
		to[i] = from[i];
}

/* Where this CPU's next lane record goes. NULL when user space has granted no more room. */
static __always_inline __u64 *tally_lane_slot(const struct tally *t, __u32 row, __u32 lane_mask,
					      struct wt_lane_head **ret)
{
	struct wt_lane_head *head = bpf_map_lookup_elem(t->heads, &row);
	__u32 index;

	if (!head || head->head - READ_ONCE(head->tail) > lane_mask)
		return NULL;
	*ret = head;
	index = row * (lane_mask + 1) + ((__u32)head->head & lane_mask);
	return bpf_map_lookup_elem(t->lanes, &index);
}

/* Releases the record to the consumer. x86 keeps stores in order; elsewhere it takes an atomic. */
static __always_inline void tally_lane_publish(struct wt_lane_head *head)
{
#ifdef __TARGET_ARCH_x86
	barrier();
	*(volatile __u64 *)&head->head = head->head + 1;
#else
	__sync_fetch_and_add(&head->head, 1);
#endif
}

/* Moves a record into this CPU's lane. False when there is no room. */
static __always_inline bool tally_spill(const struct tally *t, __u32 row, __u32 lane_mask,
					const __u64 *victim)
{
	struct wt_lane_head *head;
	__u64 *slot = tally_lane_slot(t, row, lane_mask, &head);

	if (!slot)
		return false;
	tally_copy(slot, victim, t->record_bytes);
	tally_lane_publish(head);
	return true;
}

/* Where a key of some hash can be. */
struct tally_set {
	__u64 *ways;
	struct wt_tags *tags; /* NULL: the table has none */
	__u32 tag;
};

/* False: this CPU has no row. */
static __always_inline bool tally_at(const struct tally *t, __u32 cpu, __u32 epoch, __u32 set_mask,
				     __u32 hash, struct tally_set *ret)
{
	__u32 index = (cpu * 2 + epoch) * (set_mask + 1) + (hash & set_mask);

	if (cpu >= wt_rows)
		return false;
	ret->tag = hash | 1; /* the lowest bit is in the index already */
	ret->tags = t->tags ? bpf_map_lookup_elem(t->tags, &index) : NULL;
	ret->ways = bpf_map_lookup_elem(t->table, &index);
	return ret->ways && (!t->tags || ret->tags);
}

static __always_inline __u64 *tally_way(const struct tally *t, const struct tally_set *s, __u32 i)
{
	return s->ways + i * (t->record_bytes / 8);
}

static __always_inline bool tally_is_taken(const struct tally *t, const struct tally_set *s,
					   __u32 i)
{
	return t->tags ? s->tags->way[i] : tally_way(t, s, i)[t->key_words];
}

static __always_inline __u64 *tally_find(const struct tally *t, const struct tally_set *s,
					 const __u64 *key, __u32 given)
{
	for (__u32 i = 0; i < 2; i++) {
		__u64 *way = tally_way(t, s, i);

		if ((t->tags ? s->tags->way[i] == s->tag : way[t->key_words]) &&
		    tally_key_equal(way, key, t->key_words, given))
			return way;
	}
	return NULL;
}

/* A row for a key that has none: it holds the key, zeros elsewhere. NULL: the lane is full. */
static __always_inline __u64 *tally_make(const struct tally *t, __u32 cpu, __u32 lane_mask,
					 const struct tally_set *s, const __u64 *key)
{
	const __u32 way_words = t->record_bytes / 8, weight = t->key_words;
	__u64 *way0 = tally_way(t, s, 0), *way1 = tally_way(t, s, 1), *victim = way0;
	__u32 i = 0;

	if (tally_is_taken(t, s, 0)) {
		i = !tally_is_taken(t, s, 1) || way1[weight] < way0[weight];
		victim = i ? way1 : way0;
		if (tally_is_taken(t, s, 1) && !tally_spill(t, cpu, lane_mask, victim))
			return NULL;
	}
	tally_copy(victim, key, t->key_words * 8);
	for (__u32 w = t->key_words; w < way_words; w++)
		victim[w] = 0;
	if (t->tags)
		s->tags->way[i & 1] = s->tag;
	return victim;
}

/* The row for key, found or made: *found tells which. NULL with *miss set when it is neither. */
static __always_inline void *tally_row(const struct tally *t, __u32 cpu, __u32 epoch,
				       __u32 set_mask, __u32 lane_mask, const __u64 *key,
				       __u32 hash, bool *found, enum tally_miss *miss)
{
	struct tally_set set;
	__u64 *row;

	*found = true;
	*miss = TALLY_NO_ROW;
	if (!tally_at(t, cpu, epoch, set_mask, hash, &set))
		return NULL;
	row = tally_find(t, &set, key, 0);
	if (row)
		return row;
	*found = false;
	*miss = TALLY_LANE_FULL;
	return tally_make(t, cpu, lane_mask, &set, key);
}

#endif
