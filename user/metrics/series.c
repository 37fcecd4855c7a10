// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Labelled values in, Prometheus text out. */
#include "user/metrics/series.h"

#include <inttypes.h>
#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "user/wire/batch.h"

static const struct {
	const char *name;
	const char *help;
	bool is_level; /* known as long as it is told again and again */
	const char *type; /* NULL: gauge for levels, else counter */
} families[FAMILIES] = {
	/* clang-format off */
	[FAMILY_TCP_CONNECTIONS] = { "wiretally_tcp_connections", "TCP sockets by state and family, as ss counts them.", true, NULL },
	[FAMILY_TCP_LISTEN_QUEUE] = { "wiretally_tcp_listen_queue", "Connections that wait for accept(): sum, the longest queue, its limit; and how many queues are full.", true, NULL },
	[FAMILY_TCP_SENT] = { "wiretally_tcp_sent_segments_total", "TCP segments sent, without those retransmitted (OutSegs).", false, NULL },
	[FAMILY_TCP_RETRANSMITTED] = { "wiretally_tcp_retransmitted_segments_total", "TCP segments retransmitted (RetransSegs).", false, NULL },
	[FAMILY_TCP_LISTEN_OVERFLOWS] = { "wiretally_tcp_listen_overflows_total", "Connections refused because a listener's queue was full.", false, NULL },
	[FAMILY_TCP_LISTEN_DROPS] = { "wiretally_tcp_listen_drops_total", "SYNs and connections that listeners dropped, for any reason.", false, NULL },
	[FAMILY_TCP_SYN_COOKIES] = { "wiretally_tcp_syn_cookies_sent_total", "SYN cookies sent.", false, NULL },
	[FAMILY_DROPPED] = { "wiretally_dropped_packets_total", "Packets that the kernel dropped, by its reason; class purged: freed with a closing socket.", false, NULL },
	[FAMILY_INTERFACE_DROPPED] = { "wiretally_interface_dropped_packets_total", "Packets lost at an interface: in its driver (rx_, tx_), its queueing discipline, or after it in the kernel (stack).", false, NULL },
	[FAMILY_SOFTNET_DROPPED] = { "wiretally_softnet_dropped_packets_total", "Packets lost because a CPU's backlog was full.", false, NULL },
	[FAMILY_SOFTNET_SQUEEZES] = { "wiretally_softnet_time_squeezes_total", "Times that receiving stopped with packets left, its budget used up.", false, NULL },
	[FAMILY_HOST_EVENTS] = { "wiretally_host_events_total", "Other counters of the host, by the name that the agent gives them.", false, NULL },
	[FAMILY_HOST_LEVEL] = { "wiretally_host_level", "Other gauges of the host, by name.", true, NULL },
	[FAMILY_SIGNAL_SEEN] = { "wiretally_signal_seen_events_total", "Events that reached a tracing hook.", false, NULL },
	[FAMILY_SIGNAL_EVENTS] = { "wiretally_signal_events_total", "What happened to them: outcomes but lost/spool_… sum up to the events seen.", false, NULL },
	[FAMILY_LAST_BATCH] = { "wiretally_agent_last_batch_timestamp_seconds", "When an agent's last batch was stored, since the epoch.", false, "gauge" },
	[FAMILY_PLAIN_TCP_CONNECTIONS] = { "tcp_connections_total", "TCP sockets of the host by state now, all namespaces and both IP versions: a level, whatever its name says.", true, "untyped" },
	[FAMILY_PLAIN_DROPPED] = { "network_packets_dropped_total", "Packets that an interface lost, as its driver and its queueing disciplines count them, all namespaces.", false, NULL },
	[FAMILY_PLAIN_RETRANSMITS] = { "tcp_retransmits_total", "TCP segments the host retransmitted.", false, NULL },
	[FAMILY_PLAIN_SEGMENTS_SENT] = { "tcp_segments_sent_total", "TCP segments the host sent, without those retransmitted.", false, NULL },
	/* clang-format on */
};

