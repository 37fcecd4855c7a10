// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* batch.h: what goes in comes out, and nothing malformed comes in. */
#include "user/wire/batch.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <zstd.h>

#include "proto/wiretally.pb-c.h"

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void fill_bytes(void *to, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)to)[i] = (uint8_t)next_random();
}

static struct flow random_flow(void)
{
	struct flow f = { .ifindex = (uint32_t)next_random(), .netns = (uint32_t)next_random() };

	fill_bytes(f.src, 16);
	fill_bytes(f.dst, 16);
	f.src[0] = f.dst[0] = next_random() % 4; /* few addresses … */
	memset(f.src + 1, 0, 15); /* … so that the table deduplicates */
	f.src_port = (uint16_t)next_random();
	f.dst_port = (uint16_t)next_random();
	f.ethertype = (uint16_t)next_random();
	f.proto = (uint8_t)next_random();
	f.flags = (uint8_t)next_random();
	f.vlan_outer = next_random() % 2 ? 0x1000 | next_random() % 4096 : 0;
	f.vlan_inner = next_random() % 2 ? 0x1000 | next_random() % 4096 : 0;
	f.tunnel_id = (uint32_t)next_random();
	f.kind = next_random() % 2;
	f.dscp = next_random() % 64;
	f.ttl_min = (uint8_t)next_random();
	f.ttl_max = (uint8_t)next_random();
	f.tcp_flags = next_random() % 4096;
	f.sampling = 1 + next_random() % 100;
	f.packets = 1 + next_random() % BATCH_COUNT_MAX;
	f.l2_octets = next_random() % BATCH_COUNT_MAX;
	f.l3_octets = next_random() % BATCH_COUNT_MAX;
	f.start_us = (int64_t)(next_random() % 2000000000000000);
	f.end_us = f.start_us + (int64_t)(next_random() % 1000000000);
	return f;
}

static struct ledger_row random_ledger_row(void)
{
	struct ledger_row row = { .interval = 1 + next_random() % 100,
				  .start_us = 5,
				  .end_us = 5 + (int64_t)(next_random() % 100),
				  .ifindex = (uint32_t)next_random(),
				  .netns = (uint32_t)next_random(),
				  .point = next_random() % 4,
				  .counts_len = next_random() % (LEDGER_COUNTS_MAX + 1) };

	for (size_t i = 0; i < row.counts_len; i++) {
		snprintf(row.counts[i].name, LEDGER_NAME_MAX, "unparsed/bad %zu", i);
		row.counts[i].packets = next_random() % BATCH_COUNT_MAX;
		row.counts[i].octets = next_random() % BATCH_COUNT_MAX;
	}
	return row;
}

static struct batch *random_batch(size_t rows)
{
	struct batch *b = calloc(1, sizeof(*b));

	strcpy(b->head.agent, "agent-1.example_x");
	fill_bytes(b->head.instance, 16);
	fill_bytes(b->head.boot_id, 16);
	b->head.schema = BATCH_SCHEMA;
	b->head.has_boot_id = true;
	b->head.sequence = 1 + next_random() % 1000;
	b->head.interval = 1 + next_random() % 1000;
	b->head.clock_offset_ns = (int64_t)next_random();
	strcpy(b->head.host, "höst");
	strcpy(b->head.exporter, "a file.pcap");
	b->flows = calloc(rows + 1, sizeof(*b->flows));
	b->flows_len = rows;
	for (size_t i = 0; i < rows; i++)
		b->flows[i] = random_flow();
	b->ledger_len = next_random() % 4;
	b->ledger = calloc(4, sizeof(*b->ledger));
	for (size_t i = 0; i < b->ledger_len; i++)
		b->ledger[i] = random_ledger_row();
	b->interfaces_len = next_random() % 3;
	b->interfaces = calloc(3, sizeof(*b->interfaces));
	for (size_t i = 0; i < b->interfaces_len; i++) {
		b->interfaces[i].index = (uint32_t)next_random();
		b->interfaces[i].netns = (uint32_t)next_random();
		strcpy(b->interfaces[i].name, "eth0");
		strcpy(b->interfaces[i].hook, "xdp+tcx");
	}
	b->own_addresses_len = next_random() % 3;
	b->own_addresses = calloc(3, 16);
	fill_bytes(b->own_addresses, b->own_addresses_len * 16);
	return b;
}

