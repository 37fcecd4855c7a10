// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* struct batch in, protobuf bytes out. */
#include "user/wire/batch.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "proto/wiretally.pb-c.h"
#include "user/wire/batch_check.h"
#include "user/wire/batch_columns.h"
#include "user/wire/batch_signal.h"

/* The address table under construction. Keyed: addresses are what an attacker chooses. */
struct address_table {
	uint32_t *slots; /* index + 1; 0 = free */
	uint32_t mask;
	uint64_t key[2];
	uint8_t (*addresses)[16];
	uint32_t len;
};

/* One allocation of everything a Flows message points to, and the message itself. */
struct flows_message {
	Wiretally__V1__Flows m;
	void *block;
};

/* The ledger's and the interfaces' messages, and the pointers protobuf-c wants to them. */
struct side_messages {
	Wiretally__V1__LedgerRow *rows, **row_list;
	Wiretally__V1__Count *counts, **count_list;
	Wiretally__V1__Interface *interfaces, **interface_list;
};

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint32_t address_index(struct address_table *t, const uint8_t address[16])
{
	uint64_t half[2];
	uint32_t at;

	memcpy(half, address, sizeof(half));
	at = (uint32_t)mix(half[0] ^ t->key[0], half[1] ^ t->key[1]) & t->mask;
	while (t->slots[at]) {
		uint32_t index = t->slots[at] - 1;

		if (memcmp(t->addresses[index], address, 16) == 0)
			return index;
		at = (at + 1) & t->mask;
	}
	memcpy(t->addresses[t->len], address, 16);
	t->slots[at] = ++t->len;
	return t->len - 1;
}

/* At most half full: 2 × rows addresses in at least 4 × rows slots. */
static int fill_addresses(Wiretally__V1__Flows *m, const struct flow *rows, size_t len,
			  uint8_t (*addresses)[16], uint32_t *source, uint32_t *destination)
{
	struct address_table t = { .addresses = addresses, .mask = 15 };
	uint32_t any_source = 0, any_destination = 0;

	while (t.mask < 4 * len)
		t.mask = t.mask * 2 + 1;
	t.slots = calloc((size_t)t.mask + 1, sizeof(*t.slots));
	if (!t.slots)
		return -ENOMEM;
	if (getrandom(t.key, sizeof(t.key), 0) != sizeof(t.key))
		memset(t.key, 0x5a, sizeof(t.key)); /* slower under attack, still right */
	for (size_t i = 0; i < len; i++) {
		any_source |= source[i] = address_index(&t, rows[i].src);
		any_destination |= destination[i] = address_index(&t, rows[i].dst);
	}
	free(t.slots);
	m->addresses.data = addresses[0];
	m->addresses.len = (size_t)t.len * 16;
	m->source = source;
	m->n_source = any_source ? len : 0;
	m->destination = destination;
	m->n_destination = any_destination ? len : 0;
	return 0;
}

static void fill_computed(Wiretally__V1__Flows *m, const struct flow *rows, size_t len,
			  int64_t base_us, uint32_t *kind, int64_t *start, uint64_t *duration)
{
	uint64_t any_kind = 0, any_start = 0, any_duration = 0;

	for (size_t i = 0; i < len; i++) {
		any_kind |= kind[i] = rows[i].kind | (uint32_t)rows[i].flags << 8;
		start[i] = rows[i].start_us - base_us;
		duration[i] = (uint64_t)(rows[i].end_us - rows[i].start_us);
		any_start |= (uint64_t)start[i];
		any_duration |= duration[i];
	}
	m->kind = kind;
	m->n_kind = any_kind ? len : 0;
	m->start = start;
	m->n_start = any_start ? len : 0;
	m->duration = duration;
	m->n_duration = any_duration ? len : 0;
}