struct series {
	enum series_family family;
	char owner[BATCH_AGENT_MAX];
	uint64_t value;
	int64_t told_us;
	char labels[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *tree; /* tsearch(), by family and labels */
static size_t tree_len;
static uint64_t left_out;
static int64_t purge_us; /* when to look again */

/* ---- labels -------------------------------------------------------------------------------- */

static void put(struct series_labels *l, char c)
{
	if (l->len + 1 < sizeof(l->text))
		l->text[l->len++] = c;
	else
		l->is_cut = true;
	l->text[l->len] = '\0';
}

static void put_word(struct series_labels *l, const char *word)
{
	for (; *word; word++)
		put(l, *word);
}

/* Backslash, quote and newline are escaped (text format 0.0.4). */
void series_label(struct series_labels *l, const char *name, const char *value)
{
	put_word(l, l->len ? "," : "");
	put_word(l, name);
	put_word(l, "=\"");
	for (const char *c = value; *c; c++) {
		if (*c == '\\' || *c == '"' || *c == '\n')
			put(l, '\\');
		put(l, *c == '\n' ? 'n' : *c);
	}
	put(l, '"');
}

void series_label_number(struct series_labels *l, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	series_label(l, name, text);
}

/* ---- values -------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const struct series *x = a, *y = b;

	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	return strcmp(x->labels, y->labels);
}

struct idle {
	int64_t before_us;
	struct series *at[1024]; /* what is more goes the next time */
	size_t len;
};

static void note_idle(const void *node, VISIT visit, void *closure)
{
	struct series *s = *(struct series *const *)node;
	struct idle *idle = closure;

	if ((visit == postorder || visit == leaf) && s->told_us < idle->before_us &&
	    idle->len < sizeof(idle->at) / sizeof(idle->at[0]))
		idle->at[idle->len++] = s;
}

static void purge(int64_t now_us)
{
	struct idle idle = { .before_us = now_us - SERIES_IDLE_US };

	purge_us = now_us + SERIES_PURGE_US;
	twalk_r(tree, note_idle, &idle);
	for (size_t i = 0; i < idle.len; i++) {
		tdelete(idle.at[i], &tree, compare);
		free(idle.at[i]);
		tree_len--;
	}
}

static struct series *make(const struct series *key, const char *owner, int64_t now_us)
{
	size_t bytes = sizeof(*key) + strlen(key->labels) + 1;
	struct series *s;