/* Field by field: padding is not part of the promise. */
static void expect_same_flow(const struct flow *a, const struct flow *b, size_t i)
{
	cr_expect_arr_eq(a->src, b->src, 16, "row %zu: src", i);
	cr_expect_arr_eq(a->dst, b->dst, 16, "row %zu: dst", i);
#define SAME(member) cr_expect_eq(a->member, b->member, "row %zu: " #member, i)
	SAME(ifindex);
	SAME(netns);
	SAME(src_port);
	SAME(dst_port);
	SAME(ethertype);
	SAME(proto);
	SAME(flags);
	SAME(vlan_outer);
	SAME(vlan_inner);
	SAME(tunnel_id);
	SAME(kind);
	SAME(dscp);
	SAME(ttl_min);
	SAME(ttl_max);
	SAME(tcp_flags);
	SAME(sampling);
	SAME(packets);
	SAME(l2_octets);
	SAME(l3_octets);
	SAME(start_us);
	SAME(end_us);
#undef SAME
}

static void expect_same_batch(const struct batch *a, const struct batch *b)
{
	cr_assert_eq(a->flows_len, b->flows_len);
	for (size_t i = 0; i < a->flows_len; i++)
		expect_same_flow(&a->flows[i], &b->flows[i], i);
	cr_expect_str_eq(a->head.agent, b->head.agent);
	cr_expect_str_eq(a->head.host, b->head.host);
	cr_expect_str_eq(a->head.exporter, b->head.exporter);
	cr_expect_arr_eq(a->head.instance, b->head.instance, 16);
	cr_expect_arr_eq(a->head.boot_id, b->head.boot_id, 16);
	cr_expect_eq(a->head.sequence, b->head.sequence);
	cr_expect_eq(a->head.interval, b->head.interval);
	cr_expect_eq(a->head.clock_offset_ns, b->head.clock_offset_ns);
	cr_assert_eq(a->ledger_len, b->ledger_len);
	cr_assert_eq(a->interfaces_len, b->interfaces_len);
	cr_assert_eq(a->own_addresses_len, b->own_addresses_len);
	/* calloc'd on both sides, no padding that anybody writes */
	for (size_t i = 0; i < a->ledger_len; i++)
		cr_expect_arr_eq(&a->ledger[i], &b->ledger[i], sizeof(a->ledger[i]), "ledger %zu",
				 i);
	for (size_t i = 0; i < a->interfaces_len; i++)
		cr_expect_arr_eq(&a->interfaces[i], &b->interfaces[i], sizeof(a->interfaces[i]));
	for (size_t i = 0; i < a->own_addresses_len; i++)
		cr_expect_arr_eq(a->own_addresses[i], b->own_addresses[i], 16);
}

Test(batch, round_trip)
{
	static const size_t sizes[] = { 0, 1, 2, 7, 100, 1000, BATCH_ROWS_MAX };

	for (size_t i = 0; i < 40 + ARRAY_LEN(sizes); i++) {
		size_t rows = i < ARRAY_LEN(sizes) ? sizes[i] : next_random() % 50;
		AUTO(batch_free) struct batch *in = random_batch(rows);
		AUTO(batch_free) struct batch *out = NULL;
		AUTO_FREE uint8_t *bytes = NULL;
		const char *why = NULL;
		size_t len;

		cr_assert_eq(batch_encode(in, &bytes, &len), 0, "%zu rows", rows);
		cr_assert_eq(batch_decode(bytes, len, &out, &why), 0, "%zu rows: %s", rows, why);
		expect_same_batch(in, out);
	}
}

