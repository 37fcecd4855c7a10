// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Ledgers of committed batches in, counters per agent, interface, direction and outcome out. */
#include "user/metrics/metrics_ledger.h"

#include <inttypes.h>
#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "user/metrics/metrics_agent.h"
#include "user/wire/batch.h"
#include "user/wire/signal.h"

struct point {
	char agent[BATCH_AGENT_MAX];
	char host[BATCH_NAME_MAX];
	char interface[32];
	uint32_t netns;
	uint32_t point;
	uint32_t counts_len;
	struct ledger_count counts[LEDGER_COUNTS_MAX];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *points; /* tsearch() tree */
static size_t points_len;
static uint64_t points_left_out;

static int compare_points(const void *a, const void *b)
{
	const struct point *x = a, *y = b;
	int order = strcmp(x->agent, y->agent);

	if (!order)
		order = strcmp(x->interface, y->interface);
	if (!order)
		order = (x->netns > y->netns) - (x->netns < y->netns);
	if (!order)
		order = (x->point > y->point) - (x->point < y->point);
	return order;
}

static void name_interface(const struct metrics_agent *a, const struct ledger_row *l, char ret[32])
{
	snprintf(ret, 32, "if%u", l->ifindex);
	for (size_t i = 0; i < a->interfaces_len; i++)
		if (a->interfaces[i].index == l->ifindex && a->interfaces[i].netns == l->netns)
			snprintf(ret, 32, "%s", a->interfaces[i].name);
}

static struct point *find_point(const struct metrics_agent *a, const struct ledger_row *l)
{
	struct point key = { .netns = l->netns, .point = l->point };
	struct point **found, *p;

	snprintf(key.agent, sizeof(key.agent), "%s", a->name);
	name_interface(a, l, key.interface);
	found = tfind(&key, &points, compare_points);
	if (found)
		return *found;
	if (points_len >= METRICS_POINTS_MAX)
		return NULL;
	p = malloc(sizeof(*p));
	if (!p)
		return NULL;
	*p = key;
	if (!tsearch(p, &points, compare_points)) {
		free(p);
		return NULL;
	}
	points_len++;
	return p;
}

static void add_count(struct point *p, const struct ledger_count *c)
{
	uint32_t i = 0;

	while (i < p->counts_len && strcmp(p->counts[i].name, c->name))
		i++;
	if (i == p->counts_len) {
		if (i == LEDGER_COUNTS_MAX)
			return;
		p->counts_len++;
		snprintf(p->counts[i].name, sizeof(p->counts[i].name), "%s", c->name);
		p->counts[i].packets = p->counts[i].octets = 0;
	}
	p->counts[i].packets += c->packets;
	p->counts[i].octets += c->octets;
}

/* Names outside the equation: what explains, not what happened to a packet. */
static bool is_outcome(const char *name)
{
	return strncmp(name, "kernel/", 7) != 0 && strncmp(name, "fold_reason/", 12) != 0;
}

void metrics_ledger_add(const struct metrics_agent *a, const struct batch *b)
{
	if (*b->head.exporter)
		return; /* a file: history, not this host's traffic */
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < b->ledger_len; i++) {
		const struct ledger_row *l = &b->ledger[i];
		struct point *p;

		if (l->point >= SIGNAL_POINT_TCP)
			continue; /* events and drops are no packets of an interface */
		p = find_point(a, l);
		if (!p) {
			points_left_out++;
			continue;
		}
		snprintf(p->host, sizeof(p->host), "%s", b->head.host);
		for (uint32_t k = 0; k < l->counts_len; k++)
			if (is_outcome(l->counts[k].name))
				add_count(p, &l->counts[k]);
	}
	pthread_mutex_unlock(&lock);
}

/* Label values: backslash, quote and newline are escaped (text format 0.0.4). */
static void print_label(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s=\"", name);
	for (const char *c = value; *c; c++) {
		if (*c == '\\' || *c == '"')
			fputc('\\', out);
		if (*c == '\n')
			fputs("\\n", out);
		else
			fputc(*c, out);
	}
	fputc('"', out);
}

