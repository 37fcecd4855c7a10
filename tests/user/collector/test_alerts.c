// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* What rules find in answers, and how alerts open, stay and close. */
#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "user/collector/alert_limits.h"
#include "user/collector/alerts.h"
#include "user/lib/cleanup.h"
#include "user/lib/options.h"

#define SECOND INT64_C(1000000)
#define NOW (INT64_C(1700000000) * SECOND)

static const struct alert_rule *rule(const char *name)
{
	size_t len;
	const struct alert_rule *all = alert_rules(&len);

	for (size_t i = 0; i < len; i++)
		if (!strcmp(all[i].name, name))
			return &all[i];
	cr_assert(false, "no rule %s", name);
	return NULL;
}

/* What the rule finds, as "subject=value …", values with two digits. */
static const char *found(const char *name, const char *now, const char *before)
{
	static char text[1024];
	json_error_t error;
	json_t *a = json_loads(now, 0, &error), *b = before ? json_loads(before, 0, NULL) : NULL;
	struct alert_answers answers = { a, b, NOW };
	struct findings f = { .above = -1 };
	size_t used = 0;

	cr_assert(a, "%s: %s", now, error.text);
	rule(name)->find(&answers, &f);
	text[0] = '\0';
	for (size_t i = 0; i < f.len; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s=%.2f",
					 i ? ", " : "", f.at[i].subject, f.at[i].value);
	json_decref(a);
	json_decref(b);
	return text;
}

