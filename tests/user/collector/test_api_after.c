// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* after=: what arrived since, each row once, over hours and in all three series. */
#include <errno.h>

#include "tests/user/collector/query_ask.h"

#include "user/collector/store_cursor.h"
#include "user/wire/signal.h"

#define HOUR STORE_HOUR_US

Test(store_cursor, texts)
{
	static const struct {
		const char *text;
		bool is_good;
	} rows[] = {
		{ "0.0", true },
		{ "497222.1000", true },
		{ "497222.1000,497223.20", true },
		{ "", false },
		{ "now", false },
		{ "1", false },
		{ "1.", false },
		{ ".1", false },
		{ "1.1,", false },
		{ "1.1,1.2", false },
		{ "2.1,1.2", false },
		{ "1.1,2.2,3.3", false },
		{ "-1.1", false },
		{ "1.-1", false },
		{ "1. 1", false },
		{ "1.1 OR 1=1", false },
		{ "99999999999.1", false },
		{ "1.99999999999999999999", false },
	};
	char text[STORE_CURSOR_MAX];
	struct store_cursor c;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int err = store_cursor_parse(rows[i].text, &c);

		cr_expect_eq(err, rows[i].is_good ? 0 : -EINVAL, "'%s': %d", rows[i].text, err);
		if (!err)
			cr_expect_str_eq(store_cursor_format(&c, text), rows[i].text);
	}
}

static struct fixture fx;

static void setup(void)
{
	fixture_open(&fx);
	fixture_exporter(&fx, &(struct fixture_exporter){ 1, "a", "host-a", "" });
}

static void teardown(void)
{
	fixture_close(&fx);
}

TestSuite(api_after, .init = setup, .fini = teardown);

static void put(struct batch *b, int64_t arrived_us)
{
	cr_assert_eq(store_begin(fx.store), 0);
	cr_assert_eq(store_append_batch(fx.store, 1, b, arrived_us), 0);
	cr_assert_eq(store_commit(fx.store), 0);
}

/* Flows of these many packets each. */
static void put_flows(int64_t arrived_us, size_t len, const uint64_t *packets)
{
	struct flow flows[8];
	struct batch b = { .flows = flows, .flows_len = len };

	for (size_t i = 0; i < len; i++) {
		flows[i] = fixture_flow("10.0.0.1", "10.0.0.2");
		flows[i].packets = packets[i];
		flows[i].start_us += (int64_t)packets[i];
	}
	put(&b, arrived_us);
}
#define PUT_FLOWS(arrived_us, ...)                                                    \
	put_flows(arrived_us, sizeof((uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t), \
		  (uint64_t[]){ __VA_ARGS__ })

/* Members of the rows that came after the cursor, which moves on: "3 2 1". */
static void expect_new(api_endpoint *endpoint, const char *args, const char *member, char *cursor,
		       const char *want)
{
	char query[192], text[128] = "";
	json_t *root, *row;
	size_t i;
	int n = 0;

	snprintf(query, sizeof(query), "%s&after=%s", args, cursor);
	root = ask_json(&fx, endpoint, query);
	json_array_foreach(json_object_get(root, "rows"), i, row)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%s%lld", i ? " " : "",
			      number_at(row, member));
	cr_expect_str_eq(text, want, "%s: '%s', want '%s'", query, text, want);
	snprintf(cursor, STORE_CURSOR_MAX, "%s",
		 json_string_value(json_object_get(root, "cursor")));
	json_decref(root);
}

Test(api_after, flows_come_once)
{
	char cursor[STORE_CURSOR_MAX] = "now", old[STORE_CURSOR_MAX] = "0.0";

	expect_new(api_flows, "x=", "packets", cursor, "");
	PUT_FLOWS(T0, 1, 2);
	expect_new(api_flows, "x=", "packets", cursor, "2 1");
	expect_new(api_flows, "x=", "packets", cursor, "");
	PUT_FLOWS(T0, 3);
	PUT_FLOWS(T0 + HOUR, 4, 5);
	expect_new(api_flows, "x=", "packets", cursor, "5 4 3");
	/* one of the hour before, arrived a little late */
	PUT_FLOWS(T0, 6);
	PUT_FLOWS(T0 + HOUR, 7);
	expect_new(api_flows, "x=", "packets", cursor, "7 6");
	PUT_FLOWS(T0 + 5 * HOUR, 8);
	expect_new(api_flows, "filter=packets > 8", "packets", cursor, "");
	expect_new(api_flows, "x=", "packets", cursor, "");
	expect_new(api_flows, "order=packets", "packets", old, "8 7 6 5 4 3 2 1");
	expect_new(api_flows, "x=", "packets", old, "");
}