/* Block: 8-byte columns first, then 16-byte addresses, then 4-byte columns. */
static int fill_flows(struct flows_message *f, const struct batch *b, int64_t base_us)
{
	size_t len = b->flows_len;
	uint64_t *wide = malloc(len * (8 * (BATCH_COLUMNS + 2) + 2 * 16 + 4 * 3));
	uint8_t(*addresses)[16];
	uint32_t *narrow;

	f->block = wide;
	if (!wide)
		return -ENOMEM;
	f->m.rows = (uint32_t)len;
	batch_columns_fill(&f->m, b->flows, len, wide);
	wide += BATCH_COLUMNS * len;
	addresses = (uint8_t(*)[16])(wide + 2 * len);
	narrow = (uint32_t *)(addresses + 2 * len);
	fill_computed(&f->m, b->flows, len, base_us, narrow + 2 * len, (int64_t *)wide, wide + len);
	return fill_addresses(&f->m, b->flows, len, addresses, narrow, narrow + len);
}

static void side_messages_done(struct side_messages *s)
{
	free(s->rows);
	free(s->row_list);
	free(s->counts);
	free(s->count_list);
	free(s->interfaces);
	free(s->interface_list);
}

static int side_messages_init(struct side_messages *s, const struct batch *b)
{
	size_t counts = 0;

	for (size_t i = 0; i < b->ledger_len; i++)
		counts += b->ledger[i].counts_len;
	s->rows = calloc(b->ledger_len + 1, sizeof(*s->rows));
	s->row_list = calloc(b->ledger_len + 1, sizeof(*s->row_list));
	s->counts = calloc(counts + 1, sizeof(*s->counts));
	s->count_list = calloc(counts + 1, sizeof(*s->count_list));
	s->interfaces = calloc(b->interfaces_len + 1, sizeof(*s->interfaces));
	s->interface_list = calloc(b->interfaces_len + 1, sizeof(*s->interface_list));
	if (s->rows && s->row_list && s->counts && s->count_list && s->interfaces &&
	    s->interface_list)
		return 0;
	side_messages_done(s);
	return -ENOMEM;
}

static void fill_ledger(struct side_messages *s, const struct batch *b)
{
	size_t at = 0;

	for (size_t i = 0; i < b->ledger_len; i++) {
		const struct ledger_row *row = &b->ledger[i];
		Wiretally__V1__LedgerRow *m = s->row_list[i] = &s->rows[i];

		wiretally__v1__ledger_row__init(m);
		m->interval = row->interval;
		m->start_us = row->start_us;
		m->end_us = row->end_us;
		m->interface = row->ifindex;
		m->netns = row->netns;
		m->point = row->point;
		m->counts = &s->count_list[at];
		m->n_counts = row->counts_len;
		for (size_t j = 0; j < row->counts_len; j++, at++) {
			Wiretally__V1__Count *c = s->count_list[at] = &s->counts[at];

			wiretally__v1__count__init(c);
			c->name = (char *)row->counts[j].name;
			c->packets = row->counts[j].packets;
			c->octets = row->counts[j].octets;
		}
	}
}

static void fill_interfaces(struct side_messages *s, const struct batch *b)
{
	for (size_t i = 0; i < b->interfaces_len; i++) {
		Wiretally__V1__Interface *m = s->interface_list[i] = &s->interfaces[i];

		wiretally__v1__interface__init(m);
		m->index = b->interfaces[i].index;
		m->netns = b->interfaces[i].netns;
		m->name = (char *)b->interfaces[i].name;
		m->hook = (char *)b->interfaces[i].hook;
	}
}

static void fill_head(Wiretally__V1__Batch *m, const struct batch_head *head)
{
	m->schema = BATCH_SCHEMA;
	m->agent = (char *)head->agent;
	m->instance.data = (uint8_t *)head->instance;
	m->instance.len = sizeof(head->instance);
	m->sequence = head->sequence;
	m->boot_id.data = (uint8_t *)head->boot_id;
	m->boot_id.len = head->has_boot_id ? sizeof(head->boot_id) : 0;
	m->clock_offset_ns = head->clock_offset_ns;
	m->host = (char *)head->host;
	m->exporter = (char *)head->exporter;
	m->interval = head->interval;
}

