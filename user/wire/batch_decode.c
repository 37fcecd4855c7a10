// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Protobuf bytes from outside in, checked struct batch out. Nothing is believed: lengths are
 * compared before use, and what protobuf-c allocates while it reads comes from an arena with a
 * ceiling, since two bytes of input can cost it a hundred.
 */
#include "user/wire/batch.h"

#include <errno.h>
#include <string.h>

#include "proto/wiretally.pb-c.h"
#include "user/wire/batch_check.h"
#include "user/wire/batch_columns.h"
#include "user/wire/batch_signal.h"

#define ROWS_AT_ONCE 128 /* all of their columns, while the rows are in the cache */

/* The largest honest batch needs about 24 MiB: full columns, full ledger. */
#define ARENA_BYTES_MAX (64u << 20)

/* Under AddressSanitizer every allocation is a block of its own, so that overruns are seen. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define ARENA_BLOCK_BYTES 1u
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define ARENA_BLOCK_BYTES 1u
#endif
#ifndef ARENA_BLOCK_BYTES
#define ARENA_BLOCK_BYTES (32u << 10)
#endif

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	_Alignas(16) uint8_t bytes[];
};

struct arena {
	struct arena_block *blocks;
	size_t taken;
	bool is_exhausted; /* the ceiling was hit */
	bool is_out_of_memory;
};

static void *arena_take(void *of, size_t size)
{
	struct arena *a = of;
	struct arena_block *block = a->blocks;
	size_t want;
	void *ret;

	if (size > ARENA_BYTES_MAX) {
		a->is_exhausted = true;
		return NULL;
	}
	size = (size + 15) & ~(size_t)15;
	if (!block || block->size - block->used < size) {
		want = size > ARENA_BLOCK_BYTES ? size : ARENA_BLOCK_BYTES;
		if (a->taken + want > ARENA_BYTES_MAX) {
			a->is_exhausted = true;
			return NULL;
		}
		block = malloc(sizeof(*block) + want);
		if (!block) {
			a->is_out_of_memory = true;
			return NULL;
		}
		*block = (struct arena_block){ .next = a->blocks, .size = want };
		a->blocks = block;
		a->taken += want;
	}
	ret = block->bytes + block->used;
	block->used += size;
	return ret;
}

static void arena_give_back(void *of, void *pointer)
{
	/* all at once, in arena_done() */
}

static void arena_done(struct arena *a)
{
	for (struct arena_block *next, *block = a->blocks; block; block = next) {
		next = block->next;
		free(block);
	}
}

static const char *decode_head(const Wiretally__V1__Batch *m, struct batch_head *head)
{
	if (strlen(m->agent) >= sizeof(head->agent))
		return "agent is not 1 to 64 characters of [A-Za-z0-9._-]";
	memcpy(head->agent, m->agent, strlen(m->agent) + 1);
	if (m->instance.len != sizeof(head->instance))
		return "instance is not 16 bytes";
	memcpy(head->instance, m->instance.data, sizeof(head->instance));
	if (m->boot_id.len != 0 && m->boot_id.len != sizeof(head->boot_id))
		return "boot_id is neither 0 nor 16 bytes";
	head->has_boot_id = m->boot_id.len != 0;
	if (head->has_boot_id)
		memcpy(head->boot_id, m->boot_id.data, sizeof(head->boot_id));
	if (!batch_copy_text(m->host, head->host, sizeof(head->host)))
		return "host is too long";
	if (!batch_copy_text(m->exporter, head->exporter, sizeof(head->exporter)))
		return "exporter is too long";
	head->schema = m->schema;
	head->sequence = m->sequence;
	head->clock_offset_ns = m->clock_offset_ns;
	head->interval = m->interval;
	return batch_check_head(head);
}

