// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Answers of the API in, what they say of each rule out. */
#include "user/collector/alert_rules.h"

#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/cleanup.h"

#define MINUTE_US (INT64_C(60) * 1000000)
#define RESENT_MIN ALERT_WINDOW_S /* one a second: fewer are noise, whatever their share */
#define FAILED_MIN 10
#define GONE_S 86400 /* who was silent for longer has been taken away */
#define CONNECTS_MIN 20

const struct alert_ask alert_asks[ALERT_QUESTIONS] = {
	[QUESTION_COUNTS] = { api_hostcounts, { "last", "300", "n", "100000" } },
	[QUESTION_TCP] = { api_tcp,
			   { "last", "300", "by", "dst,dstport", "order", "failures", "n", "50" } },
	[QUESTION_DROPS] = { api_drops, { "last", "300", "by", "host,reason", "n", "10000" } },
	[QUESTION_LATENCIES] = { api_latencies,
				 { "last", "300", "by", "host", "kind", "connect", "n", "10000" } },
	[QUESTION_LEDGER] = { api_ledger, { "last", "300" } },
	[QUESTION_STATUS] = { api_status, { NULL } },
};

/* ---- answers -------------------------------------------------------------------------------- */

static const char *text_at(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text ? text : "";
}

static double number_at(const json_t *row, const char *name)
{
	const json_t *n = json_object_get(row, name);

	return json_is_number(n) ? json_number_value(n) : 0;
}

static const json_t *member(const json_t *root, const char *a, const char *b)
{
	const json_t *child = json_object_get(root, a);

	return b ? json_object_get(child, b) : child;
}

/* One finding a subject: of two the larger counts. Only what is too much takes room. */
static void add(struct findings *found, double value, const char *a, const char *b)
{
	char subject[FINDING_SUBJECT_MAX];

	if (!(value > found->above))
		return;
	snprintf(subject, sizeof(subject), *b ? "%s %s" : "%s", a, b);
	for (size_t i = 0; i < found->len; i++) {
		if (strcmp(found->at[i].subject, subject) != 0)
			continue;
		found->at[i].value = fmax(found->at[i].value, value);
		return;
	}
	if (found->len == FINDINGS_MAX) {
		found->left_off++;
		return;
	}
	found->at[found->len].value = value;
	strcpy(found->at[found->len++].subject, subject);
}

/* ---- what hosts count ----------------------------------------------------------------------- */

static bool is_named(const json_t *row, const char *begin, const char *end)
{
	const char *name = text_at(row, "name");
	size_t len = strlen(name);

	return len >= strlen(begin) + strlen(end) && !strncmp(name, begin, strlen(begin)) &&
	       !strcmp(name + len - strlen(end), end);
}

/* The same host's and namespace's count of another name. */
static double beside(const json_t *rows, const json_t *row, const char *name)
{
	const json_t *other;
	size_t i;

	json_array_foreach(rows, i, other)
		if (!strcmp(text_at(other, "name"), name) &&
		    !strcmp(text_at(other, "agent"), text_at(row, "agent")) &&
		    number_at(other, "netns") == number_at(row, "netns"))
			return number_at(other, "value");
	return 0;
}

static void find_resent(const struct alert_answers *a, struct findings *found)
{
	const json_t *rows = member(a->now, "rows", NULL), *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		double resent = number_at(row, "value"), sent;

		if (!is_named(row, "tcp/retransmitted_segments", "") || resent < RESENT_MIN)
			continue;
		sent = beside(rows, row, "tcp/segments_sent");
		add(found, resent / fmax(sent, resent), text_at(row, "host"), "");
	}
}

/* Counters a second, gauges as they are. */
static void find_counts(const struct alert_answers *a, const char *begin, const char *end,
			double seconds, struct findings *found)
{
	const json_t *rows = member(a->now, "rows", NULL), *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (is_named(row, begin, end))
			add(found, number_at(row, "value") / seconds, text_at(row, "host"), "");
}

static void find_half_open(const struct alert_answers *a, struct findings *found)
{
	find_counts(a, "sockets/", "/SYN_RECV", 1, found);
}

static void find_cookies(const struct alert_answers *a, struct findings *found)
{
	find_counts(a, "tcp/syncookies_sent", "", ALERT_WINDOW_S, found);
}

static void find_overflows(const struct alert_answers *a, struct findings *found)
{
	find_counts(a, "tcp/listen_overflows", "", ALERT_WINDOW_S, found);
}

