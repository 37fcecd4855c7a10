// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A budget in, loaded signal programs and their tallies as memory out. */
#include "user/agent/signals.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

#include <bpf/bpf.h>

#include "user/agent/host_counts.h"
#include "user/agent/host_page.h"
#include "user/agent/netns_walk.h"
#include "user/agent/record.h"
#include "user/agent/spool.h"
#include "user/lib/log.h"

#define CONNECTION_BYTES 512 /* of the table of live connections, with the kernel's overhead */

static uint64_t power_of_two_below(uint64_t n)
{
	uint64_t power = 1;

	while (power * 2 <= n)
		power *= 2;
	return power;
}

static size_t whole_pages(size_t bytes)
{
	size_t page = sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

static void *map_fd(int fd, size_t bytes)
{
	void *at = mmap(NULL, whole_pages(bytes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

static size_t table_bytes(const struct signals *s, const struct signal_tally *t)
{
	return 2ull * s->rows * t->sets * 2 * t->record_bytes;
}

static size_t lanes_bytes(const struct signals *s, const struct signal_tally *t)
{
	return (size_t)s->rows * t->lane_len * t->record_bytes;
}

static size_t ledgers_bytes(const struct signals *s)
{
	return (size_t)s->cpus * 2 * WT_SIGNALS * sizeof(struct wt_signal_ledger);
}

/*
 * Less than half of the budget to connections, their rows a quarter and lanes an eighth; latencies
 * and drops the rest.
 */
static void fit(struct signals *s, uint64_t budget)
{
	struct signal_tally *conn = &s->tally[WT_SIGNAL_TCP], *drop = &s->tally[WT_SIGNAL_DROPS];
	struct signal_tally *latency = &s->tally[WT_SIGNAL_LATENCIES];
	const uint64_t row_bytes = (uint64_t)s->rows * sizeof(struct wt_latency);

	*conn = (struct signal_tally){ .record_bytes = sizeof(struct wt_conn) };
	*drop = (struct signal_tally){ .record_bytes = sizeof(struct wt_drop) };
	*latency = (struct signal_tally){ .record_bytes = sizeof(struct wt_latency) };
	s->connections_max = budget / 16 * 7 / CONNECTION_BYTES;
	latency->sets = power_of_two_below(budget / 16 / (4 * row_bytes));
	latency->lane_len = power_of_two_below(budget / 32 / row_bytes);
	conn->sets = power_of_two_below(budget / 4 / (4ull * s->rows * conn->record_bytes));
	conn->lane_len = power_of_two_below(budget / 8 / ((uint64_t)s->rows * conn->record_bytes));
	drop->sets = power_of_two_below(budget / 16 / (4ull * s->rows * drop->record_bytes));
	drop->lane_len = power_of_two_below(budget / 32 / ((uint64_t)s->rows * drop->record_bytes));
}

static int map_tally(struct signals *s, struct signal_tally *t, struct signal_maps maps)
{
	t->table = map_fd(maps.table, table_bytes(s, t));
	t->lanes = map_fd(maps.lanes, lanes_bytes(s, t));
	t->heads = map_fd(maps.heads, s->cpus * sizeof(*t->heads));
	if (!t->table || !t->lanes || !t->heads)
		return -ENOMEM;
	s->bytes += table_bytes(s, t) + lanes_bytes(s, t);
	return 0;
}

static int start_tcp(struct signals *s, struct signal_options *o)
{
	struct signal_tally *t = &s->tally[WT_SIGNAL_TCP];
	struct signal_tally *latency = &s->tally[WT_SIGNAL_LATENCIES];
	int err;

	o->latency_sets = latency->sets;
	o->latency_lane_len = latency->lane_len;
	o->sets = t->sets;
	o->lane_len = t->lane_len;
	o->connections = s->connections_max;
	err = tcp_signal_start(o, &s->tcp);
	if (!err)
		err = map_tally(s, t, tcp_signal_maps(s->tcp));
	if (!err)
		err = map_tally(s, latency, tcp_signal_latency_maps(s->tcp));
	if (!err)
		s->bytes += s->connections_max * CONNECTION_BYTES;
	return err;
}

static int start_drops(struct signals *s, struct signal_options *o)
{
	struct signal_tally *t = &s->tally[WT_SIGNAL_DROPS];
	int err = drop_names_read(&s->names);

	o->sets = t->sets;
	o->lane_len = t->lane_len;
	if (!err)
		err = drop_signal_start(o, s->names, &s->drops);
	return err ? err : map_tally(s, t, drop_signal_maps(s->drops));
}

static void add_choice(struct signals *s, const char *signal, int err)
{
	struct signal_choice *c = &s->choices[s->choices_len];

	if (s->choices_len == SIGNAL_CHOICES_MAX)
		return;
	*c = (struct signal_choice){ 0 };
	snprintf(c->signal, sizeof(c->signal), "%s", signal);
	snprintf(c->why, sizeof(c->why), "not observed: %s", strerror(-err));
	s->choices_len++;
}

static void start_both(struct signals *s, struct signal_options *o)
{
	int err = start_tcp(s, o);

	if (err) {
		log_warn("TCP connections are not observed: %s", strerror(-err));
		s->tally[WT_SIGNAL_TCP].record_bytes = 0;
		s->tally[WT_SIGNAL_LATENCIES].record_bytes = 0;
		add_choice(s, "tcp", err);
	} else {
		s->choices_len += tcp_signal_choices(s->tcp, s->choices + s->choices_len,
						     SIGNAL_CHOICES_MAX - s->choices_len);
	}
	err = start_drops(s, o);
	if (err) {
		log_warn("drops are not observed: %s", strerror(-err));
		s->tally[WT_SIGNAL_DROPS].record_bytes = 0;
		add_choice(s, "drops", err);
	} else {
		s->choices_len += drop_signal_choices(s->drops, s->choices + s->choices_len,
						      SIGNAL_CHOICES_MAX - s->choices_len);
	}
}

static void *share_memory(size_t bytes)
{
	void *at = mmap(NULL, whole_pages(bytes), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

static int make_shared(struct signals *s)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);

	s->ledgers_fd =
		bpf_map_create(BPF_MAP_TYPE_ARRAY, "wt_signal_ledge", 4,
			       sizeof(struct wt_signal_ledger), s->cpus * 2 * WT_SIGNALS, &opts);
	if (s->ledgers_fd < 0)
		return -errno;
	s->ledgers = map_fd(s->ledgers_fd, ledgers_bytes(s));
	s->shared = share_memory(sizeof(*s->shared));
	s->host = share_memory(sizeof(*s->host));
	return s->ledgers && s->shared && s->host ? 0 : -ENOMEM;
}

/*
 * Rows of intervals that a killed agent did not close: they are on their way or stored already,
 * and only this says so. Their kernel ledger is gone, so seen is what was recorded; the rest of it
 * is the crash record's to name.
 */
static void tell_recorded(struct commit *next, const struct state *state)
{
	int64_t offset_ns = record_clock_offset_ns();
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	for (int i = 0; i < 2 * WT_SIGNALS; i++) {
		uint32_t epoch = i / WT_SIGNALS, signal = i % WT_SIGNALS;
		const struct wt_count *count = &next->signal_recorded[epoch][signal];
		struct agent_ledger row = {
			.interval = commit_interval(next, epoch),
			.start_us = ((int64_t)next->start_ns[next->active] + offset_ns) / 1000,
			.end_us = now.tv_sec * 1000000ll + now.tv_nsec / 1000,
			.netns = state->netns,
			.point = WT_SIGNAL_POINT + signal,
		};

		row.counts[COUNT_SEEN] = row.counts[COUNT_RECORDED] = *count;
		if (count->packets)
			carry_add(next, &row);
	}
}

void signals_forget(struct state *state)
{
	uint32_t other = 1 - (state->current & 1);
	struct commit *next = &state->commit[other];

	*next = state->commit[1 - other];
	tell_recorded(next, state);
	memset(next->signal_tail, 0, sizeof(next->signal_tail));
	memset(next->signal_cursor, 0, sizeof(next->signal_cursor));
	memset(next->signal_missed, 0, sizeof(next->signal_missed));
	memset(next->signal_recorded, 0, sizeof(next->signal_recorded));
	next->host_taken = 0;
	__atomic_store_n(&state->current, other, __ATOMIC_RELEASE);
}

int signals_start(enum hook_family family, uint64_t budget, int controls_fd, struct state *state,
		  struct signals **ret)
{
	AUTO(signals_free) struct signals *s = calloc(1, sizeof(*s));
	uint64_t secret[SIGNALS_NH_WORDS + 1];
	struct signal_options o = {
		.family = family,
		.netns = state->netns,
		.secret = secret,
		.secret_words = SIGNALS_NH_WORDS,
		.controls_fd = controls_fd,
	};
	int err;

	if (!s)
		return -ENOMEM;
	s->ledgers_fd = -1;
	s->rows = o.rows = state->geometry.rows;
	s->cpus = o.cpus = state->geometry.cpus;
	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		return -EIO;
	fit(s, budget);
	err = make_shared(s);
	if (err)
		return err;
	o.ledgers_fd = s->ledgers_fd;
	s->state = state;
	signals_forget(state);
	start_both(s, &o);
	err = host_counts_new(s->host, host_page_limit(state->geometry.spool_bytes), state->netns,
			      &s->host_counts);
	if (err)
		log_warn("what the host counts is not told: %s", strerror(-err));
	signals_sweep(s);
	fprintf(stderr, "TCP and drops: %llu connections, %.4g MiB\n",
		(unsigned long long)s->connections_max, s->bytes / (double)(1 << 20));
	*ret = TAKE(s);
	return 0;
}

/* Which snapshot of the host's counts the shipper's current commit says is shipped. */
static uint64_t host_taken(const struct state *state)
{
	uint32_t current;
	uint64_t taken;

	do { /* a commit is only written to while another is current */
		current = __atomic_load_n(&state->current, __ATOMIC_ACQUIRE);
		taken = __atomic_load_n(&state->commit[current & 1].host_taken, __ATOMIC_ACQUIRE);
	} while (current != __atomic_load_n(&state->current, __ATOMIC_ACQUIRE));
	return taken;
}

static int visit_netns(void *arg, uint32_t netns)
{
	struct signals *s = arg;
	struct wt_sockets sockets;
	int err = s->tcp ? tcp_signal_sweep_here(s->tcp, &sockets) : -EOPNOTSUPP;

	if (s->host_counts)
		host_counts_netns(s->host_counts, netns, err ? NULL : &sockets);
	return err == -EOPNOTSUPP ? 0 : err;
}

void signals_sweep(struct signals *s)
{
	int err;

	if (s->host_counts)
		host_counts_begin(s->host_counts, host_taken(s->state));
	err = netns_walk(visit_netns, s);
	if (s->tcp)
		err = tcp_signal_sweep_rest(s->tcp) ?: err;
	if (err)
		log_debug("sockets of a network namespace were not swept: %s", strerror(-err));
	if (s->host_counts)
		host_counts_end(s->host_counts);
	if (s->tcp)
		__atomic_store_n(&s->shared->missed[WT_SIGNAL_TCP], tcp_signal_missed(s->tcp),
				 __ATOMIC_RELAXED);
	if (s->drops)
		__atomic_store_n(&s->shared->missed[WT_SIGNAL_DROPS], drop_signal_missed(s->drops),
				 __ATOMIC_RELAXED);
}

void signals_stop(struct signals *s)
{
	if (!s)
		return;
	signals_sweep(s);
	tcp_signal_stop(TAKE(s->tcp));
	drop_signal_stop(TAKE(s->drops));
}

void signals_free(struct signals *s)
{
	if (!s)
		return;
	tcp_signal_stop(s->tcp);
	drop_signal_stop(s->drops);
	for (int i = 0; i < WT_SIGNALS; i++) {
		struct signal_tally *t = &s->tally[i];

		if (t->table)
			munmap(t->table, whole_pages(table_bytes(s, t)));
		if (t->lanes)
			munmap(t->lanes, whole_pages(lanes_bytes(s, t)));
		if (t->heads)
			munmap(t->heads, whole_pages(s->cpus * sizeof(*t->heads)));
	}
	if (s->ledgers)
		munmap(s->ledgers, whole_pages(ledgers_bytes(s)));
	if (s->shared)
		munmap(s->shared, whole_pages(sizeof(*s->shared)));
	if (s->host)
		munmap(s->host, whole_pages(sizeof(*s->host)));
	host_counts_free(s->host_counts);
	close_fd(s->ledgers_fd);
	drop_names_free(s->names);
	free(s);
}

enum hook_family signals_family(const char *word)
{
	static const char *const words[HOOK_FAMILIES] = {
		[HOOKS_AUTO] = "auto",
		[HOOKS_TRACEPOINT] = "tracepoint",
		[HOOKS_FENTRY] = "fentry",
		[HOOKS_KPROBE] = "kprobe",
	};
	int i = 0;

	while (i < HOOK_FAMILIES && strcmp(words[i], word))
		i++;
	return i;
}