static const char *take_addresses(const Wiretally__V1__Flows *m, struct flow *rows, size_t first,
				  size_t end)
{
	uint32_t table_len = (uint32_t)(m->addresses.len / 16);
	const uint8_t(*table)[16] = (const uint8_t(*)[16])m->addresses.data;

	if (m->n_source && m->n_source != m->rows)
		return "column source has neither 0 nor one value a row";
	if (m->n_destination && m->n_destination != m->rows)
		return "column destination has neither 0 nor one value a row";
	for (size_t i = first; i < end; i++) {
		uint32_t source = m->n_source ? m->source[i] : 0;
		uint32_t destination = m->n_destination ? m->destination[i] : 0;

		if (source >= table_len || destination >= table_len)
			return "address index is beyond the address table";
		memcpy(rows[i].src, table[source], 16);
		memcpy(rows[i].dst, table[destination], 16);
	}
	return NULL;
}

static const char *take_computed(const Wiretally__V1__Flows *m, int64_t base_us, struct flow *rows,
				 size_t first, size_t end)
{
	if (m->n_kind && m->n_kind != m->rows)
		return "column kind has neither 0 nor one value a row";
	if (m->n_start && m->n_start != m->rows)
		return "column start has neither 0 nor one value a row";
	if (m->n_duration && m->n_duration != m->rows)
		return "column duration has neither 0 nor one value a row";
	for (size_t i = first; i < end; i++) {
		uint32_t kind = m->n_kind ? m->kind[i] : 0;
		uint64_t duration = m->n_duration ? m->duration[i] : 0;
		struct flow *row = &rows[i];

		if (kind > 0xffff)
			return "column kind holds a value that is too large";
		row->kind = (uint8_t)kind;
		row->flags = (uint8_t)(kind >> 8);
		if (__builtin_add_overflow(base_us, m->n_start ? m->start[i] : 0, &row->start_us) ||
		    __builtin_add_overflow(row->start_us, duration, &row->end_us))
			return "time overflows";
		if (row->sampling == 0)
			row->sampling = 1; /* so that everybody may multiply by it */
	}
	return NULL;
}

static const char *check_flows(const Wiretally__V1__Flows *m)
{
	if (m->rows > BATCH_ROWS_MAX)
		return "too many rows";
	if (m->addresses.len % 16)
		return "addresses are not 16 bytes each";
	if (m->addresses.len / 16 > 2 * (size_t)m->rows)
		return "more than two addresses a row";
	return NULL;
}

static const char *take_rows(const Wiretally__V1__Flows *m, int64_t base_us, struct flow *rows,
			     size_t first)
{
	size_t len = m->rows - first < ROWS_AT_ONCE ? m->rows - first : ROWS_AT_ONCE;
	const char *why = batch_columns_take(m, rows, first, len);

	if (!why)
		why = take_addresses(m, rows, first, first + len);
	if (!why)
		why = take_computed(m, base_us, rows, first, first + len);
	for (size_t i = first; !why && i < first + len; i++)
		why = batch_check_flow(&rows[i]);
	return why;
}

static int decode_flows(const Wiretally__V1__Flows *m, int64_t base_us, struct batch *b,
			const char **why)
{
	*why = check_flows(m);
	if (*why)
		return -EBADMSG;
	b->flows = calloc((size_t)m->rows + 1, sizeof(*b->flows));
	if (!b->flows)
		return -ENOMEM;
	b->flows_len = m->rows;
	for (size_t at = 0; !*why && at < b->flows_len; at += ROWS_AT_ONCE)
		*why = take_rows(m, base_us, b->flows, at);
	return *why ? -EBADMSG : 0;
}

static const char *decode_ledger_row(const Wiretally__V1__LedgerRow *m, struct ledger_row *row)
{
	row->interval = m->interval;
	row->start_us = m->start_us;
	row->end_us = m->end_us;
	row->ifindex = m->interface;
	row->netns = m->netns;
	row->point = m->point;
	if (m->n_counts > LEDGER_COUNTS_MAX)
		return "too many counts in a ledger row";
	row->counts_len = (uint32_t)m->n_counts;
	for (size_t i = 0; i < m->n_counts; i++) {
		struct ledger_count *count = &row->counts[i];
		size_t len = strlen(m->counts[i]->name);

		if (len >= sizeof(count->name))
			return "ledger count's name is not 1 to 47 printable characters";
		memcpy(count->name, m->counts[i]->name, len + 1);
		count->packets = m->counts[i]->packets;
		count->octets = m->counts[i]->octets;
	}
	return batch_check_ledger(row);
}