Test(batch, addresses_are_deduplicated_and_zero_columns_left_out)
{
	AUTO(batch_free) struct batch *in = random_batch(1000);
	AUTO_FREE uint8_t *bytes = NULL;
	Wiretally__V1__Batch *m;
	size_t len;

	for (size_t i = 0; i < in->flows_len; i++) {
		memset(in->flows[i].dst, 0, 16);
		in->flows[i].netns = 0;
		in->flows[i].start_us = 1234567;
		in->flows[i].end_us = 1234567;
	}
	cr_assert_eq(batch_encode(in, &bytes, &len), 0);
	m = wiretally__v1__batch__unpack(NULL, len, bytes);
	cr_assert(m);
	cr_expect_eq(m->flows->addresses.len, 4 * 16);
	cr_expect_eq(m->flows->n_netns, 0);
	cr_expect_eq(m->flows->n_start, 0);
	cr_expect_eq(m->flows->n_duration, 0);
	cr_expect_eq(m->flows->n_packets, 1000);
	cr_expect_eq(m->base_time_us, 1234567);
	wiretally__v1__batch__free_unpacked(m, NULL);
}

/* Truncated at every byte: refused, or (cut between fields) whole in what is left of it. */
Test(batch, cut_anywhere)
{
	AUTO(batch_free) struct batch *in = random_batch(20);
	AUTO_FREE uint8_t *bytes = NULL;
	size_t len, refused = 0;

	cr_assert_eq(batch_encode(in, &bytes, &len), 0);
	for (size_t cut = 0; cut < len; cut++) {
		AUTO(batch_free) struct batch *out = NULL;
		AUTO_FREE uint8_t *copy = malloc(cut + 1); /* so that ASan sees an overrun */
		const char *why = NULL;
		int err;

		memcpy(copy, bytes, cut);
		err = batch_decode(copy, cut, &out, &why);
		if (err) {
			cr_expect(why, "cut at %zu: no reason", cut);
			cr_expect_null(out);
			refused++;
		}
	}
	cr_expect_gt(refused, len * 9 / 10);
}

Test(batch, damaged_anywhere)
{
	AUTO(batch_free) struct batch *in = random_batch(4);
	AUTO_FREE uint8_t *bytes = NULL;
	size_t len;

	cr_assert_eq(batch_encode(in, &bytes, &len), 0);
	for (size_t at = 0; at < 8 * len; at++) {
		AUTO(batch_free) struct batch *out = NULL;
		const char *why = NULL;
		int err;

		bytes[at / 8] ^= 1 << at % 8;
		err = batch_decode(bytes, len, &out, &why);
		cr_expect((err == 0) == (out != NULL) && (err == 0) == (why == NULL), "bit %zu",
			  at);
		bytes[at / 8] ^= 1 << at % 8;
	}
}

/* ---- malformed batches, made by protobuf-c itself --------------------------------------- */

static void set_u32(size_t *n, uint32_t **values, size_t len, uint32_t value)
{
	static uint32_t room[4];

	for (size_t i = 0; i < ARRAY_LEN(room); i++)
		room[i] = value;
	*n = len;
	*values = room;
}

static void set_u64(size_t *n, uint64_t **values, size_t len, uint64_t value)
{
	static uint64_t room[2][4];
	static size_t turn;

	turn = !turn;
	for (size_t i = 0; i < ARRAY_LEN(room[0]); i++)
		room[turn][i] = value;
	*n = len;
	*values = room[turn];
}

