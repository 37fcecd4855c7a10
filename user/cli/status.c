// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* `wiretally status`: what this host's agent watches and how, and what the collector holds. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "user/cli/agent_status.h"
#include "user/cli/ask.h"
#include "user/cli/show.h"
#include "user/lib/table.h"
#include "user/lib/timespec.h"

struct settings {
	struct ask_options ask;
	const char *agent_socket;
};

static const struct option_row rows[] = {
	{ "agent-socket", 's', OPTION_TEXT, offsetof(struct settings, agent_socket), "PATH",
	  AGENT_SOCKET, .help = "where this host's agent answers" },
	CLIENT_ROWS(struct settings, ask.client),
};

static const struct command_text text = {
	.usage = "wiretally status [OPTION]…",
	.about = "Shows what is watched, by which hook and why, and what the collector holds.",
	.examples = "  sudo wiretally status\n"
		    "  wiretally status --url http://10.0.0.5:9101 --json\n",
};

static const char *directions(const json_t *interface)
{
	bool in = json_is_true(json_object_get(interface, "ingress"));
	bool out = json_is_true(json_object_get(interface, "egress"));

	return in && out ? "in and out" : in ? "in" : out ? "out" : "attached nowhere";
}

/* "eth0: tcx in and out; native XDP available, --hook xdp" */
static void print_interface(const json_t *interface)
{
	const char *reason = show_text(interface, "reason");
	json_t *program;
	size_t i;

	show_line("  %s: %s %s%s%s", show_text(interface, "name"), show_text(interface, "hook"),
		  directions(interface), *reason ? "; " : "", reason);
	json_array_foreach(json_object_get(interface, "before_us"), i, program)
		if (json_is_string(program))
			show_line("    behind %s", json_string_value(program));
}

static void print_memory(const struct show *show, const json_t *memory)
{
	char t[5][UNITS_TEXT_MAX];

	show_line("  memory: flow table %s, spill lanes %s, ledgers %s, spool %s; resident %s",
		  show_bytes(show, show_int(memory, "flow_table_bytes"), t[0]),
		  show_bytes(show, show_int(memory, "lanes_bytes"), t[1]),
		  show_bytes(show, show_int(memory, "ledger_bytes"), t[2]),
		  show_bytes(show, show_int(memory, "spool_bytes"), t[3]),
		  show_bytes(show, show_int(memory, "rss_bytes"), t[4]));
}

/* While the collector takes everything there is nothing to say. */
static void print_disk_spool(const struct show *show, const json_t *spool)
{
	char used[UNITS_TEXT_MAX], limit[UNITS_TEXT_MAX];

	if (show_int(spool, "batches"))
		show_line("  on disk: %lld batches, %s of %s",
			  (long long)show_int(spool, "batches"),
			  show_bytes(show, show_int(spool, "bytes"), used),
			  show_bytes(show, show_int(spool, "limit_bytes"), limit));
	if (show_int(spool, "given_up"))
		show_line("  disk spool full: %lld batches lost their rows (lost/spool_full)",
			  (long long)show_int(spool, "given_up"));
}

static void print_sinks(const struct show *show, const json_t *sinks)
{
	char delivered[UNITS_TEXT_MAX], waiting[UNITS_TEXT_MAX], lost[UNITS_TEXT_MAX];
	char lag[UNITS_TEXT_MAX];
	const json_t *sink;
	size_t i;

	json_array_foreach(sinks, i, sink) {
		const json_t *losses = json_object_get(sink, "lost");

		show_line("  sink %s: %s rows delivered, %s wait (%s), %s lost%s%s",
			  show_text(sink, "url"),
			  show_count(show, show_int(sink, "delivered"), delivered),
			  show_count(show, show_int(sink, "waiting"), waiting),
			  units_format_duration((uint64_t)show_int(sink, "lag_us"), lag),
			  show_count(show,
				     show_int(losses, "queue_full") + show_int(losses, "rejected") +
					     show_int(losses, "not_sent"),
				     lost),
			  *show_text(sink, "error") ? ": " : "", show_text(sink, "error"));
	}
}

