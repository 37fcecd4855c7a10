// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* What hosts count, kept and asked: sums, newest gauges, namespaces, prefixes. */
#include <errno.h>

#include "tests/user/collector/api_fixture.h"

static struct store *store;

static void setup(void)
{
	static const uint8_t instance[16] = { 1 };
	struct store_exporter a = { 1, "a", instance, "a-host", "", 1, 0, NOW, NOW };
	struct store_exporter b = { 2, "b", instance, "b-host", "", 1, 0, NOW, NOW };

	data_make();
	cr_assert(store_open(data_dir, &store) == 0);
	cr_assert(store_insert_exporter(store, &a) == 0);
	cr_assert(store_insert_exporter(store, &b) == 0);
}

static void teardown(void)
{
	store_close(store);
	data_remove();
}

TestSuite(api_hostcounts, .init = setup, .fini = teardown);

static void put(uint32_t exporter, uint64_t interval, int64_t at_us, struct host_count *counts,
		size_t len)
{
	struct batch *b = make_batch("a", 1, interval, 0, false);

	b->head.interval = interval;
	b->host_counts = counts;
	b->host_counts_len = len;
	cr_assert(store_begin(store) == 0);
	cr_assert(store_append_batch(store, exporter, b, at_us) == 0);
	cr_assert(store_commit(store) == 0);
	b->host_counts = NULL;
	b->host_counts_len = 0;
	batch_free(b);
}

/* Two intervals of agent a, one of b. */
static void put_all(void)
{
	struct host_count first[] = {
		{ 10, 7, false, "tcp/segments_sent" },
		{ 4, 7, true, "sockets/ipv4/ESTABLISHED" },
		{ 2, 7, true, "sockets/ipv4/CLOSE_WAIT" },
		{ 1, 8, true, "sockets/ipv4/ESTABLISHED" },
	};
	struct host_count second[] = {
		{ 5, 7, false, "tcp/segments_sent" },
		{ 6, 7, true, "sockets/ipv4/ESTABLISHED" },
	};
	struct host_count other[] = { { 100, 7, false, "tcp/segments_sent" } };

	put(1, 1, NOW - 20, first, 4);
	put(1, 2, NOW - 10, second, 2);
	put(2, 1, NOW - 15, other, 1);
}

static void expect_rows(const char *args, const char *want)
{
	char got[1024] = "";
	json_t *root, *row;
	size_t i, len = 0;

	cr_assert(call(api_hostcounts, store, args, &root) == 200, "%s", args);
	json_array_foreach(json_object_get(root, "rows"), i, row)
		len += snprintf(got + len, sizeof(got) - len, "%s %s %d %s%s %d\n",
				json_string_value(json_object_get(row, "agent")),
				json_string_value(json_object_get(row, "host")),
				(int)number_at(row, "netns"),
				json_string_value(json_object_get(row, "name")),
				json_is_true(json_object_get(row, "gauge")) ? "=" : "+",
				(int)number_at(row, "value"));
	cr_expect_str_eq(got, want, "%s:\n%s", args, got);
	json_decref(root);
}

Test(api_hostcounts, counters_are_summed_and_gauges_are_the_newest)
{
	put_all();
	expect_rows("name=tcp/&last=all", "a a-host 7 tcp/segments_sent+ 15\n"
					  "b b-host 7 tcp/segments_sent+ 100\n");
	expect_rows("name=sockets/ipv4/E&last=all", "a a-host 7 sockets/ipv4/ESTABLISHED= 6\n"
						    "a a-host 8 sockets/ipv4/ESTABLISHED= 0\n");
	expect_rows("name=sockets/ipv4/C&last=all", "a a-host 7 sockets/ipv4/CLOSE_WAIT= 0\n");
	expect_rows("netns=8&last=all", "a a-host 8 sockets/ipv4/ESTABLISHED= 0\n");
	expect_rows("name=tcp/&exporter=b-host&last=all", "b b-host 7 tcp/segments_sent+ 100\n");
	expect_rows("name=nic/&last=all", "");
	expect_rows("name=%25&last=all", "");
	expect_rows("n=1&last=all", "a a-host 7 sockets/ipv4/CLOSE_WAIT= 0\n");
}

Test(api_hostcounts, each_interval_of_a_range)
{
	char args[128];

	put_all();
	expect_rows("name=tcp/&series=1&last=all", "a a-host 7 tcp/segments_sent+ 10\n"
						   "b b-host 7 tcp/segments_sent+ 100\n"
						   "a a-host 7 tcp/segments_sent+ 5\n");
	snprintf(args, sizeof(args), "from=%lld&to=%lld", (long long)NOW - 20, (long long)NOW - 10);
	expect_rows(args, "a a-host 7 sockets/ipv4/CLOSE_WAIT= 2\n"
			  "a a-host 7 sockets/ipv4/ESTABLISHED= 4\n"
			  "a a-host 7 tcp/segments_sent+ 10\n"
			  "a a-host 8 sockets/ipv4/ESTABLISHED= 1\n"
			  "b b-host 7 tcp/segments_sent+ 100\n");
}

Test(api_hostcounts, what_cannot_be_asked)
{
	static const char *const bad[] = { "netns=x", "n=0", "series=maybe", "last=never",
					   "format=xml" };
	json_t *root;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect(call(api_hostcounts, store, bad[i], &root) == 400, "%s", bad[i]);
		json_decref(root);
	}
}

/* They go with their hour, like rows of every other kind. */
Test(api_hostcounts, expire)
{
	unsigned int dropped;

	put_all();
	dropped = expire_all(store, NOW + 2 * STORE_HOUR_US);
	cr_expect(dropped == 1, "%u", dropped);
	expect_rows("last=all", "");
}
