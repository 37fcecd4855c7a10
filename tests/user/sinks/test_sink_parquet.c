// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Parquet files: every row in one of them, once, whatever was killed when. */
#include "user/sinks/sink.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <duckdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/lib/addr.h"
#include "user/lib/log.h"
#include "user/sinks/sink_kinds.h"

static char dir[] = "/tmp/wiretally-parquet-XXXXXX";

static void make_dir(void)
{
	cr_assert_not_null(mkdtemp(dir));
	log_init("test", LOG_WARN, false);
}

static void in_dir(const char *what)
{
	char command[256];

	snprintf(command, sizeof(command), "cd %s && %s", dir, what);
	cr_assert(system(command) == 0, "%s", command);
}

static void remove_dir(void)
{
	in_dir("rm -rf $PWD");
}

TestSuite(sink_parquet, .init = make_dir, .fini = remove_dir);

static struct sink *start(const char *options)
{
	char url[128];
	const char *why = NULL;
	struct sink *s = NULL;

	snprintf(url, sizeof(url), "parquet:%s/flows.parquet%s", dir, options);
	cr_assert(sink_new(&sink_kinds_all, url, &s, &why) == 0, "%s: %s", url, why);
	cr_assert(sink_start(s, NULL) == 0);
	return s;
}

/* n rows; row i has i + 1 packets. */
static void give(struct sink *s, size_t n)
{
	struct watched_interface eth0 = { .index = 2, .netns = 1, .name = "eth0" };
	struct sink_names names = { &eth0, 1 };
	struct batch b = { .head = { .agent = "a", .host = "it's" } };

	b.flows = calloc(n, sizeof(*b.flows));
	b.flows_len = n;
	for (size_t i = 0; i < n; i++) {
		struct flow *f = &b.flows[i];

		*f = (struct flow){ .ethertype = 0x0800, .proto = 6, .ifindex = 2, .netns = 1 };
		f->flags = FLOW_COUNTED | FLOW_EGRESS;
		f->dst_port = 443;
		f->packets = i + 1;
		f->l2_octets = UINT64_C(1) << 40;
		addr_parse("10.0.0.1", f->src);
		addr_parse("10.0.0.2", f->dst);
	}
	sink_stage(s, &b, &names);
	sink_give(s);
	free(b.flows);
}

static void wait_delivered(struct sink *s, uint64_t want)
{
	struct sink_counts c;

	do {
		usleep(1000);
		sink_counts(s, &c);
		cr_assert(!*c.error, "%s", c.error);
	} while (c.delivered < want);
	cr_expect(c.delivered == want && c.given == want);
}

/* The answer of one value, from all files there are. */
static int64_t ask(const char *what)
{
	duckdb_database db;
	duckdb_connection c;
	duckdb_result res;
	char sql[512];
	int64_t n;

	snprintf(sql, sizeof(sql), "SELECT (%s)::BIGINT FROM '%s/flows-*.parquet'", what, dir);
	cr_assert(duckdb_open(NULL, &db) == DuckDBSuccess);
	cr_assert(duckdb_connect(db, &c) == DuckDBSuccess);
	cr_assert(duckdb_query(c, sql, &res) == DuckDBSuccess, "%s", duckdb_result_error(&res));
	n = duckdb_value_int64(&res, 0, 0);
	duckdb_destroy_result(&res);
	duckdb_disconnect(&c);
	duckdb_close(&db);
	return n;
}

Test(sink_parquet, has_every_row_as_it_was)
{
	struct sink *s = start("?rows=2000");

	give(s, 5000); /* one transaction: one file */
	wait_delivered(s, 5000);
	give(s, 3);
	wait_delivered(s, 5003);
	sink_stop(s); /* and another */
	cr_expect(ask("count(*)") == 5003);
	cr_expect(ask("count(DISTINCT filename)") == 2);
	cr_expect(ask("sum(packets)") == 5000 * 5001 / 2 + 6);
	cr_expect(ask("min(octets)") == INT64_C(1) << 40);
	cr_expect(ask("count(*) FILTER (src = '10.0.0.1' AND dst = '10.0.0.2' AND dst_port = 443 "
		      "AND interface = 'eth0' AND host = 'it''s' AND exporter IS NULL "
		      "AND direction = 'egress' AND counted AND NOT \"inner\")") == 5003);
}

/* A run that ends at once, with n rows delivered that are in no file yet. */
static void killed_with(size_t n)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct sink *s;

		alarm(30); /* an assertion that fails here would wait for ever */
		s = start("");
		give(s, n);
		wait_delivered(s, n);
		_exit(0);
	}
	cr_assert(waitpid(pid, &status, 0) == pid && status == 0);
}

/* Killed with rows that wait: the next run has them. */
Test(sink_parquet, a_kill_loses_none)
{
	struct sink *s;

	killed_with(700);
	s = start("");
	give(s, 1);
	wait_delivered(s, 1);
	sink_stop(s);
	cr_expect(ask("count(*)") == 701);
}

/* Killed between a file's rename and what says so: the same file is written once more. */
Test(sink_parquet, a_kill_doubles_none)
{
	struct sink *s;

	killed_with(700);
	in_dir("mkdir before && cp flows.parquet.part* before/");
	sink_stop(start(""));
	cr_expect(ask("count(*)") == 700);
	in_dir("rm -f flows.parquet.part* && mv before/* .");
	s = start("");
	give(s, 2);
	wait_delivered(s, 2);
	sink_stop(s);
	cr_expect(ask("count(*)") == 702);
}

Test(sink_parquet, old_files_go)
{
	struct sink *s = start("?rows=10&keep=3");

	in_dir("touch flows-notours.parquet");
	for (uint64_t i = 1; i <= 5; i++) {
		give(s, 10);
		wait_delivered(s, 10 * i);
	}
	sink_stop(s);
	in_dir("rm flows-notours.parquet"); /* it is still there */
	cr_expect(ask("count(*)") == 30);
}

Test(sink_parquet, urls_that_are_none)
{
	static const char *const urls[] = {
		"parquet:flows.parquet",	  "parquet:/",
		"parquet:/.parquet?x=1",	  "parquet:/a",
		"parquet://host/a.parquet",	  "parquet:/a.parquet?interval=1ms",
		"parquet:/a.parquet?interval=no", "parquet:/a.parquet?rows=0",
		"parquet:/a.parquet?keep=0",
	};

	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		const char *why = NULL;
		struct sink *s = NULL;

		cr_expect(sink_new(&sink_kinds_all, urls[i], &s, &why) == -EINVAL && why, "%s",
			  urls[i]);
	}
}
