// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The audit: it balances when all is there, and says so when one packet is missing or too many. */
#include "tests/user/collector/api_fixture.h"

static struct store *store;

static void setup(void)
{
	static const uint8_t instance[16] = { 1 };
	struct store_exporter e = { 1, "a", instance, "a-host", "", 1, 0, NOW, NOW };

	data_make();
	cr_assert(store_open(data_dir, &store) == 0);
	cr_assert(store_insert_exporter(store, &e) == 0);
	cr_assert(store_run(store, NULL,
			    "INSERT INTO interfaces VALUES ('a', 2, 1, 'eth0', 'tcx', 0)",
			    "") == 0);
}

static void teardown(void)
{
	store_close(store);
	data_remove();
}

TestSuite(api_ledger, .init = setup, .fini = teardown);

static void put(struct batch *b, int64_t arrived_us)
{
	cr_assert(store_begin(store) == 0);
	cr_assert(store_append_batch(store, 1, b, arrived_us) == 0);
	cr_assert(store_commit(store) == 0);
	batch_free(b);
}

static json_t *audit(const char *args)
{
	json_t *root;

	cr_assert(call(api_ledger, store, args, &root) == 200);
	return root;
}

static bool is_balanced(json_t *root)
{
	return json_is_true(json_object_get(root, "balanced"));
}

/* A ledger of the host's two points, as the agent sends it, and rows that make it up. */
static struct batch *signals(uint64_t events, uint64_t packets, uint64_t octets)
{
	struct batch *b = make_batch("a", 1, 1, 0, false);

	b->ledger = calloc(2, sizeof(*b->ledger));
	b->ledger_len = 2;
	for (int i = 0; i < 2; i++) {
		struct ledger_row *l = &b->ledger[i];

		*l = (struct ledger_row){ .interval = b->head.interval,
					  .start_us = NOW - 100,
					  .end_us = NOW,
					  .netns = 77,
					  .counts_len = 3,
					  .point = SIGNAL_POINT_TCP + i };
		strcpy(l->counts[0].name, "seen");
		strcpy(l->counts[1].name, "recorded");
		strcpy(l->counts[2].name, "lost/lane_full");
		l->counts[1].packets = i ? packets : events;
		l->counts[1].octets = i ? octets : 0;
		l->counts[2].packets = 2;
		l->counts[0].packets = l->counts[1].packets + 2;
		l->counts[0].octets = l->counts[1].octets;
	}
	b->connections = calloc(2, sizeof(*b->connections));
	b->connections_len = 2;
	b->connections[0] = (struct connection){ .id = 1, .events = 3, .netns = 5 };
	b->connections[1] = (struct connection){ .id = 2, .events = 4, .netns = 6 };
	b->drops = calloc(1, sizeof(*b->drops));
	b->drops_len = 1;
	b->drops[0] = (struct drop){ .packets = 9, .octets = 900, .ifindex = 3, .netns = 5 };
	return b;
}

Test(api_ledger, counts_connections_and_drops)
{
	static const struct {
		uint64_t events, packets, octets;
		bool balanced;
	} cases[] = { { 7, 9, 900, true },
		      { 8, 9, 900, false },
		      { 7, 8, 900, false },
		      { 7, 9, 901, false } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *root, *row;

		put(signals(cases[i].events, cases[i].packets, cases[i].octets), NOW);
		root = audit("last=all");
		cr_expect(is_balanced(root) == cases[i].balanced, "case %zu", i);
		cr_assert(json_array_size(json_object_get(root, "rows")) == 2);
		row = json_array_get(json_object_get(root, "rows"), 0);
		cr_expect_str_eq(json_string_value(json_object_get(row, "point")), "socket events");
		cr_expect_str_eq(json_string_value(json_object_get(row, "interface")), "host");
		row = json_array_get(json_object_get(root, "rows"), 1);
		cr_expect_str_eq(json_string_value(json_object_get(row, "point")), "drops");
		json_decref(root);
		for (int t = 0; t < 3; t++)
			cr_assert(store_run(store, NULL,
					    t == 0   ? "DELETE FROM ledger"
					    : t == 1 ? "DELETE FROM connections_500000"
						     : "DELETE FROM drops_500000",
					    "") == 0);
	}
}

Test(api_ledger, is_empty_at_first)
{
	json_t *root = audit("last=all");

	cr_expect(is_balanced(root));
	cr_expect(json_array_size(json_object_get(root, "rows")) == 0);
	json_decref(root);
}

