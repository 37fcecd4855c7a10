/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The collector's own look at what it stores: every JUDGE_PERIOD_S, less often what takes long to
 * answer, it asks its API what the rules (alert_rules.h) want to know, keeps the alerts (alerts.h),
 * and logs those that begin to fire or are resolved. One set a process: /v1/alerts and /metrics
 * read it.
 */
#ifndef WT_JUDGE_H
#define WT_JUDGE_H

#include <stdio.h>

#define JUDGE_PERIOD_S 10

struct option_list;
struct store;

/*
 * The --alert options, "NAME=LIMIT", from the next round on; what is not named has the rule's own.
 * 0, or -EINVAL and nothing is changed; has said which one, and why, on stderr.
 */
int judge_set_limits(const struct option_list *texts);

/* A thread and a reader of its own. 0 or -errno, logged. */
int judge_start(struct store *s);
void judge_stop(void);

void metrics_judge_print(FILE *out);

#endif
