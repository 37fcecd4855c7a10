// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Findings in, alerts that open, stay and close out. */
#include "user/collector/alerts.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/alert_limits.h"
#include "user/lib/cleanup.h"
#include "user/lib/log.h"
#include "user/lib/units.h"

struct alerts {
	pthread_mutex_t lock; /* of all below */
	struct alert at[ALERTS_MAX];
	size_t len;
	uint64_t left_off; /* found, and not kept */
};

int alerts_new(struct alerts **ret)
{
	struct alerts *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	pthread_mutex_init(&a->lock, NULL);
	*ret = a;
	return 0;
}

void alerts_free(struct alerts *a)
{
	if (!a)
		return;
	pthread_mutex_destroy(&a->lock);
	free(a);
}

/* ---- rounds --------------------------------------------------------------------------------- */

static struct alert *find(struct alerts *a, const struct alert_rule *rule, const char *subject)
{
	for (size_t i = 0; i < a->len; i++)
		if (a->at[i].rule == rule && !strcmp(a->at[i].subject, subject))
			return &a->at[i];
	return NULL;
}

/* Room for one more: the one that was resolved longest ago gives way. NULL: there is none. */
static struct alert *make_room(struct alerts *a)
{
	struct alert *oldest = NULL;

	if (a->len < ALERTS_MAX)
		return &a->at[a->len++];
	for (size_t i = 0; i < a->len; i++) {
		struct alert *b = &a->at[i];

		if (b->state == ALERT_RESOLVED && (!oldest || b->resolved_us < oldest->resolved_us))
			oldest = b;
	}
	return oldest;
}

static void begin(struct alert *alert, int64_t now_us)
{
	alert->state = ALERT_PENDING;
	alert->since_us = now_us;
	alert->fired_us = alert->resolved_us = 0;
	alert->worst = 0;
}

static struct alert *open_alert(struct alerts *a, const struct alert_rule *rule,
				const char *subject, int64_t now_us)
{
	struct alert *alert = find(a, rule, subject);

	if (!alert) {
		alert = make_room(a);
		if (!alert)
			return NULL;
		*alert = (struct alert){ .rule = rule };
		snprintf(alert->subject, sizeof(alert->subject), "%s", subject);
		begin(alert, now_us);
	} else if (alert->state == ALERT_RESOLVED) {
		if (now_us - alert->resolved_us > ALERT_MERGE_US)
			begin(alert, now_us);
		else
			alert->state = ALERT_FIRING;
		alert->resolved_us = 0;
	}
	return alert;
}

static void see(struct alerts *a, const struct alert_rule *rule, const struct finding *f,
		int64_t now_us, alert_changed *changed)
{
	struct alert *alert = open_alert(a, rule, f->subject, now_us);

	if (!alert) {
		a->left_off++;
		return;
	}
	alert->value = f->value;
	alert->worst = fmax(alert->worst, f->value);
	alert->found_us = now_us;
	if (alert->state != ALERT_PENDING || now_us - alert->since_us < alert_for_us(rule))
		return;
	alert->state = ALERT_FIRING;
	alert->fired_us = now_us;
	changed(alert);
}

void alerts_found(struct alerts *a, const struct alert_rule *rule, const struct findings *found,
		  int64_t now_us, alert_changed *changed)
{
	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < found->len; i++)
		see(a, rule, &found->at[i], now_us, changed);
	a->left_off += found->left_off;
	pthread_mutex_unlock(&a->lock);
}

void alerts_keep(struct alerts *a, const struct alert_rule *rule, int64_t now_us)
{
	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->len; i++)
		if (a->at[i].rule == rule && a->at[i].state != ALERT_RESOLVED)
			a->at[i].found_us = now_us;
	pthread_mutex_unlock(&a->lock);
}

/* What was only pending leaves no trace. False: it is to be forgotten. */
static bool settle(struct alert *alert, int64_t now_us, alert_changed *changed)
{
	if (alert->state == ALERT_PENDING)
		return alert->found_us == now_us;
	if (alert->state == ALERT_RESOLVED || now_us - alert->found_us < ALERT_CLOSE_US)
		return true;
	alert->state = ALERT_RESOLVED;
	alert->resolved_us = now_us;
	changed(alert);
	return true;
}

void alerts_close(struct alerts *a, int64_t now_us, alert_changed *changed)
{
	size_t kept = 0;

	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->len; i++)
		if (settle(&a->at[i], now_us, changed))
			a->at[kept++] = a->at[i];
	a->len = kept;
	pthread_mutex_unlock(&a->lock);
}

