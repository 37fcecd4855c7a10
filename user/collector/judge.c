// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The clock in; a round of questions, and what the rules make of the answers, out. */
#include "user/collector/judge.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/alert_limits.h"
#include "user/collector/alerts.h"
#include "user/collector/store.h"
#include "user/lib/cleanup.h"
#include "user/lib/clock.h"
#include "user/lib/log.h"
#include "user/lib/options.h"

#define DEADLINE_MS 5000 /* of a round; a busy store is looked at the next time */
#define REST 100 /* times as long as an answer took, until it is asked for again: 1 % of a CPU */

static struct judge {
	struct store *store;
	struct store_reader *reader;
	struct alerts *alerts;
	json_t *answers[ALERT_QUESTIONS]; /* the last ones */
	int64_t due_ns[ALERT_QUESTIONS]; /* not before */
	uint64_t failures; /* questions without an answer */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_stopping, is_running;
} judge = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Times of alerts are monotonic: a clock that is put right neither opens nor closes one. */
static int64_t monotonic_us(void)
{
	return monotonic_ns() / 1000;
}

int judge_set_limits(const struct option_list *texts)
{
	struct alert_limits limits;
	const char *which, *why;

	if (alert_limits_parse(texts, &limits, &which, &why)) {
		fprintf(stderr, "wiretally-collector: --alert '%s': %s\n", which, why);
		return -EINVAL;
	}
	alert_limits_use(&limits);
	return 0;
}

/* ---- one round ------------------------------------------------------------------------------ */

static const char *argument(const struct api_request *req, const char *name)
{
	const struct alert_ask *ask = req->impl;

	for (size_t i = 0; i < ARRAY_LEN(ask->args) && ask->args[i]; i += 2)
		if (!strcmp(ask->args[i], name))
			return ask->args[i + 1];
	return NULL;
}

/* NULL: no answer this time. */
static json_t *ask(struct judge *j, const struct alert_ask *ask)
{
	struct api_request req = {
		argument, j->store, j->reader, wall_us(), (void *)ask, NULL, NULL, NULL,
	};
	struct api_reply reply = { 0 };
	json_t *answer = NULL;
	int err = ask->endpoint(&req, &reply);

	if (!err && reply.status == 200)
		answer = json_loadb(reply.body, reply.body_len, 0, NULL);
	free(reply.body);
	if (!answer)
		j->failures++;
	return answer;
}

static void ask_all(struct judge *j, json_t *answers[ALERT_QUESTIONS])
{
	if (store_reader_begin(j->reader)) {
		j->failures++;
		return;
	}
	store_reader_extend(j->reader, DEADLINE_MS);
	for (int i = 0; i < ALERT_QUESTIONS; i++) {
		int64_t from_ns = monotonic_ns();

		if (from_ns < j->due_ns[i])
			continue;
		answers[i] = ask(j, &alert_asks[i]);
		j->due_ns[i] = from_ns + (monotonic_ns() - from_ns) * REST;
	}
	store_reader_end(j->reader);
}

static void say(const struct alert *alert)
{
	char summary[ALERT_SUMMARY_MAX];
	bool fires = alert->state == ALERT_FIRING;

	log_write(fires ? LOG_WARN : LOG_INFO, "alert %s %s: %s", alert->rule->name,
		  fires ? "fires" : "is resolved", alert_summary(alert, summary));
}

/* What was not asked, or not answered, says neither that all is well nor that it is not. */
static void look(struct judge *j, json_t *answers[ALERT_QUESTIONS], int64_t now_us)
{
	size_t len;
	const struct alert_rule *rules = alert_rules(&len);

	for (size_t i = 0; i < len; i++) {
		const struct alert_rule *rule = &rules[i];
		struct alert_answers a = { answers[rule->question], j->answers[rule->question],
					   wall_us() };
		struct findings found = { .above = alert_limit(rule) };

		if (!a.now) {
			alerts_keep(j->alerts, rule, now_us);
			continue;
		}
		rule->find(&a, &found);
		alerts_found(j->alerts, rule, &found, now_us, say);
	}
	alerts_close(j->alerts, now_us, say);
}

/* What was not asked, or not answered, stays as it was. */
static void take_over(struct judge *j, json_t *answers[ALERT_QUESTIONS])
{
	for (int i = 0; i < ALERT_QUESTIONS; i++) {
		if (!answers[i])
			continue;
		json_decref(j->answers[i]);
		j->answers[i] = answers[i];
	}
}

static void one_round(struct judge *j)
{
	json_t *answers[ALERT_QUESTIONS] = { NULL };

	ask_all(j, answers);
	look(j, answers, monotonic_us());
	take_over(j, answers);
}

/* ---- the thread ----------------------------------------------------------------------------- */

/* False: it is to stop. */
static bool wait_a_period(struct judge *j)
{
	struct timespec until;
	bool goes_on;
	int err = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += JUDGE_PERIOD_S;
	pthread_mutex_lock(&j->lock);
	while (!j->is_stopping && !err)
		err = pthread_cond_timedwait(&j->changed, &j->lock, &until);
	goes_on = !j->is_stopping;
	pthread_mutex_unlock(&j->lock);
	return goes_on;
}

static void *judge_main(void *arg)
{
	struct judge *j = arg;

	do
		one_round(j);
	while (wait_a_period(j));
	return NULL;
}

/* A clock that is put back makes no period longer. */
static void init_changed(struct judge *j)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&j->changed, &attr);
	pthread_condattr_destroy(&attr);
}

int judge_start(struct store *s)
{
	struct judge *j = &judge;
	int err = alerts_new(&j->alerts);

	j->store = s;
	init_changed(j);
	if (!err)
		err = store_reader_open(s, &j->reader);
	if (!err)
		err = -pthread_create(&j->thread, NULL, judge_main, j);
	if (err) {
		log_error("judge: %s", strerror(-err));
		return err;
	}
	pthread_setname_np(j->thread, "judge");
	j->is_running = true;
	return 0;
}

void judge_stop(void)
{
	struct judge *j = &judge;

	if (!j->is_running)
		return;
	pthread_mutex_lock(&j->lock);
	j->is_stopping = true;
	pthread_cond_signal(&j->changed);
	pthread_mutex_unlock(&j->lock);
	pthread_join(j->thread, NULL);
	j->is_running = false;
	for (int i = 0; i < ALERT_QUESTIONS; i++)
		json_decref(TAKE(j->answers[i]));
	store_reader_close(TAKE(j->reader));
	alerts_free(TAKE(j->alerts));
}

/* ---- what is said of it --------------------------------------------------------------------- */

void metrics_judge_print(FILE *out)
{
	size_t len;
	const struct alert_rule *rules = alert_rules(&len);

	if (!judge.is_running)
		return;
	fputs("# HELP wiretally_alerts Alerts of the collector's own that fire, by name.\n"
	      "# TYPE wiretally_alerts gauge\n",
	      out);
	for (size_t i = 0; i < len; i++)
		fprintf(out, "wiretally_alerts{alert=\"%s\",severity=\"%s\"} %zu\n", rules[i].name,
			rules[i].severity, alerts_count(judge.alerts, &rules[i], ALERT_FIRING));
}

/* GET /v1/alerts: what fires, what may soon, and what did. */
int api_alerts(const struct api_request *req, struct api_reply *reply)
{
	json_t *root = judge.is_running ? alerts_json(judge.alerts, wall_us() - monotonic_us())
					: json_pack("{s:[]}", "rows");

	return root ? api_json(reply, root) : -ENOMEM;
}
