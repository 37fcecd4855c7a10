/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What the collector thinks is an incident: rules, each over the answer to one question of its own
 * API, so that an alert's number is one that anybody can ask for. Rules that deploy/prometheus/ has
 * too have the same names and limits.
 */
#ifndef WT_ALERT_RULES_H
#define WT_ALERT_RULES_H

#include <stddef.h>
#include <stdint.h>

#include "user/collector/api.h"

struct json_t;

enum alert_question {
	QUESTION_COUNTS, /* what hosts count themselves, the last five minutes */
	QUESTION_TCP,
	QUESTION_DROPS,
	QUESTION_LATENCIES,
	QUESTION_LEDGER,
	QUESTION_STATUS, /* since the collector's start */
	ALERT_QUESTIONS,
};

struct alert_ask {
	api_endpoint *endpoint;
	const char *args[8]; /* name, value, …, NULL */
};
extern const struct alert_ask alert_asks[ALERT_QUESTIONS];

#define ALERT_WINDOW_S 300 /* what the questions ask for */

#define FINDING_SUBJECT_MAX 160
#define FINDINGS_MAX 64 /* of one rule at a time: the rest is of the same kind */

struct finding {
	char subject[FINDING_SUBJECT_MAX]; /* "host-a", "host-a eth0"; as text, perhaps cut */
	double value;
};

struct findings {
	double above; /* the rule's limit: what has no more is no finding */
	struct finding at[FINDINGS_MAX];
	size_t len;
	size_t left_off;
};

/* Borrowed; `before` is the answer of the round before, NULL in the first. */
struct alert_answers {
	const struct json_t *now, *before;
	int64_t now_us;
};

enum alert_unit { ALERT_RATIO, ALERT_RATE, ALERT_COUNT, ALERT_SECONDS };

#define ALERT_RULES_MAX 32

struct alert_rule {
	const char *name;
	const char *severity; /* "warning" or "critical" */
	enum alert_question question;
	enum alert_unit unit;
	double limit;
	int64_t for_us; /* it must be found for that long */
	const char *summary; /* $s: the subject, $v: the value with its unit */
	const char *advice; /* a command that shows more; NULL: none */
	/* What exceeds found->above. */
	void (*find)(const struct alert_answers *a, struct findings *found);
};

/* All rules, with limits of their own: alert_limits.h has those that count. */
const struct alert_rule *alert_rules(size_t *len);

#endif