/* ---- as text -------------------------------------------------------------------------------- */

static void print_value(enum alert_unit unit, double value, FILE *out)
{
	char text[UNITS_TEXT_MAX];

	if (unit == ALERT_RATIO)
		fprintf(out, "%.*f %%", value < 0.1 ? 1 : 0, value * 100);
	else if (unit == ALERT_SECONDS)
		fputs(units_format_duration((uint64_t)(value * 1e6), text), out);
	else if (value >= 10)
		fputs(units_format_count((uint64_t)value, text), out);
	else
		fprintf(out, "%.2g", value);
}

const char *alert_summary(const struct alert *alert, char text[ALERT_SUMMARY_MAX])
{
	FILE *out = fmemopen(text, ALERT_SUMMARY_MAX, "w");

	text[0] = '\0';
	if (!out)
		return alert->rule->name;
	for (const char *c = alert->rule->summary; *c; c++) {
		if (*c != '$')
			fputc(*c, out);
		else if (*++c == 's')
			fputs(alert->subject, out);
		else
			print_value(alert->rule->unit, alert->value, out);
	}
	fclose(out); /* what does not fit is cut */
	text[ALERT_SUMMARY_MAX - 1] = '\0';
	return text;
}

/* ---- readers -------------------------------------------------------------------------------- */

static const char *const states[] = { "pending", "firing", "resolved" };
static const int places[] = { [ALERT_FIRING] = 0, [ALERT_PENDING] = 1, [ALERT_RESOLVED] = 2 };

static int compare(const void *a, const void *b)
{
	const struct alert *x = a, *y = b;

	if (x->state != y->state)
		return places[x->state] - places[y->state];
	return (x->since_us < y->since_us) - (x->since_us > y->since_us);
}

static json_t *time_or_null(int64_t us, int64_t offset_us)
{
	return us ? json_integer(us + offset_us) : json_null();
}

/* Of a rule that was turned off since: JSON has no number for that. */
static json_t *limit_or_null(const struct alert_rule *rule)
{
	double limit = alert_limit(rule);

	return isfinite(limit) ? json_real(limit) : json_null();
}

static json_t *alert_json(const struct alert *alert, int64_t offset_us)
{
	char summary[ALERT_SUMMARY_MAX];

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:f, s:f, s:o, s:I, s:o, s:I, s:o}",
			 "alert", alert->rule->name, "state", states[alert->state], "severity",
			 alert->rule->severity, "subject", alert->subject, "summary",
			 alert_summary(alert, summary), "advice", alert->rule->advice, "value",
			 alert->value, "worst", alert->worst, "limit", limit_or_null(alert->rule),
			 "since_us", (json_int_t)(alert->since_us + offset_us), "fired_us",
			 time_or_null(alert->fired_us, offset_us), "found_us",
			 (json_int_t)(alert->found_us + offset_us), "resolved_us",
			 time_or_null(alert->resolved_us, offset_us));
}

/* In the order they are shown. NULL: no memory. */
static struct alert *copy_of(struct alerts *a, size_t *len, uint64_t *left_off)
{
	struct alert *copy = malloc(sizeof(a->at));

	if (!copy)
		return NULL;
	pthread_mutex_lock(&a->lock);
	memcpy(copy, a->at, a->len * sizeof(*copy));
	*len = a->len;
	*left_off = a->left_off;
	pthread_mutex_unlock(&a->lock);
	qsort(copy, *len, sizeof(*copy), compare);
	return copy;
}

json_t *alerts_json(struct alerts *a, int64_t wall_offset_us)
{
	size_t len;
	uint64_t left_off;
	AUTO_FREE struct alert *copy = copy_of(a, &len, &left_off);
	json_t *rows = copy ? json_array() : NULL;

	if (!rows)
		return NULL;
	for (size_t i = 0; i < len; i++)
		json_array_append_new(rows, alert_json(&copy[i], wall_offset_us));
	return json_pack("{s:o, s:I}", "rows", rows, "left_off", (json_int_t)left_off);
}

size_t alerts_count(struct alerts *a, const struct alert_rule *rule, enum alert_state state)
{
	size_t n = 0;

	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->len; i++)
		n += a->at[i].rule == rule && a->at[i].state == state;
	pthread_mutex_unlock(&a->lock);
	return n;
}