static void print_agent(const struct show *show, const json_t *agent)
{
	const json_t *spool = json_object_get(agent, "spool");
	char used[UNITS_TEXT_MAX], limit[UNITS_TEXT_MAX];
	json_t *interface;
	size_t i;

	show_line("agent %s, version %s, pid %lld, --hook %s", show_text(agent, "agent"),
		  show_text(agent, "version"), (long long)show_int(agent, "pid"),
		  show_text(agent, "hook_option"));
	json_array_foreach(json_object_get(agent, "interfaces"), i, interface)
		print_interface(interface);
	if (!i)
		puts("  no interface is watched");
	print_memory(show, json_object_get(agent, "memory"));
	show_line("  waiting to be shipped: %s of %s",
		  show_bytes(show, show_int(spool, "bytes"), used),
		  show_bytes(show, show_int(spool, "limit_bytes"), limit));
	print_disk_spool(show, json_object_get(agent, "disk_spool"));
	if (*show_text(agent, "last_error"))
		show_line("  last error: %s", show_text(agent, "last_error"));
	print_sinks(show, json_object_get(agent, "sinks"));
}

/* "minute: 1.4 M rows, 3 files of 20 MiB, from 2026-01-24 10:00:00" */
static void print_tier(const struct show *show, const json_t *tier)
{
	char rows_text[UNITS_TEXT_MAX], bytes[UNITS_TEXT_MAX], first[TIMESPEC_TEXT_MAX];

	show_line("    %s: %s rows, %lld tables, %lld files of %s, from %.19s",
		  show_text(tier, "tier"), show_count(show, show_int(tier, "rows"), rows_text),
		  (long long)show_int(tier, "tables"), (long long)show_int(tier, "files"),
		  show_bytes(show, show_int(tier, "bytes"), bytes),
		  timespec_format(show_int(tier, "first_us"), first));
}

static void print_store(const struct show *show, const json_t *store)
{
	char rows_text[UNITS_TEXT_MAX], bytes[UNITS_TEXT_MAX];
	char first[TIMESPEC_TEXT_MAX], last[TIMESPEC_TEXT_MAX];
	json_t *tier;
	size_t i;

	if (!show_int(store, "rows")) {
		puts("  store: empty");
		return;
	}
	show_line("  store: %s rows, %s on disk, %.19s to %.19s",
		  show_count(show, show_int(store, "rows"), rows_text),
		  show_bytes(show, show_int(store, "bytes"), bytes),
		  timespec_format(show_int(store, "first_us"), first),
		  timespec_format(show_int(store, "last_us"), last));
	json_array_foreach(json_object_get(store, "tiers"), i, tier)
		print_tier(show, tier);
	if (show_int(store, "damaged_files"))
		show_line("  damaged: %lld files were set aside, see the collector's log",
			  (long long)show_int(store, "damaged_files"));
}

static void print_ingest(const struct show *show, const json_t *ingest)
{
	char batches[UNITS_TEXT_MAX], rows_text[UNITS_TEXT_MAX], duplicates[UNITS_TEXT_MAX];
	const char *reason;
	json_t *count;

	show_line("  ingest: %s batches, %s rows, %s duplicates dropped",
		  show_count(show, show_int(ingest, "batches"), batches),
		  show_count(show, show_int(ingest, "rows"), rows_text),
		  show_count(show, show_int(ingest, "duplicates"), duplicates));
	if (show_int(ingest, "missing_batches"))
		show_line("  missing: %lld batches never came",
			  (long long)show_int(ingest, "missing_batches"));
	json_object_foreach(json_object_get(ingest, "refused"), reason, count)
		if (json_integer_value(count))
			show_line("  refused: %lld batches, %s",
				  (long long)json_integer_value(count), reason);
}