/* "nic/eth0/rx_dropped" and "qdisc/eth0/drops": what lies between the slashes names it. */
static void find_interface_drops(const struct alert_answers *a, struct findings *found)
{
	static const char *const ends[] = { "/rx_dropped", "/tx_dropped", "/rx_missed_errors",
					    "/drops", "/ingress_drops" };
	const json_t *rows = member(a->now, "rows", NULL), *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		const char *from = strchr(text_at(row, "name"), '/');
		char interface[FINDING_SUBJECT_MAX];

		for (size_t e = 0; from && e < ARRAY_LEN(ends); e++) {
			if (!is_named(row, "nic/", ends[e]) && !is_named(row, "qdisc/", ends[e]))
				continue;
			snprintf(interface, sizeof(interface), "%.*s",
				 (int)(strrchr(from, '/') - from - 1), from + 1);
			add(found, number_at(row, "value") / ALERT_WINDOW_S, text_at(row, "host"),
			    interface);
		}
	}
}

/* ---- connections and drops ------------------------------------------------------------------ */

static void find_failing(const struct alert_answers *a, struct findings *found)
{
	const json_t *rows = member(a->now, "rows", NULL), *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		double failed = number_at(row, "failed");
		char service[FINDING_SUBJECT_MAX];
		const char *dst = text_at(row, "dst");

		if (failed < FAILED_MIN)
			continue;
		snprintf(service, sizeof(service), strchr(dst, ':') ? "[%s]:%.0f" : "%s:%.0f", dst,
			 number_at(row, "dst_port"));
		add(found, failed / number_at(row, "connections"), service, "");
	}
}

static void find_slow(const struct alert_answers *a, struct findings *found)
{
	const json_t *rows = member(a->now, "rows", NULL), *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (number_at(row, "count") >= CONNECTS_MIN)
			add(found, number_at(row, "p99_ns") / 1e9, text_at(row, "host"), "");
}

/* What is dropped because somebody wants it so, or because it is there already, is no loss. */
static bool is_harmless(const char *reason)
{
	static const char *const harmless[] = {
		"NO_SOCKET",	  "TCP_OLD_DATA",  "TCP_OLD_SEQUENCE",	      "TCP_OFOMERGE",
		"NETFILTER_DROP", "SOCKET_FILTER", "UNICAST_IN_L2_MULTICAST", "OTHERHOST"
	};

	for (size_t i = 0; i < ARRAY_LEN(harmless); i++)
		if (!strcmp(harmless[i], reason))
			return true;
	return false;
}

static void find_drops(const struct alert_answers *a, struct findings *found)
{
	const json_t *rows = member(a->now, "rows", NULL), *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (!is_harmless(text_at(row, "reason")))
			add(found, number_at(row, "packets") / ALERT_WINDOW_S, text_at(row, "host"),
			    text_at(row, "reason"));
}

/* ---- wiretally itself ----------------------------------------------------------------------- */

static void find_unrecorded(const struct alert_answers *a, struct findings *found)
{
	const json_t *lost = member(a->now, "stages", "lost"), *count;
	const char *why;
	void *it;

	for (it = json_object_iter((json_t *)lost); it;
	     it = json_object_iter_next((json_t *)lost, it)) {
		why = json_object_iter_key(it);
		count = json_object_iter_value(it);
		add(found, number_at(count, "packets"), why, "");
	}
}

static double size_of_balance(const json_t *row, const char *which)
{
	return fabs(number_at(json_object_get(row, which), "packets"));
}

static void find_unbalanced(const struct alert_answers *a, struct findings *found)
{
	const json_t *rows = member(a->now, "rows", NULL), *row;
	double packets = 0;
	size_t i;

	if (!json_is_false(member(a->now, "balanced", NULL)))
		return;
	json_array_foreach(rows, i, row)
		packets += size_of_balance(row, "agent_balance") +
			   size_of_balance(row, "store_balance");
	add(found, fmax(packets, 1), "ledger", "");
}

/* Of a file or of a flow exporter it is no wonder when nothing more comes. */
static bool is_agent(const json_t *agent)
{
	const json_t *exporters = json_object_get(agent, "exporters"), *exporter;
	size_t i;

	json_array_foreach(exporters, i, exporter)
		if (!*text_at(exporter, "exporter"))
			return true;
	return false;
}

static const char *name_of(const json_t *agent)
{
	return *text_at(agent, "host") ? text_at(agent, "host") : text_at(agent, "agent");
}

static void find_silent(const struct alert_answers *a, struct findings *found)
{
	const json_t *agents = member(a->now, "agents", NULL), *agent;
	size_t i;

	json_array_foreach(agents, i, agent) {
		double silence_s = ((double)a->now_us - number_at(agent, "last_us")) / 1e6;

		if (is_agent(agent) && silence_s < GONE_S)
			add(found, silence_s, name_of(agent), "");
	}
}

/* What a counter has gained since the round before. */
static double gained(const struct alert_answers *a, const char *object, const char *name)
{
	double before = number_at(member(a->before, object, NULL), name);

	return a->before ? number_at(member(a->now, object, NULL), name) - before : 0;
}