static const struct {
	const char *rule, *now, *before, *want;
} answers[] = {
	{ "TcpRetransmitsHigh",
	  "{\"rows\":[{\"agent\":\"a\",\"host\":\"h\",\"netns\":1,\"name\":\"tcp/retransmitted_segments\",\"value\":600},"
	  "{\"agent\":\"a\",\"host\":\"h\",\"netns\":1,\"name\":\"tcp/segments_sent\",\"value\":6000},"
	  "{\"agent\":\"b\",\"host\":\"g\",\"netns\":1,\"name\":\"tcp/segments_sent\",\"value\":1}]}",
	  NULL, "h=0.10" },
	{ "TcpRetransmitsHigh",
	  "{\"rows\":[{\"agent\":\"a\",\"host\":\"h\",\"netns\":1,\"name\":\"tcp/retransmitted_segments\",\"value\":299},"
	  "{\"agent\":\"a\",\"host\":\"h\",\"netns\":1,\"name\":\"tcp/segments_sent\",\"value\":300}]}",
	  NULL, "" },
	{ "ConnectsFail",
	  "{\"rows\":[{\"dst\":\"10.0.0.5\",\"dst_port\":9,\"failed\":12,\"connections\":24},"
	  "{\"dst\":\"2001:db8::1\",\"dst_port\":80,\"failed\":10,\"connections\":1000},"
	  "{\"dst\":\"10.0.0.6\",\"dst_port\":9,\"failed\":9,\"connections\":9}]}",
	  NULL, "10.0.0.5:9=0.50, [2001:db8::1]:80=0.01" },
	{ "TcpConnectSlow",
	  "{\"rows\":[{\"host\":\"h\",\"count\":20,\"p99_ns\":1500000000},{\"host\":\"g\",\"count\":19,\"p99_ns\":9000000000}]}",
	  NULL, "h=1.50" },
	{ "PacketsDropped",
	  "{\"rows\":[{\"host\":\"h\",\"name\":\"nic/eth0/rx_dropped\",\"value\":3000},"
	  "{\"host\":\"h\",\"name\":\"qdisc/eth0/drops\",\"value\":6000},"
	  "{\"host\":\"h\",\"name\":\"nic/eth1/rx_bytes\",\"value\":6000}]}",
	  NULL, "h eth0=20.00" },
	{ "PacketsDroppedInStack",
	  "{\"rows\":[{\"host\":\"h\",\"reason\":\"NO_SOCKET\",\"packets\":30000},"
	  "{\"host\":\"h\",\"reason\":\"SOCKET_RCVBUFF\",\"packets\":30000}]}",
	  NULL, "h SOCKET_RCVBUFF=100.00" },
	{ "SynBurst",
	  "{\"rows\":[{\"host\":\"h\",\"name\":\"sockets/ipv4/SYN_RECV\",\"value\":101},"
	  "{\"host\":\"h\",\"name\":\"sockets/ipv4/ESTABLISHED\",\"value\":999}]}",
	  NULL, "h=101.00" },
	{ "WiretallyAgentSilent",
	  "{\"agents\":[{\"agent\":\"a\",\"host\":\"h\",\"last_us\":1699999600000000,\"exporters\":[{\"exporter\":\"\"}]},"
	  "{\"agent\":\"old\",\"host\":\"gone\",\"last_us\":1699900000000000,\"exporters\":[{\"exporter\":\"\"}]},"
	  "{\"agent\":\"import\",\"host\":\"\",\"last_us\":1,\"exporters\":[{\"exporter\":\"x.pcap\"}]}]}",
	  NULL, "h=400.00" },
	{ "WiretallyRecordsLost",
	  "{\"stages\":{\"lost\":{\"lost/spool\":{\"packets\":7,\"octets\":1}}}}", NULL,
	  "lost/spool=7.00" },
	{ "WiretallyUnbalanced",
	  "{\"balanced\":false,\"rows\":[{\"agent_balance\":{\"packets\":-3},\"store_balance\":{\"packets\":2}}]}",
	  NULL, "ledger=5.00" },
	{ "WiretallyUnbalanced", "{\"balanced\":true,\"rows\":[]}", NULL, "" },
	/* counters: what they gained since the round before, and nothing in the first */
	{ "WiretallyBatchesMissing", "{\"ingest\":{\"missing_batches\":5}}", NULL, "agents=0.00" },
	{ "WiretallyBatchesMissing", "{\"ingest\":{\"missing_batches\":5}}",
	  "{\"ingest\":{\"missing_batches\":3}}", "agents=2.00" },
	{ "WiretallyCannotStore", "{\"ingest\":{\"commit_failures\":1,\"refused\":{\"log\":4}}}",
	  "{\"ingest\":{\"commit_failures\":1,\"refused\":{\"log\":3}}}",
	  "database=0.00, segment log=1.00" },
	{ "WiretallyStoreDamaged", "{\"store\":{\"damaged_files\":2}}", NULL, "store=2.00" },
	{ "WiretallySinkLags", "{\"sinks\":[{\"url\":\"kafka://k\",\"lag_us\":90000000}]}", NULL,
	  "kafka://k=90.00" },
	/* an answer that is not what was expected is no finding and no crash */
	{ "ConnectsFail", "{\"rows\":[{}, 5, null]}", NULL, "" },
	{ "TcpRetransmitsHigh", "{}", NULL, "" },
	{ "PacketsDropped", "{\"rows\":[{\"name\":\"nic\"},{\"name\":\"nic/\"}]}", NULL, "" },
};

Test(alerts, rules_read_answers)
{
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		const char *got = found(answers[i].rule, answers[i].now, answers[i].before);

		cr_expect(!strcmp(got, answers[i].want), "%s of %s: %s, want %s", answers[i].rule,
			  answers[i].now, got, answers[i].want);
	}
}

/* Hosts that are well take no room from those that are not. */
Test(alerts, the_hundredth_host_is_found)
{
	json_t *rows = json_array(), *root = json_pack("{s:o}", "rows", rows);
	struct alert_answers asked = { root, NULL, NOW };
	struct findings f = { .above = rule("TcpConnectSlow")->limit };

	for (int i = 0; i < 100; i++)
		json_array_append_new(rows,
				      json_pack("{s:s+, s:i, s:I}", "host", "h",
						i == 99 ? "slow" : "fast", "count", 100, "p99_ns",
						(json_int_t)(i == 99 ? 900000000 : i)));
	rule("TcpConnectSlow")->find(&asked, &f);
	cr_expect(f.len == 1 && !strcmp(f.at[0].subject, "hslow") && !f.left_off);
	json_decref(root);
}