#define U32(name, len, value) set_u32(&m->flows->n_##name, &m->flows->name, len, value)
#define U64(name, len, value) set_u64(&m->flows->n_##name, &m->flows->name, len, value)
#define S64(name, len, value) \
	set_u64(&m->flows->n_##name, (uint64_t **)&m->flows->name, len, (uint64_t)(value))

/* One row each: the name is the test's, `damage` acts on a good batch of 2 rows. */
#define BAD(id, reason, statement)                       \
	static void damage_##id(Wiretally__V1__Batch *m) \
	{                                                \
		statement;                               \
	}
#include "tests/user/wire/batch_bad.h"
#undef BAD

#define BAD(id, reason, statement) { #id, reason, damage_##id },
static const struct bad {
	const char *name, *why;
	void (*damage)(Wiretally__V1__Batch *m);
} bad_batches[] = {
#include "tests/user/wire/batch_bad.h"
};
#undef BAD

static int decode_damaged(void (*damage)(Wiretally__V1__Batch *m), const char **why)
{
	static uint8_t instance[16], addresses[32], own[16];
	AUTO(batch_free) struct batch *out = NULL;
	AUTO_FREE uint8_t *bytes = NULL;
	Wiretally__V1__Flows flows = WIRETALLY__V1__FLOWS__INIT;
	Wiretally__V1__Batch batch = WIRETALLY__V1__BATCH__INIT, *m = &batch;
	Wiretally__V1__LedgerRow row = WIRETALLY__V1__LEDGER_ROW__INIT, *rows[] = { &row };
	Wiretally__V1__Count count = WIRETALLY__V1__COUNT__INIT;
	Wiretally__V1__Count *counts[LEDGER_COUNTS_MAX + 1];
	Wiretally__V1__Interface interface = WIRETALLY__V1__INTERFACE__INIT;
	Wiretally__V1__Interface *interfaces[] = { &interface };
	size_t len;

	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		counts[i] = &count;
	count.name = "seen";
	row = (Wiretally__V1__LedgerRow){ row.base, .interval = 1, .n_counts = 1,
					  .counts = counts };
	interface.name = interface.hook = "x";
	m->schema = BATCH_SCHEMA;
	m->agent = "agent";
	m->instance = (ProtobufCBinaryData){ sizeof(instance), instance };
	m->own_addresses = (ProtobufCBinaryData){ sizeof(own), own };
	m->sequence = m->interval = 1;
	m->flows = &flows;
	m->ledger = rows;
	m->n_ledger = 1;
	m->interfaces = interfaces;
	m->n_interfaces = 1;
	flows.rows = 2;
	flows.addresses = (ProtobufCBinaryData){ sizeof(addresses), addresses };
	U64(packets, 2, 1);
	if (damage)
		damage(m);
	bytes = malloc(wiretally__v1__batch__get_packed_size(m));
	len = wiretally__v1__batch__pack(m, bytes);
	return batch_decode(bytes, len, &out, why);
}

Test(batch, undamaged_is_taken)
{
	const char *why = NULL;

	cr_expect_eq(decode_damaged(NULL, &why), 0, "%s", why);
	cr_expect_null(why);
}

Test(batch, malformed_is_refused)
{
	for (size_t i = 0; i < ARRAY_LEN(bad_batches); i++) {
		const struct bad *bad = &bad_batches[i];
		const char *why = NULL;
		int err = decode_damaged(bad->damage, &why);

		cr_expect_eq(err, strncmp(bad->name, "schema_", 7) ? -EBADMSG : -EPROTONOSUPPORT,
			     "%s: %d", bad->name, err);
		cr_expect_str_eq(why ? why : "(none)", bad->why, "%s: %s", bad->name, why);
	}
}

/* 2 bytes of input, a hundred of memory: an empty ledger row each. */
Test(batch, amplification_is_refused)
{
	size_t len = BATCH_BYTES_MAX;
	AUTO_FREE uint8_t *bytes = malloc(len + 1);
	AUTO(batch_free) struct batch *out = NULL;
	const char *why = NULL;

	for (size_t i = 0; i < len; i += 2)
		memcpy(bytes + i, "\x62\x00", 2);
	cr_expect_eq(batch_decode(bytes, len, &out, &why), -EBADMSG);
	cr_expect_str_eq(why, "batch takes too much memory to read");
	cr_expect_eq(batch_decode(bytes, len + 1, &out, &why), -EBADMSG);
	cr_expect_str_eq(why, "batch is too large");
	cr_expect_eq(batch_decode("\xff\xff", 2, &out, &why), -EBADMSG);
	cr_expect_str_eq(why, "not a protobuf batch");
}

Test(batch, text_is_cleaned)
{
	AUTO(batch_free) struct batch *in = random_batch(0);
	AUTO(batch_free) struct batch *out = NULL;
	AUTO_FREE uint8_t *bytes = NULL;
	const char *why = NULL;
	size_t len;

	strcpy(in->head.exporter, "a\033[31m\xff\xc3\xa9\xed\xa0\x80\xc2\x9bz");
	cr_assert_eq(batch_encode(in, &bytes, &len), 0);
	cr_assert_eq(batch_decode(bytes, len, &out, &why), 0, "%s", why);
	cr_expect_str_eq(out->head.exporter, "a?[31m?\xc3\xa9????z");
}

#define UNSENDABLE(name, statement)                                         \
	do {                                                                \
		AUTO(batch_free) struct batch *b = random_batch(2);         \
		AUTO_FREE uint8_t *bytes = NULL;                            \
		size_t len;                                                 \
		statement;                                                  \
		cr_expect_eq(batch_encode(b, &bytes, &len), -EINVAL, name); \
		cr_expect_null(bytes);                                      \
		b->flows_len = b->flows_len > 2 ? 2 : b->flows_len;         \
	} while (0)

Test(batch, encoder_keeps_the_limits)
{
	UNSENDABLE("rows", b->flows_len = BATCH_ROWS_MAX + 1);
	UNSENDABLE("ledger", b->ledger_len = BATCH_LEDGER_MAX + 1);
	UNSENDABLE("interfaces", b->interfaces_len = BATCH_INTERFACES_MAX + 1);
	UNSENDABLE("own addresses", b->own_addresses_len = BATCH_ADDRESSES_MAX + 1);
	UNSENDABLE("agent", strcpy(b->head.agent, "a b"));
	UNSENDABLE("sequence", b->head.sequence = 0);
	UNSENDABLE("host", memset(b->head.host, 'x', sizeof(b->head.host)));
	UNSENDABLE("end", b->flows[1].end_us = b->flows[1].start_us - 1);
	UNSENDABLE("packets", b->flows[1].packets = 0);
}

/* ---- zstd ------------------------------------------------------------------------------- */

Test(batch, compress_round_trip)
{
	static const size_t sizes[] = { 0, 1, 1000, 65536, 65537, 1 << 20 };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		size_t size = sizes[i], packed_len, len;
		AUTO_FREE uint8_t *in = malloc(size + 1), *packed = NULL, *out = NULL;

		fill_bytes(in, size);
		cr_assert_eq(batch_compress(in, size, &packed, &packed_len), 0);
		cr_assert_eq(batch_decompress(packed, packed_len, size, &out, &len), 0, "%zu",
			     size);
		cr_assert_eq(len, size);
		cr_expect(memcmp(in, out, size) == 0, "%zu bytes", size);
		if (size)
			cr_expect_eq(batch_decompress(packed, packed_len, size - 1, &out, &len),
				     -EBADMSG, "%zu bytes into one less", size);
		for (size_t cut = 0; cut < packed_len; cut += 1 + packed_len / 100)
			cr_expect_eq(batch_decompress(packed, cut, size, &out, &len), -EBADMSG,
				     "%zu bytes cut at %zu", size, cut);
	}
}

/* 64 MiB of zeros, with and without its size in the frame's header. */
Test(batch, bombs_are_refused)
{
	size_t size = 64u << 20, room = ZSTD_compressBound(size), len;
	AUTO_FREE uint8_t *in = calloc(1, size), *packed = malloc(room), *out = NULL;
	ZSTD_CCtx *cctx = ZSTD_createCCtx();

	for (int with_size = 0; with_size < 2; with_size++) {
		size_t packed_len;

		ZSTD_CCtx_setParameter(cctx, ZSTD_c_contentSizeFlag, with_size);
		packed_len = ZSTD_compress2(cctx, packed, room, in, size);
		cr_assert_lt(packed_len, 1u << 16);
		cr_expect_eq(batch_decompress(packed, packed_len, BATCH_BYTES_MAX, &out, &len),
			     -EBADMSG);
		cr_expect_null(out);
		cr_expect_eq(batch_decompress(packed, packed_len, size, &out, &len), 0);
		cr_expect_eq(len, size);
		free(TAKE(out));
	}
	cr_expect_eq(batch_decompress("not zstd at all", 15, 1000, &out, &len), -EBADMSG);
	ZSTD_freeCCtx(cctx);
}