/* A reply with a range has the cursor of its own snapshot. */
Test(api_after, going_on_from_a_range)
{
	char cursor[STORE_CURSOR_MAX];
	json_t *root;

	PUT_FLOWS(T0, 1, 2);
	root = ask_json(&fx, api_flows, "last=all");
	snprintf(cursor, sizeof(cursor), "%s", json_string_value(json_object_get(root, "cursor")));
	json_decref(root);
	PUT_FLOWS(T0, 3);
	expect_new(api_flows, "x=", "packets", cursor, "3");
}

/* The store was emptied, or is another one: nothing there was seen. */
Test(api_after, a_cursor_of_another_store)
{
	char cursor[STORE_CURSOR_MAX];

	snprintf(cursor, sizeof(cursor), "%lld.1000", (long long)(T0 / HOUR));
	PUT_FLOWS(T0, 1, 2);
	expect_new(api_flows, "x=", "packets", cursor, "2 1");
	strcpy(cursor, "1.1000");
	expect_new(api_flows, "x=", "packets", cursor, "2 1");
}

static void put_connection(uint64_t id, uint64_t retransmits, bool has_ended)
{
	struct connection c = { .id = id,
				.events = 1,
				.uid = UINT32_MAX,
				.role = ROLE_CLIENT,
				.start_us = T0,
				.last_us = T0 + 1000,
				.end_us = has_ended ? T0 + 1000 : 0,
				.retransmits = (uint32_t)retransmits };
	struct batch b = { .connections = &c, .connections_len = 1 };

	put(&b, T0);
}

Test(api_after, connections_come_when_heard_of_and_when_ended)
{
	char cursor[STORE_CURSOR_MAX] = "now";

	put_connection(1, 1, false);
	expect_new(api_connections, "x=", "retransmits", cursor, "");
	put_connection(2, 10, false);
	expect_new(api_connections, "x=", "retransmits", cursor, "10");
	put_connection(1, 2, false);
	put_connection(2, 20, false);
	expect_new(api_connections, "x=", "retransmits", cursor, "");
	put_connection(2, 40, true);
	put_connection(3, 5, true);
	/* with all that was reported of it */
	expect_new(api_connections, "order=retransmits", "retransmits", cursor, "70 5");
	expect_new(api_connections, "x=", "retransmits", cursor, "");
}

static void put_drop(uint64_t packets, const char *reason)
{
	struct drop d = { .packets = packets, .start_us = T0, .end_us = T0 };
	struct batch b = { .drops = &d, .drops_len = 1 };

	snprintf(d.reason, sizeof(d.reason), "%s", reason);
	put(&b, T0);
}

Test(api_after, drops_since)
{
	char cursor[STORE_CURSOR_MAX] = "now";

	put_drop(1, "A");
	expect_new(api_drops, "x=", "packets", cursor, "");
	put_drop(2, "A");
	put_drop(3, "A");
	put_drop(4, "B");
	expect_new(api_drops, "x=", "packets", cursor, "5 4");
	expect_new(api_drops, "x=", "packets", cursor, "");
}

Test(api_after, wrong_cursors_are_refused)
{
	api_endpoint *const endpoints[] = { api_flows, api_connections, api_drops };

	for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) {
		unsigned int status;
		char *text = ask_text(&fx, endpoints[i], "after=then", &status);

		cr_expect_eq(status, 400);
		cr_expect_not_null(strstr(text, "\"parameter\":\"after\""), "%s", text);
		free(text);
	}
}