static void find_missing(const struct alert_answers *a, struct findings *found)
{
	add(found, gained(a, "ingest", "missing_batches"), "agents", "");
}

static void find_not_stored(const struct alert_answers *a, struct findings *found)
{
	const json_t *refused = member(a->now, "ingest", "refused");
	double before = number_at(member(a->before, "ingest", "refused"), "log");

	add(found, gained(a, "ingest", "commit_failures"), "database", "");
	add(found, a->before ? number_at(refused, "log") - before : 0, "segment log", "");
}

static void find_damaged(const struct alert_answers *a, struct findings *found)
{
	add(found, number_at(member(a->now, "store", NULL), "damaged_files"), "store", "");
}

static void find_lagging(const struct alert_answers *a, struct findings *found)
{
	const json_t *sinks = member(a->now, "sinks", NULL), *sink;
	size_t i;

	json_array_foreach(sinks, i, sink)
		add(found, number_at(sink, "lag_us") / 1e6, text_at(sink, "url"), "");
}

/* ---- the rules ------------------------------------------------------------------------------ */

/* clang-format off */
static const struct alert_rule rules[] = {
	{ "TcpRetransmitsHigh", "warning", QUESTION_COUNTS, ALERT_RATIO, 0.05, MINUTE_US,
	  "$s sends $v of its TCP segments again", "wiretally tcp --by dst", find_resent },
	{ "ConnectsFail", "warning", QUESTION_TCP, ALERT_RATIO, 0.2, MINUTE_US,
	  "$v of the connects to $s fail", "wiretally connects --failed", find_failing },
	{ "TcpConnectSlow", "warning", QUESTION_LATENCIES, ALERT_SECONDS, 0.5, MINUTE_US,
	  "one connect in a hundred of $s takes longer than $v", "wiretally latency", find_slow },
	{ "PacketsDropped", "warning", QUESTION_COUNTS, ALERT_RATE, 10, MINUTE_US,
	  "$s drops $v packets/s", "wiretally drops --by interface", find_interface_drops },
	{ "PacketsDroppedInStack", "warning", QUESTION_DROPS, ALERT_RATE, 10, MINUTE_US,
	  "the kernel drops $v packets/s: $s", "wiretally drops", find_drops },
	{ "SynBurst", "warning", QUESTION_COUNTS, ALERT_COUNT, 100, MINUTE_US,
	  "$s has $v half-open connections", "wiretally top --having 'packets < 3' 'flags S and not flags A'",
	  find_half_open },
	{ "SynCookiesSent", "warning", QUESTION_COUNTS, ALERT_RATE, 0, MINUTE_US,
	  "a listener of $s has no room for SYNs and sends $v cookies/s", NULL, find_cookies },
	{ "ListenQueueOverflows", "warning", QUESTION_COUNTS, ALERT_RATE, 0, MINUTE_US,
	  "a service on $s does not accept its connections: $v a second are refused", NULL,
	  find_overflows },
	{ "WiretallyAgentSilent", "warning", QUESTION_STATUS, ALERT_SECONDS, 300, 0,
	  "nothing came from $s for $v", "wiretally status", find_silent },
	{ "WiretallyRecordsLost", "warning", QUESTION_LEDGER, ALERT_COUNT, 0, MINUTE_US,
	  "$v packets are in no record: $s", "wiretally audit", find_unrecorded },
	{ "WiretallyUnbalanced", "critical", QUESTION_LEDGER, ALERT_COUNT, 0, MINUTE_US,
	  "the ledger does not add up: $v packets", "wiretally audit", find_unbalanced },
	{ "WiretallyBatchesMissing", "warning", QUESTION_STATUS, ALERT_COUNT, 0, 0,
	  "$v batches of $s never came", "wiretally audit", find_missing },
	{ "WiretallyCannotStore", "critical", QUESTION_STATUS, ALERT_COUNT, 0, 0,
	  "the collector cannot write ($s): is its disk full?", "wiretally status", find_not_stored },
	{ "WiretallyStoreDamaged", "critical", QUESTION_STATUS, ALERT_COUNT, 0, 0,
	  "$v files of the store were not what was written, and are set aside in quarantine/", NULL,
	  find_damaged },
	{ "WiretallySinkLags", "warning", QUESTION_STATUS, ALERT_SECONDS, 60, MINUTE_US,
	  "$s is $v behind", "wiretally status", find_lagging },
};
/* clang-format on */

static_assert(ARRAY_LEN(rules) <= ALERT_RULES_MAX, "each has a place in alert_limits.h");

const struct alert_rule *alert_rules(size_t *len)
{
	*len = ARRAY_LEN(rules);
	return rules;
}