static void print_labels(FILE *out, const char *name, const struct point *p)
{
	fprintf(out, "%s{", name);
	print_label(out, "agent", p->agent);
	print_label(out, ",host", p->host);
	print_label(out, ",interface", p->interface);
	fprintf(out, ",netns=\"%u\",direction=\"%s\",layer=\"%s\"", p->netns,
		p->point & 1 ? "egress" : "ingress", p->point & 2 ? "inner" : "outer");
}

/* Names are split over families, so that each family's sum means something. */
enum names { NAMES_SEEN, NAMES_OUTCOMES, NAMES_LOST_AFTER };

static const struct family {
	const char *name;
	const char *help;
	enum names names;
	const char *label; /* the count's name goes there; NULL: nowhere */
	bool is_octets; /* or packets */
} families[] = {
	/* clang-format off */
	{ "wiretally_seen_packets_total", "Packets that reached the hook.", NAMES_SEEN, NULL, false },
	{ "wiretally_seen_bytes_total", "Their frames' bytes, without FCS.", NAMES_SEEN, NULL, true },
	{ "wiretally_packets_total", "What happened to them: sums up to the packets seen.", NAMES_OUTCOMES, ",outcome", false },
	{ "wiretally_bytes_total", "What happened to them: sums up to the bytes seen.", NAMES_OUTCOMES, ",outcome", true },
	{ "wiretally_lost_packets_total", "Packets recorded, but lost on their way to the store.", NAMES_LOST_AFTER, ",stage", false },
	{ "wiretally_lost_bytes_total", "Bytes recorded, but lost on their way to the store.", NAMES_LOST_AFTER, ",stage", true },
	/* clang-format on */
};

static enum names names_of(const char *name)
{
	if (!strcmp(name, "seen"))
		return NAMES_SEEN;
	return strncmp(name, LEDGER_LOST_AFTER, strlen(LEDGER_LOST_AFTER)) ? NAMES_OUTCOMES
									   : NAMES_LOST_AFTER;
}

struct print {
	FILE *out;
	const struct family *family;
};

static void print_point(const void *node, VISIT visit, void *closure)
{
	const struct point *p = *(struct point *const *)node;
	const struct print *pr = closure;

	if (visit != postorder && visit != leaf)
		return;
	for (uint32_t i = 0; i < p->counts_len; i++) {
		const struct ledger_count *c = &p->counts[i];

		if (pr->family->names != names_of(c->name))
			continue;
		print_labels(pr->out, pr->family->name, p);
		if (pr->family->label)
			print_label(pr->out, pr->family->label, c->name);
		fprintf(pr->out, "} %" PRIu64 "\n", pr->family->is_octets ? c->octets : c->packets);
	}
}

struct each {
	metrics_point_fn *fn;
	void *arg;
};

static void tell_point(const void *node, VISIT visit, void *closure)
{
	const struct point *p = *(struct point *const *)node;
	const struct each *each = closure;
	struct metrics_point point = { p->agent, p->host,      p->interface,
				       p->netns, p->point & 1, p->point & 2 };

	if (visit != postorder && visit != leaf)
		return;
	for (uint32_t i = 0; i < p->counts_len; i++) {
		if (names_of(p->counts[i].name) != NAMES_SEEN)
			continue;
		point.packets = p->counts[i].packets;
		point.octets = p->counts[i].octets;
		each->fn(each->arg, &point);
	}
}

void metrics_ledger_each(metrics_point_fn *fn, void *arg)
{
	struct each each = { fn, arg };

	pthread_mutex_lock(&lock);
	twalk_r(points, tell_point, &each);
	pthread_mutex_unlock(&lock);
}

void metrics_ledger_print(FILE *out)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		struct print pr = { out, &families[i] };

		fprintf(out, "# HELP %s %s\n# TYPE %s counter\n", pr.family->name, pr.family->help,
			pr.family->name);
		twalk_r(points, print_point, &pr);
	}
	fprintf(out,
		"# HELP wiretally_metrics_ledger_entries_left_out_total Ledger entries beyond the number of interfaces kept as metrics.\n"
		"# TYPE wiretally_metrics_ledger_entries_left_out_total counter\n"
		"wiretally_metrics_ledger_entries_left_out_total %" PRIu64 "\n",
		points_left_out);
	pthread_mutex_unlock(&lock);
}
