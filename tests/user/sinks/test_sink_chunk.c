// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Who takes what of a batch. */
#include "user/sinks/sink_chunk.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/cleanup.h"
#include "user/sinks/sink_kinds.h"

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
	const struct sink_names names = { 0 };
	static const char *const wrong[] = { "netflow9://127.0.0.1:9?drops=1",
					     "parquet:/tmp/x.parquet?drops=1",
					     "ipfix://127.0.0.1:9?drops=2" };
	const char *why;
	struct sink *s;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cr_assert(sink_new(&sink_kinds_all, cases[i].url, &s, &why) == 0, "%s: %s",
			  cases[i].url, why);
		cr_expect(sink_stage(s, &batch, &names) == cases[i].rows, "%s", cases[i].url);
		sink_stop(s);
	}
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		cr_expect(sink_new(&sink_kinds_all, wrong[i], &s, &why) == -EINVAL, "%s", wrong[i]);
}

Test(sink_chunk, staged_rows_are_given_or_never_were)
{
	const struct sink_names names = { eth, 2 };
	struct batch many = { 0 };
	struct sink_counts c;
	const char *why;
	struct sink *s;

	cr_assert(sink_new(&sink_kinds_light, "file:/tmp/x?drops=1", &s, &why) == 0, "%s", why);
	sink_stage(s, &batch, &names);
	sink_unstage(s);
	sink_give(s);
	sink_counts(s, &c);
	cr_expect(c.given == 0 && c.waiting == 0, "a transaction that was not made");
	sink_stage(s, &batch, &names);
	sink_stage(s, &batch, &names);
	sink_counts(s, &c);
	cr_expect(c.given == 0 && c.waiting == 0, "it is under way");
	sink_give(s);
	do /* the clock goes on */
		sink_counts(s, &c);
	while (!c.lag_us);
	cr_expect(c.given == 12 && c.waiting == 12, "%d", (int)c.given);
	many.flows = calloc(SINK_ROWS_MAX, sizeof(*many.flows));
	many.flows_len = SINK_ROWS_MAX - 12;
	cr_assert(many.flows);
	for (size_t i = 0; i < many.flows_len; i++)
		many.flows[i].flags = FLOW_COUNTED;
	sink_stage(s, &many, &names);
	sink_stage(s, &batch, &names); /* nothing has room behind it, in the same transaction */
	sink_give(s);
	free(many.flows);
	sink_counts(s, &c);
	cr_expect(c.waiting == SINK_ROWS_MAX && c.lost_queue_full == 6, "%d, %d", (int)c.waiting,
		  (int)c.lost_queue_full);
	cr_expect(c.given == c.waiting + c.lost_queue_full);
	sink_stop(s);
}

Test(sink_chunk, an_agent_has_no_parquet)
{
	const char *why = NULL;
	struct sink *s;

	cr_expect(sink_new(&sink_kinds_light, "parquet:/tmp/x.parquet", &s, &why) == -EINVAL);
	cr_expect(why && strstr(why, "parquet"), "%s", why);
}
