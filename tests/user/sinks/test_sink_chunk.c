// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Who takes what of a batch. */
#include "user/sinks/sink_chunk.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/cleanup.h"

static struct watched_interface eth[] = { { .index = 3, .netns = 9, .name = "eth0" },
					  { .index = 4, .netns = 9, .name = "eth1" } };
static struct flow flows[] = {
	{ .ethertype = 0x0800, .flags = FLOW_COUNTED, .ifindex = 3, .netns = 9, .packets = 1 },
	{ .ethertype = 0x0806, .flags = FLOW_COUNTED, .packets = 2 },
	{ .ethertype = 0x0800, .packets = 4 }, /* seen before */
	{ .ethertype = 0x86dd, .flags = FLOW_COUNTED | FLOW_INNER, .packets = 8 },
	{ .kind = FLOW_FOLD, .flags = FLOW_COUNTED, .packets = 16 },
};
static struct connection connections[] = { { .id = 1 }, { .id = 2 } };
static struct drop drops[] = { { .ifindex = 4, .netns = 9, .packets = 7 } };
static const struct batch batch = { .flows = flows,
				    .flows_len = ARRAY_LEN(flows),
				    .connections = connections,
				    .connections_len = ARRAY_LEN(connections),
				    .drops = drops,
				    .drops_len = ARRAY_LEN(drops) };

static uint64_t packets(const struct sink_takes *takes)
{
	struct sink_share share = sink_share_of(takes, &batch);
	AUTO_FREE struct sink_chunk *c =
		sink_chunk_make(takes, &batch, &(struct sink_names){ eth, 2 }, &share);
	uint64_t n = 0;

	cr_assert(c);
	cr_expect(sink_rows_len(&c->rows) == sink_share_rows(&share));
	for (size_t i = 0; i < c->rows.flows_len; i++)
		n += sink_row(&c->rows, i).flow->packets;
	return n;
}

Test(sink_chunk, takes_what_counts)
{
	cr_expect(packets(&(struct sink_takes){ .flows = true }) == 19);
	cr_expect(packets(&(struct sink_takes){ .flows = true, .ip_only = true }) == 17);
	cr_expect(packets(&(struct sink_takes){
			  .flows = true, .all_flows = true, .ip_only = true }) == 31);
	cr_expect(packets(&(struct sink_takes){ .connections = true }) == 0);
}

Test(sink_chunk, flows_then_connections_then_drops)
{
	const struct sink_takes all = { .flows = true, .connections = true, .drops = true };
	struct sink_share share = sink_share_of(&all, &batch);
	AUTO_FREE struct sink_chunk *c =
		sink_chunk_make(&all, &batch, &(struct sink_names){ eth, 2 }, &share);

	cr_assert(c && sink_rows_len(&c->rows) == 6);
	cr_expect(sink_row(&c->rows, 2).flow->kind == FLOW_FOLD && !sink_row(&c->rows, 2).drop);
	cr_expect(sink_row(&c->rows, 4).connection->id == 2);
	cr_expect(sink_row(&c->rows, 5).drop->packets == 7 && !sink_row(&c->rows, 5).connection);
	cr_expect(c->rows.interfaces_len == 2);
	cr_expect_str_eq(sink_interface_name(&c->rows, 4, 9), "eth1", "a drop's");
}

Test(sink_chunk, drops_when_the_address_says_so)
{
	static const struct {
		const char *url;
		uint64_t rows;
	} cases[] = {
		{ "ipfix://127.0.0.1:9", 2 },
		{ "ipfix://127.0.0.1:9?drops=1", 3 },
		{ "ipfix://127.0.0.1:9?drops=1&connections=1", 5 },
		{ "file:/tmp/x?drops=1", 6 },
		{ "file:/tmp/x?all=1", 7 },
		{ "otlp+http://127.0.0.1:9?drops=1&signals=metrics", 0 },
	};
	static const char *const wrong[] = { "netflow9://127.0.0.1:9?drops=1",
					     "parquet:/tmp/x.parquet?drops=1",
					     "ipfix://127.0.0.1:9?drops=2" };
	const char *why;
	struct sink *s;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cr_assert(sink_new(cases[i].url, &s, &why) == 0, "%s: %s", cases[i].url, why);
		cr_expect(sink_wants(s, &batch) == cases[i].rows, "%s: %d", cases[i].url,
			  (int)sink_wants(s, &batch));
		sink_stop(s);
	}
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		cr_expect(sink_new(wrong[i], &s, &why) == -EINVAL, "%s", wrong[i]);
}