Test(api_ledger, balances)
{
	json_t *root;

	put(make_batch("a", 1, 1, 100, true), NOW);
	put(make_batch("a", 1, 2, 50, true), NOW + HOUR);
	root = audit("last=all");
	cr_expect(is_balanced(root));
	cr_expect(json_array_size(json_object_get(root, "rows")) == 1);
	cr_expect(number_at(root, "rows.0.intervals") == 2);
	cr_expect(number_at(root, "rows.0.seen.packets") == 302);
	cr_expect(number_at(root, "rows.0.recorded.octets") == 30000);
	cr_expect(number_at(root, "rows.0.stored.packets") == 300);
	cr_expect(number_at(root, "rows.0.unparsed.bad ihl.packets") == 2);
	cr_expect(number_at(root, "stages.seen.packets") == 302);
	cr_expect(!strcmp(json_string_value(json_object_get(
				  json_array_get(json_object_get(root, "rows"), 0), "interface")),
			  "eth0"));
	json_decref(root);
}

/* Every way to be wrong by a little. */
Test(api_ledger, sees_what_does_not_balance)
{
	static const struct {
		const char *name;
		int rows; /* more than the ledger knows */
		uint64_t seen_packets, seen_octets;
		uint32_t ifindex; /* of the rows */
		uint8_t flags;
		uint8_t kind;
		json_int_t agent_packets, store_packets; /* of the ledger's point */
	} cases[] = {
		{ "balanced", 0, 0, 0, 2, FLOW_COUNTED, 0, 0, 0 },
		{ "a row missing", -1, 0, 0, 2, FLOW_COUNTED, 0, 0, 2 },
		{ "a row too many", 1, 0, 0, 2, FLOW_COUNTED, 0, 0, -2 },
		{ "a packet unnamed", 0, 1, 60, 2, FLOW_COUNTED, 0, 1, 0 },
		{ "an octet unnamed", 0, 0, 1, 2, FLOW_COUNTED, 0, 0, 0 },
		{ "rows of another interface", 0, 0, 0, 3, FLOW_COUNTED, 0, 0, 20 },
		{ "rows of the other direction", 0, 0, 0, 2, FLOW_EGRESS, 0, 0, 20 },
		{ "inner rows", 0, 0, 0, 2, FLOW_INNER, 0, 0, 20 },
		{ "fold rows are stored too", 0, 0, 0, 2, FLOW_COUNTED, FLOW_FOLD, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct batch *b = make_batch("a", 1, i + 1, 10 + (size_t)cases[i].rows, true);
		bool want = i == 0 || i == ARRAY_LEN(cases) - 1;
		char range[64];
		json_t *root;

		b->ledger[0].start_us = (int64_t)i * 10000000 + 1000000;
		b->ledger[0].end_us = (int64_t)i * 10000000 + 2000000;
		b->ledger[0].counts[0] = (struct ledger_count){ "seen", 21 + cases[i].seen_packets,
								2060 + cases[i].seen_octets };
		b->ledger[0].counts[1] = (struct ledger_count){ "recorded", 20, 2000 };
		for (size_t k = 0; k < b->flows_len; k++) {
			b->flows[k].ifindex = cases[i].ifindex;
			b->flows[k].flags = cases[i].flags;
			b->flows[k].kind = cases[i].kind;
		}
		put(b, NOW);
		snprintf(range, sizeof(range), "from=%016zu&to=%016zu", i * 10000000,
			 i * 10000000 + 5000000);
		root = audit(range);
		cr_expect(is_balanced(root) == want, "%s", cases[i].name);
		cr_expect(number_at(root, "rows.0.agent_balance.packets") == cases[i].agent_packets,
			  "%s", cases[i].name);
		cr_expect(number_at(root, "rows.0.store_balance.packets") == cases[i].store_packets,
			  "%s", cases[i].name);
		json_decref(root);
	}
}

Test(api_ledger, waits_for_the_ledger_of_an_interval)
{
	json_t *root;

	put(make_batch("a", 1, 1, 100, true), NOW);
	put(make_batch("a", 1, 2, 100, false), NOW);
	root = audit("last=all");
	cr_expect(is_balanced(root));
	cr_expect(number_at(root, "rows.0.intervals") == 1);
	json_decref(root);
}

/* The spool dropped a batch of interval 1: a later ledger says so, without times. */
Test(api_ledger, adds_what_was_lost_later)
{
	struct batch *b = make_batch("a", 1, 1, 60, true);
	json_t *root;

	b->ledger[0].counts[0] = (struct ledger_count){ "seen", 201, 20060 };
	b->ledger[0].counts[1] = (struct ledger_count){ "recorded", 200, 20000 };
	put(b, NOW);
	root = audit("last=all");
	cr_expect(!is_balanced(root), "40 rows are missing");
	json_decref(root);
	b = make_batch("a", 1, 3, 10, true);
	b->ledger = realloc(b->ledger, 2 * sizeof(*b->ledger));
	b->ledger_len = 2;
	b->ledger[1] = (struct ledger_row){ .interval = 1,
					    .ifindex = 2,
					    .netns = 1,
					    .counts_len = 1,
					    .counts = { { "lost/spool_full", 80, 8000 } } };
	put(b, NOW);
	root = audit("last=all");
	cr_expect(is_balanced(root), "80 packets have a name");
	cr_expect(number_at(root, "rows.0.lost.spool_full.packets") == 80);
	cr_expect(number_at(root, "rows.0.intervals") == 2);
	json_decref(root);
}

Test(api_ledger, names_losses_before_the_recording)
{
	struct batch *b = make_batch("a", 1, 1, 10, true);
	struct ledger_row *l = &b->ledger[0];
	json_t *root;

	l->counts[0] = (struct ledger_count){ "seen", 21 + 10, 2060 + 1000 };
	l->counts[l->counts_len++] = (struct ledger_count){ "lost/agent_crash", 4, 400 };
	l->counts[l->counts_len++] = (struct ledger_count){ "filtered", 3, 300 };
	l->counts[l->counts_len++] = (struct ledger_count){ "sampled_out", 2, 200 };
	l->counts[l->counts_len++] = (struct ledger_count){ "missed_nested", 1, 100 };
	l->counts[l->counts_len++] = (struct ledger_count){ "kernel/packets", 999, 9 };
	l->counts[l->counts_len++] = (struct ledger_count){ "fold_reason/lane_full", 999, 9 };
	l->counts[l->counts_len++] = (struct ledger_count){ "of tomorrow", 999, 9 };
	put(b, NOW);
	root = audit("last=all");
	cr_expect(is_balanced(root));
	cr_expect(number_at(root, "rows.0.lost.agent_crash.packets") == 4);
	cr_expect(number_at(root, "rows.0.kernel.packets.packets") == 999);
	cr_expect(number_at(root, "rows.0.fold_reasons.lane_full.packets") == 999);
	cr_expect(number_at(root, "rows.0.other.of tomorrow.packets") == 999);
	json_decref(root);
}

Test(api_ledger, leaves_out_what_is_no_longer_whole)
{
	struct batch *b = make_batch("a", 1, 2, 10, false);
	json_t *root;

	put(make_batch("a", 1, 1, 10, true), NOW);
	put(b, NOW);
	b = make_batch("a", 1, 2, 10, true);
	b->ledger[0].counts[0].packets += 20;
	b->ledger[0].counts[0].octets += 2000;
	b->ledger[0].counts[1].packets += 20;
	b->ledger[0].counts[1].octets += 2000;
	put(b, NOW + HOUR);
	put(make_batch("a", 1, 3, 10, true), NOW + HOUR);
	root = audit("last=all");
	cr_expect(is_balanced(root));
	cr_expect(number_at(root, "rows.0.intervals") == 3);
	json_decref(root);
	cr_assert(store_run(store, NULL, "UPDATE exporters SET last_us = $1", "i", NOW + HOUR) ==
		  0);
	expire_all(store, NOW + HOUR);
	root = audit("last=all");
	cr_expect(is_balanced(root), "half of interval 2 is gone, and it is not compared");
	cr_expect(number_at(root, "expired_intervals") == 1);
	cr_expect(number_at(root, "rows.0.intervals") == 1);
	json_decref(root);
}

Test(api_ledger, takes_intervals_that_overlap_the_range)
{
	static const struct {
		const char *name, *args;
		size_t rows;
	} cases[] = {
		{ "before", "from=1000000000000000&to=1799999998000000", 0 },
		{ "its first moment", "from=1000000000000000&to=1800000000000000", 1 },
		{ "its last moment", "from=1800000000999999&to=1900000000000000", 1 },
		{ "behind", "from=1800000001000000&to=1900000000000000", 0 },
		{ "the last hour", "", 1 },
	};

	put(make_batch("a", 1, 1, 10, true), NOW);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *root = audit(cases[i].args);

		cr_expect(json_array_size(json_object_get(root, "rows")) == cases[i].rows, "%s",
			  cases[i].name);
		json_decref(root);
	}
}