static int pack(const Wiretally__V1__Batch *m, uint8_t **ret, size_t *ret_len)
{
	size_t len = wiretally__v1__batch__get_packed_size(m);
	uint8_t *bytes;

	if (len > BATCH_BYTES_MAX)
		return -EINVAL;
	bytes = malloc(len);
	if (!bytes)
		return -ENOMEM;
	*ret_len = wiretally__v1__batch__pack(m, bytes);
	*ret = bytes;
	return 0;
}

static const char *check_rows(const struct batch *b)
{
	const char *why = NULL;

	for (size_t i = 0; !why && i < b->flows_len; i++)
		why = batch_check_flow(&b->flows[i]);
	for (size_t i = 0; !why && i < b->connections_len; i++)
		why = batch_check_connection(&b->connections[i]);
	for (size_t i = 0; !why && i < b->drops_len; i++)
		why = batch_check_drop(&b->drops[i]);
	return why;
}

const char *batch_check(const struct batch *b)
{
	const char *why = batch_check_sizes(b);

	if (!why)
		why = batch_check_head(&b->head);
	if (!why && (strnlen(b->head.host, BATCH_NAME_MAX) == BATCH_NAME_MAX ||
		     strnlen(b->head.exporter, BATCH_NAME_MAX) == BATCH_NAME_MAX))
		why = "host's or exporter's name is too long";
	if (!why)
		why = check_rows(b);
	for (size_t i = 0; !why && i < b->ledger_len; i++)
		why = batch_check_ledger(&b->ledger[i]);
	for (size_t i = 0; !why && i < b->host_counts_len; i++)
		why = batch_check_host_count(&b->host_counts[i]);
	for (size_t i = 0; !why && i < b->latencies_len; i++)
		why = batch_check_latency(&b->latencies[i]);
	for (size_t i = 0; !why && i < b->interfaces_len; i++)
		if (!memchr(b->interfaces[i].name, 0, sizeof(b->interfaces[i].name)) ||
		    !memchr(b->interfaces[i].hook, 0, sizeof(b->interfaces[i].hook)))
			why = "interface's or hook's name is too long";
	return why;
}

int batch_encode(const struct batch *b, uint8_t **ret, size_t *ret_len)
{
	struct flows_message flows = { .m = WIRETALLY__V1__FLOWS__INIT };
	Wiretally__V1__Batch m = WIRETALLY__V1__BATCH__INIT;
	struct signal_messages signals = { 0 };
	struct side_messages side;
	int err = 0;

	if (batch_check(b))
		return -EINVAL;
	if (side_messages_init(&side, b) < 0)
		return -ENOMEM;
	fill_head(&m, &b->head);
	if (b->flows_len) {
		m.base_time_us = b->flows[0].start_us;
		for (size_t i = 1; i < b->flows_len; i++)
			if (b->flows[i].start_us < m.base_time_us)
				m.base_time_us = b->flows[i].start_us;
		err = fill_flows(&flows, b, m.base_time_us);
		m.flows = &flows.m;
	}
	fill_ledger(&side, b);
	m.ledger = side.row_list;
	m.n_ledger = b->ledger_len;
	fill_interfaces(&side, b);
	m.interfaces = side.interface_list;
	m.n_interfaces = b->interfaces_len;
	m.own_addresses.data = (uint8_t *)b->own_addresses;
	m.own_addresses.len = b->own_addresses_len * sizeof(b->own_addresses[0]);
	if (!err)
		err = signal_messages_fill(&signals, b, &m);
	if (!err)
		err = pack(&m, ret, ret_len);
	signal_messages_done(&signals);
	free(flows.block);
	side_messages_done(&side);
	return err;
}
