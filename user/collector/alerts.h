/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Alerts by rule and subject, from what is found each round: pending until it was found for as long
 * as the rule wants, firing until it has not been found for a minute, then resolved. What is found
 * again within five minutes is the same alert. They are kept in memory: after a start they are
 * found again.
 */
#ifndef WT_ALERTS_H
#define WT_ALERTS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "user/collector/alert_rules.h"

struct json_t;

#define ALERTS_MAX 512 /* the oldest resolved one goes first, then what is new is counted alone */
#define ALERT_CLOSE_US (INT64_C(60) * 1000000)
#define ALERT_MERGE_US (INT64_C(300) * 1000000)
#define ALERT_SUMMARY_MAX 320

enum alert_state { ALERT_PENDING, ALERT_FIRING, ALERT_RESOLVED };

struct alert {
	const struct alert_rule *rule;
	char subject[FINDING_SUBJECT_MAX];
	enum alert_state state;
	double value, worst;
	/* monotonic, as the caller's now_us */
	int64_t since_us; /* when it was found first */
	int64_t fired_us; /* 0: not yet */
	int64_t found_us; /* the last time */
	int64_t resolved_us; /* 0: not yet */
};

struct alerts;

int alerts_new(struct alerts **ret);
void alerts_free(struct alerts *a);

/*
 * One round: what rule found, and then alerts_close() for what was not. Calls `changed` for each
 * that begins to fire or is resolved. One thread; the readers below are any.
 */
typedef void alert_changed(const struct alert *alert);
void alerts_found(struct alerts *a, const struct alert_rule *rule, const struct findings *found,
		  int64_t now_us, alert_changed *changed);
/* Of a rule that could not be asked: what it found last counts as found again. */
void alerts_keep(struct alerts *a, const struct alert_rule *rule, int64_t now_us);
void alerts_close(struct alerts *a, int64_t now_us, alert_changed *changed);

/* Writes into text and returns it: "host-a sends 7.2 % of its TCP segments again". */
const char *alert_summary(const struct alert *alert, char text[ALERT_SUMMARY_MAX]);

/*
 * {"rows":[…]}: firing ones first, then pending, then resolved, each newest first. NULL: no memory.
 * wall_offset_us makes wall clock of their times.
 */
struct json_t *alerts_json(struct alerts *a, int64_t wall_offset_us);

/* How many of a rule are in a state. */
size_t alerts_count(struct alerts *a, const struct alert_rule *rule, enum alert_state state);

#endif