static char changes[1024];

static void note(const struct alert *alert)
{
	static const char *const states[] = { "pending", "firing", "resolved" };
	size_t used = strlen(changes);

	snprintf(changes + used, sizeof(changes) - used, "%s:%s ", alert->subject,
		 states[alert->state]);
}

static void one_round(struct alerts *a, const struct alert_rule *r, double value, int64_t second)
{
	struct findings f = { .len = value > r->limit, .at = { { "h", value } } };

	alerts_found(a, r, &f, NOW + second * SECOND, note);
	alerts_close(a, NOW + second * SECOND, note);
}

static void expect_changes(const char *want, int64_t second)
{
	cr_expect(!strcmp(changes, want), "at %d s: '%s', want '%s'", (int)second, changes, want);
	changes[0] = '\0';
}

Test(alerts, open_stay_and_close)
{
	const struct alert_rule *r = rule("ConnectsFail"); /* 0.2, for a minute */
	struct alerts *a;

	cr_assert(alerts_new(&a) == 0);
	one_round(a, r, 0.2, 0);
	cr_expect(alerts_count(a, r, ALERT_PENDING) == 0, "the limit itself is allowed");
	one_round(a, r, 0.5, 10);
	cr_expect(alerts_count(a, r, ALERT_PENDING) == 1);
	one_round(a, r, 0.1, 20);
	cr_expect(alerts_count(a, r, ALERT_PENDING) == 0, "it did not last");
	expect_changes("", 20);
	one_round(a, r, 0.5, 30);
	one_round(a, r, 0.9, 80);
	expect_changes("", 80);
	one_round(a, r, 0.5, 90);
	expect_changes("h:firing ", 90);
	one_round(a, r, 0.1, 140);
	expect_changes("", 140);
	one_round(a, r, 0.1, 150);
	expect_changes("h:resolved ", 150);
	one_round(a, r, 0.5, 400); /* the same one again: within five minutes of its end */
	cr_expect(alerts_count(a, r, ALERT_FIRING) == 1);
	one_round(a, r, 0, 500);
	expect_changes("h:resolved ", 500);
	one_round(a, r, 0.5, 900);
	cr_expect(alerts_count(a, r, ALERT_PENDING) == 1, "another one");
	alerts_free(a);
}

Test(alerts, no_answer_changes_nothing)
{
	const struct alert_rule *r = rule("WiretallyStoreDamaged"); /* at once */
	struct alerts *a;

	changes[0] = '\0';
	cr_assert(alerts_new(&a) == 0);
	one_round(a, r, 1, 0);
	expect_changes("h:firing ", 0);
	for (int64_t second = 10; second < 300; second += 10) {
		alerts_keep(a, r, NOW + second * SECOND);
		alerts_close(a, NOW + second * SECOND, note);
	}
	expect_changes("", 300);
	cr_expect(alerts_count(a, r, ALERT_FIRING) == 1);
	alerts_free(a);
}

Test(alerts, are_no_more_than_there_is_room_for)
{
	const struct alert_rule *r = rule("WiretallyAgentSilent");
	struct findings f = { .len = 1 };
	struct alerts *a;
	json_t *root;

	cr_assert(alerts_new(&a) == 0);
	for (int i = 0; i < ALERTS_MAX + 5; i++) {
		snprintf(f.at[0].subject, sizeof(f.at[0].subject), "host%d", i);
		f.at[0].value = 1000;
		alerts_found(a, r, &f, NOW, note);
	}
	cr_expect(alerts_count(a, r, ALERT_FIRING) == ALERTS_MAX);
	root = alerts_json(a, 0);
	cr_expect(json_integer_value(json_object_get(root, "left_off")) == 5);
	json_decref(root);
	alerts_close(a, NOW + ALERT_CLOSE_US, note); /* now the resolved give way */
	alerts_found(a, r, &f, NOW + ALERT_CLOSE_US, note);
	cr_expect(alerts_count(a, r, ALERT_FIRING) == 1);
	cr_expect(alerts_count(a, r, ALERT_RESOLVED) == ALERTS_MAX - 1);
	alerts_free(a);
}