static int print_agents(const struct show *show, const json_t *agents, int64_t now_us)
{
	static const char *const titles[] = { "  AGENT", "HOST", "REPORTED", "INTERFACES" };
	AUTO(table_free) struct table *t = table_new(ARRAY_LEN(titles));
	char cell[128], ago[UNITS_TEXT_MAX];
	json_t *agent;
	size_t i;

	if (!json_array_size(agents))
		return EXIT_DONE;
	if (!t)
		return EXIT_FAILED;
	for (i = 0; i < ARRAY_LEN(titles); i++)
		table_column(t, titles[i], false);
	json_array_foreach(agents, i, agent) {
		int64_t ago_us = now_us - show_int(agent, "last_us");

		snprintf(cell, sizeof(cell), "  %.100s", show_text(agent, "agent"));
		table_cell(t, cell);
		table_cell(t, show_text(agent, "host"));
		snprintf(cell, sizeof(cell), "%s ago",
			 units_format_duration(ago_us > 0 ? (uint64_t)ago_us : 0, ago));
		table_cell(t, cell);
		snprintf(cell, sizeof(cell), "%zu",
			 json_array_size(json_object_get(agent, "interfaces")));
		table_cell(t, cell);
	}
	return show_table(show, t);
}

static int print_collector(const struct show *show, const char *url, const json_t *root)
{
	json_t *uptime = json_object_get(root, "uptime_s");
	char up[UNITS_TEXT_MAX];

	show_line("collector %s, version %s, up %s", url, show_text(root, "version"),
		  units_format_duration((uint64_t)(json_number_value(uptime) * 1e6), up));
	print_store(show, json_object_get(root, "store"));
	print_ingest(show, json_object_get(root, "ingest"));
	print_sinks(show, json_object_get(root, "sinks"));
	return print_agents(show, json_object_get(root, "agents"), show_int(root, "now_us"));
}

/* {"agent":{…},"collector":{…}}, null for what is not there. */
static int print_json(json_t *agent, json_t *collector)
{
	AUTO_JSON json_t *root = json_pack("{s:O?, s:O?}", "agent", agent, "collector", collector);

	if (!root || json_dumpf(root, stdout, JSON_COMPACT)) {
		command_error("out of memory");
		return EXIT_FAILED;
	}
	putchar('\n');
	return EXIT_DONE;
}

static void get_agent(const struct settings *s, json_t **ret)
{
	int err = agent_status(s->agent_socket, ret);

	if (err == -ENOENT || err == -ECONNREFUSED)
		command_error("no agent at %s", s->agent_socket);
	else if (err)
		command_error("agent at %s: %s", s->agent_socket, strerror(-err));
}

static const struct ask ask = {
	.text = &text,
	.rows = rows,
	.rows_len = ARRAY_LEN(rows),
	.no_filter = "",
};

int cmd_status(int argc, char **argv)
{
	struct settings s = { 0 };
	AUTO(client_query_done) struct client_query q = { 0 };
	AUTO_JSON json_t *agent = NULL, *collector = NULL;
	AUTO_FREE char *filter = NULL;
	struct client_options quiet;
	struct show show;
	int status = ask_options(&ask, &s, argc, argv, &filter);

	if (status != COMMAND_GO_ON)
		return status;
	get_agent(&s, &agent);
	quiet = s.ask.client;
	quiet.json = false;
	if (client_query_init(&q, "/v1/status"))
		return EXIT_FAILED;
	status = client_get_json(&quiet, &q, &collector);
	if (!agent && !collector)
		return status == COMMAND_GO_ON ? EXIT_FAILED : status;
	if (s.ask.client.json)
		return print_json(agent, collector);
	show_init(&show, s.ask.client.exact);
	show.is_human = !s.ask.client.exact; /* nobody reads this by program: there is --json */
	if (agent)
		print_agent(&show, agent);
	return collector ? print_collector(&show, client_url(&s.ask.client), collector) : EXIT_DONE;
}