	if (tree_len >= SERIES_MAX && now_us >= purge_us)
		purge(now_us);
	s = tree_len < SERIES_MAX ? malloc(bytes) : NULL;
	if (!s)
		return NULL;
	memcpy(s, key, bytes);
	snprintf(s->owner, sizeof(s->owner), "%s", owner);
	if (!tsearch(s, &tree, compare)) {
		free(s);
		return NULL;
	}
	tree_len++;
	return s;
}

/* With the lock held. NULL when it is left out. */
static struct series *find(enum series_family family, const char *owner,
			   const struct series_labels *labels, int64_t now_us)
{
	union {
		struct series series;
		char bytes[sizeof(struct series) + sizeof(labels->text)];
	} key = { .series = { .family = family } };
	struct series **found, *s;

	if (labels->is_cut)
		return NULL;
	memcpy(key.series.labels, labels->text, labels->len + 1);
	found = tfind(&key.series, &tree, compare);
	s = found ? *found : make(&key.series, owner, now_us);
	if (s)
		s->told_us = now_us;
	return s;
}

void series_add(enum series_family family, const char *owner, const struct series_labels *labels,
		uint64_t n, int64_t now_us)
{
	struct series *s;

	pthread_mutex_lock(&lock);
	s = find(family, owner, labels, now_us);
	if (s)
		s->value += n;
	else
		left_out++;
	pthread_mutex_unlock(&lock);
}

void series_set(enum series_family family, const char *owner, const struct series_labels *labels,
		uint64_t value, int64_t now_us)
{
	struct series *s;

	pthread_mutex_lock(&lock);
	s = find(family, owner, labels, now_us);
	if (s)
		s->value = value;
	else
		left_out++;
	pthread_mutex_unlock(&lock);
}

static void zero(const void *node, VISIT visit, void *closure)
{
	struct series *s = *(struct series *const *)node;

	if ((visit == postorder || visit == leaf) && families[s->family].is_level &&
	    !strcmp(s->owner, closure))
		s->value = 0;
}

void series_zero_gauges(const char *owner)
{
	pthread_mutex_lock(&lock);
	twalk_r(tree, zero, (void *)owner);
	pthread_mutex_unlock(&lock);
}

struct each {
	enum series_family family;
	int64_t now_us;
	series_fn *fn;
	void *arg;
};

static bool is_shown(const struct series *s, int64_t now_us)
{
	return !families[s->family].is_level || s->told_us + SERIES_GAUGE_US >= now_us;
}

static void tell(const void *node, VISIT visit, void *closure)
{
	const struct series *s = *(struct series *const *)node;
	const struct each *each = closure;

	if ((visit == postorder || visit == leaf) && s->family == each->family &&
	    is_shown(s, each->now_us))
		each->fn(each->arg, s->labels, s->value);
}

void series_each(enum series_family family, int64_t now_us, series_fn *fn, void *arg)
{
	struct each each = { family, now_us, fn, arg };

	pthread_mutex_lock(&lock);
	twalk_r(tree, tell, &each);
	pthread_mutex_unlock(&lock);
}

/* Behind the value that begins at `at`; into out as far as it fits. */
static const char *read_value(const char *at, char *out, size_t size)
{
	size_t n = 0;

	for (; *at && *at != '"'; at++) {
		if (*at == '\\' && at[1])
			at++;
		if (n + 1 < size)
			out[n++] = *at == 'n' && at[-1] == '\\' ? '\n' : *at;
	}
	out[n] = '\0';
	return *at ? at + 1 : at;
}

void series_label_of(const char *labels, const char *name, char *out, size_t size)
{
	size_t len = strlen(name);

	while (*labels) {
		bool is_it = !strncmp(labels, name, len) && !strncmp(labels + len, "=\"", 2);

		labels += strcspn(labels, "\"");
		labels = read_value(labels + (*labels == '"'), out, size);
		if (is_it)
			return;
		labels += *labels == ',';
	}
	*out = '\0';
}

/* ---- text ---------------------------------------------------------------------------------- */

struct print {
	FILE *out;
	int64_t now_us;
	int heads; /* printed so far */
};

static const char *family_type(int family)
{
	if (families[family].type)
		return families[family].type;
	return families[family].is_level ? "gauge" : "counter";
}

static void print_heads(struct print *p, int to)
{
	for (; p->heads < to; p->heads++)
		fprintf(p->out, "# HELP %s %s\n# TYPE %s %s\n", families[p->heads].name,
			families[p->heads].help, families[p->heads].name, family_type(p->heads));
}

static void print_series(const void *node, VISIT visit, void *closure)
{
	const struct series *s = *(struct series *const *)node;
	struct print *p = closure;

	if (visit != postorder && visit != leaf)
		return;
	print_heads(p, (int)s->family + 1);
	if (!is_shown(s, p->now_us))
		return;
	fprintf(p->out, "%s{%s} %" PRIu64 "\n", families[s->family].name, s->labels, s->value);
}

void series_print(FILE *out, int64_t now_us)
{
	struct print p = { .out = out, .now_us = now_us };

	pthread_mutex_lock(&lock);
	twalk_r(tree, print_series, &p);
	print_heads(&p, FAMILIES);
	fprintf(out,
		"# HELP wiretally_metrics_series_left_out_total Values told of series beyond the number that is kept.\n"
		"# TYPE wiretally_metrics_series_left_out_total counter\n"
		"wiretally_metrics_series_left_out_total %" PRIu64 "\n",
		left_out);
	pthread_mutex_unlock(&lock);
}