Test(alerts, say_what_is_wrong)
{
	static const struct {
		const char *rule;
		double value;
		const char *want;
	} cases[] = {
		{ "ConnectsFail", 0.5, "50 % of the connects to h fail" },
		{ "TcpRetransmitsHigh", 0.0721, "h sends 7.2 % of its TCP segments again" },
		{ "TcpConnectSlow", 1.5, "one connect in a hundred of h takes longer than 1.5 s" },
		{ "PacketsDropped", 12345, "h drops 12.3 k packets/s" },
		{ "ListenQueueOverflows", 0.25,
		  "a service on h does not accept its connections: 0.25 a second are refused" },
	};
	char text[ALERT_SUMMARY_MAX];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct alert alert = { .rule = rule(cases[i].rule),
				       .subject = "h",
				       .value = cases[i].value };

		cr_expect(!strcmp(alert_summary(&alert, text), cases[i].want), "%s", text);
	}
}

static int set(const char *text, const char **why)
{
	struct option_list texts = { .len = text ? 1 : 0 };
	struct alert_limits limits;
	const char *which;
	int err;

	texts.values[0] = text;
	err = alert_limits_parse(&texts, &limits, &which, why);
	if (!err)
		alert_limits_use(&limits);
	return err;
}

Test(alerts, limits_are_read_or_refused)
{
	static const char *const wrong[] = {
		"ConnectsFail",	   "ConnectsFail=",   "ConnectsFail=-1",  "ConnectsFail=nan",
		"ConnectsFail=1x", "ConnectsFail=1/", "ConnectsFail=1/x", "ConnectsFail=inf"
	};
	double own = alert_limit(rule("ConnectsFail"));
	const char *why;

	cr_assert(own > 0 && own < 0.5);
	cr_assert(set("ConnectsFail=0.5/2m", &why) == 0);
	cr_expect(alert_limit(rule("ConnectsFail")) == 0.5);
	cr_expect(alert_for_us(rule("ConnectsFail")) == 120 * SECOND);
	cr_expect(set("Nothing=1", &why) == -EINVAL && strstr(why, "ConnectsFail"));
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		cr_expect(set(wrong[i], &why) == -EINVAL, "%s", wrong[i]);
	cr_expect(alert_limit(rule("ConnectsFail")) == 0.5, "what is refused changes nothing");
	cr_assert(set("SynBurst=off", &why) == 0);
	cr_expect(isinf(alert_limit(rule("SynBurst"))));
	cr_expect(alert_limit(rule("ConnectsFail")) == own,
		  "what is not named any more is as it was");
	cr_assert(set(NULL, &why) == 0);
	cr_expect(isfinite(alert_limit(rule("SynBurst"))));
}

/* SIGHUP turns a rule off whose alert is still listed. */
Test(alerts, one_that_is_off_is_still_told)
{
	const struct alert_rule *r = rule("ConnectsFail");
	struct alerts *a = NULL;
	const char *why;
	json_t *told;

	cr_assert(alerts_new(&a) == 0);
	one_round(a, r, 0.9, 0);
	cr_assert(set("ConnectsFail=off", &why) == 0);
	told = alerts_json(a, 0);
	cr_assert(told && json_array_size(json_object_get(told, "rows")) == 1);
	cr_expect(json_is_null(
		json_object_get(json_array_get(json_object_get(told, "rows"), 0), "limit")));
	json_decref(told);
	alerts_free(a);
}