static int decode_ledger(const Wiretally__V1__Batch *m, struct batch *b, const char **why)
{
	if (m->n_ledger == 0)
		return 0;
	b->ledger = calloc(m->n_ledger, sizeof(*b->ledger));
	if (!b->ledger)
		return -ENOMEM;
	b->ledger_len = m->n_ledger;
	for (size_t i = 0; i < m->n_ledger; i++) {
		*why = decode_ledger_row(m->ledger[i], &b->ledger[i]);
		if (*why)
			return -EBADMSG;
	}
	return 0;
}

static int decode_interfaces(const Wiretally__V1__Batch *m, struct batch *b, const char **why)
{
	if (m->n_interfaces == 0)
		return 0;
	b->interfaces = calloc(m->n_interfaces, sizeof(*b->interfaces));
	if (!b->interfaces)
		return -ENOMEM;
	b->interfaces_len = m->n_interfaces;
	for (size_t i = 0; i < m->n_interfaces; i++) {
		struct watched_interface *to = &b->interfaces[i];
		const Wiretally__V1__Interface *from = m->interfaces[i];

		to->index = from->index;
		to->netns = from->netns;
		if (!batch_copy_text(from->name, to->name, sizeof(to->name)) ||
		    !batch_copy_text(from->hook, to->hook, sizeof(to->hook))) {
			*why = "interface's name or hook is too long";
			return -EBADMSG;
		}
	}
	return 0;
}

static int decode_own_addresses(const Wiretally__V1__Batch *m, struct batch *b, const char **why)
{
	if (m->own_addresses.len == 0)
		return 0;
	if (m->own_addresses.len % 16) {
		*why = "own addresses are not 16 bytes each";
		return -EBADMSG;
	}
	b->own_addresses = malloc(m->own_addresses.len);
	if (!b->own_addresses)
		return -ENOMEM;
	memcpy(b->own_addresses, m->own_addresses.data, m->own_addresses.len);
	b->own_addresses_len = m->own_addresses.len / 16;
	return 0;
}

static int decode_message(const Wiretally__V1__Batch *m, struct batch *b, const char **why)
{
	const struct batch sizes = { .connections_len = m->n_connections,
				     .drops_len = m->n_drops,
				     .host_counts_len = m->n_host_counts,
				     .latencies_len = m->n_latencies,
				     .ledger_len = m->n_ledger,
				     .interfaces_len = m->n_interfaces,
				     .own_addresses_len = m->own_addresses.len / 16 };
	int err;

	if (m->schema != BATCH_SCHEMA) {
		*why = "unknown schema version";
		return -EPROTONOSUPPORT;
	}
	*why = decode_head(m, &b->head);
	if (!*why)
		*why = batch_check_sizes(&sizes);
	if (*why)
		return -EBADMSG;
	err = m->flows ? decode_flows(m->flows, m->base_time_us, b, why) : 0;
	if (!err)
		err = decode_ledger(m, b, why);
	if (!err)
		err = batch_signal_take(m, b, why);
	if (!err)
		err = decode_interfaces(m, b, why);
	if (!err)
		err = decode_own_addresses(m, b, why);
	return err;
}

int batch_decode(const void *bytes, size_t len, struct batch **ret, const char **why)
{
	AUTO(batch_free) struct batch *b = NULL;
	struct arena arena = { 0 };
	ProtobufCAllocator allocator = { arena_take, arena_give_back, &arena };
	Wiretally__V1__Batch *m;
	int err;

	*why = NULL;
	if (len > BATCH_BYTES_MAX) {
		*why = "batch is too large";
		return -EBADMSG;
	}
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	m = wiretally__v1__batch__unpack(&allocator, len, bytes);
	if (m) {
		err = decode_message(m, b, why);
	} else if (arena.is_out_of_memory) {
		err = -ENOMEM;
	} else {
		*why = arena.is_exhausted ? "batch takes too much memory to read"
					  : "not a protobuf batch";
		err = -EBADMSG;
	}
	arena_done(&arena);
	if (err)
		return err;
	*ret = TAKE(b);
	return 0;
}
