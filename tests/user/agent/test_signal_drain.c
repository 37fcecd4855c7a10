// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * TCP and drop rows leave the tables once: from lanes and both halves, in steps when there are
 * many, and again the same after a kill between a commit and what it promised.
 */
#include "user/agent/signal_drain.h"

#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "user/agent/drain.h"
#include "user/agent/host_page.h"
#include "user/agent/signals.h"

#define SETS 512
#define LANE 64
#define SPOOL_BYTES (8u << 20)

struct rig {
	struct tables tables;
	struct signals signals;
	struct spool spool;
	struct iface_list ifaces;
	struct drain *drain;
};

static void *zeros(size_t bytes)
{
	void *at = calloc(1, bytes);

	cr_assert_not_null(at);
	return at;
}

static void make_signals(struct signals *s)
{
	static const uint32_t bytes[WT_SIGNALS] = { sizeof(struct wt_conn), sizeof(struct wt_drop),
						    sizeof(struct wt_latency) };

	s->rows = s->cpus = 2;
	for (int i = 0; i < WT_SIGNALS; i++) {
		struct signal_tally *t = &s->tally[i];

		*t = (struct signal_tally){ .sets = SETS,
					    .lane_len = LANE,
					    .record_bytes = bytes[i] };
		t->table = zeros(2ull * s->rows * SETS * 2 * bytes[i]);
		t->lanes = zeros((size_t)s->rows * LANE * bytes[i]);
		t->heads = zeros(s->cpus * sizeof(*t->heads));
	}
	s->ledgers = zeros(s->cpus * 2 * WT_SIGNALS * sizeof(*s->ledgers));
	s->shared = zeros(sizeof(*s->shared));
	s->host = zeros(sizeof(*s->host));
	cr_assert_eq(drop_names_read(&s->names), 0);
}

static void open_drain(struct rig *r)
{
	struct record_source source = { .agent = "test" };
	int err = drain_open(&r->tables, &r->spool, &r->ifaces, &source, &r->signals, &r->drain);

	cr_assert_eq(err, 0, "drain_open: %d", err);
}

static struct rig *make(void)
{
	struct rig *r = zeros(sizeof(*r));
	struct geometry *g = &r->tables.geometry;

	*g = (struct geometry){
		.cpus = 2, .rows = 2, .sets = 4, .lane_len = 8, .slots = 2, .points = 2
	};
	r->tables.table = zeros(2 * g->rows * g->sets * 2 * sizeof(struct wt_flow));
	r->tables.tags = zeros(2 * g->rows * g->sets * sizeof(struct wt_tags));
	r->tables.lanes = zeros(g->rows * g->lane_len * sizeof(struct wt_flow));
	r->tables.heads = zeros(g->cpus * sizeof(struct wt_lane_head));
	r->tables.ledgers = zeros(g->cpus * 2 * g->slots * g->points * sizeof(struct wt_ledger));
	r->tables.interfaces = zeros(WT_IF_BUCKETS * sizeof(struct wt_if));
	r->tables.control = zeros(sizeof(struct wt_control));
	r->tables.state = zeros(sizeof(struct state));
	r->tables.spool = zeros(SPOOL_BYTES);
	make_signals(&r->signals);
	spool_init(&r->spool, r->tables.state, r->tables.spool, SPOOL_BYTES);
	open_drain(r);
	return r;
}

static uint8_t *way(struct rig *r, int signal, uint32_t row, uint32_t epoch, uint32_t set, int i)
{
	struct signal_tally *t = &r->signals.tally[signal];

	return t->table + (((row * 2 + epoch) * (uint64_t)SETS + set) * 2 + i) * t->record_bytes;
}

static void see(struct rig *r, int signal, uint32_t cpu, uint32_t epoch, uint64_t n)
{
	struct wt_signal_ledger *l = &r->signals.ledgers[(cpu * 2 + epoch) * WT_SIGNALS + signal];

	l->seen.events += n;
}

/* A row of n events or packets, counted as seen. */
static void put(struct rig *r, int signal, uint32_t row, uint32_t epoch, uint32_t set, int i,
		uint64_t n)
{
	struct wt_conn conn = { .id = set * 4 + row * 2 + i + 1, .events = n, .epoch = epoch };
	struct wt_drop drop = { .reason = 3, .packets = n, .epoch = epoch };
	struct wt_latency latency = { .count = n, .epoch = epoch, .buckets = { [5] = n } };
	const void *records[WT_SIGNALS] = { &conn, &drop, &latency };

	memcpy(way(r, signal, row, epoch, set, i), records[signal],
	       r->signals.tally[signal].record_bytes);
	see(r, signal, row, epoch, n);
}

static void spill(struct rig *r, uint32_t row, uint32_t epoch, uint64_t n)
{
	struct signal_tally *t = &r->signals.tally[WT_SIGNAL_TCP];
	struct wt_conn conn = { .id = 77, .events = n, .epoch = epoch };
	uint64_t at = t->heads[row].head++ & (LANE - 1);

	memcpy(t->lanes + (row * LANE + at) * sizeof(conn), &conn, sizeof(conn));
	see(r, WT_SIGNAL_TCP, row, epoch, n);
}

static void flip(struct rig *r)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	cr_assert_eq(drain_flipped(r->drain, now.tv_sec * 1000000000ull + now.tv_nsec), 0);
}

struct sum {
	uint64_t rows[WT_SIGNALS]; /* from the batches' sums */
	uint64_t seen[WT_SIGNALS]; /* from the ledgers, and what they balance with */
	uint64_t recorded[WT_SIGNALS];
	uint64_t lost[WT_SIGNALS];
};

static void add_ledger(struct sum *sum, const struct agent_ledger *l)
{
	uint32_t signal = l->point - WT_SIGNAL_POINT;

	if (signal >= WT_SIGNALS)
		return;
	sum->seen[signal] += l->counts[COUNT_SEEN].packets;
	sum->recorded[signal] += l->counts[COUNT_RECORDED].packets;
	sum->lost[signal] += l->counts[COUNT_MISSED_NESTED].packets +
			     l->counts[COUNT_LOST_LANE_FULL].packets +
			     l->counts[COUNT_LOST_NO_ROW].packets;
}

/* Everything in the spool, taken out as the ship thread would. */
static struct sum shipped(struct rig *r)
{
	const struct spool_entry *e;
	struct sum sum = { 0 };

	while ((e = spool_next(&r->spool))) {
		const struct spool_sum *sums = (const void *)(e + 1);
		const struct agent_ledger *ledgers = (const void *)(sums + e->sums_len);

		for (uint32_t i = 0; i < e->sums_len; i++)
			if (sums[i].point >= WT_SIGNAL_POINT)
				sum.rows[sums[i].point - WT_SIGNAL_POINT] += sums[i].count.packets;
		for (uint32_t i = 0; i < e->ledgers_len; i++)
			add_ledger(&sum, &ledgers[i]);
		spool_acknowledge(&r->spool);
	}
	return sum;
}

static void harvest(struct rig *r)
{
	int left = 1;

	for (int steps = 0; left > 0; steps++) {
		left = drain_harvest(r->drain);
		cr_assert_geq(left, 0, "harvest: %d", left);
		cr_assert_lt(steps, 1000, "the harvest ends");
	}
}

static void expect(struct sum got, int signal, uint64_t seen, uint64_t recorded, const char *what)
{
	cr_assert_eq(got.seen[signal], seen, "%s: seen %lu, not %lu", what, got.seen[signal], seen);
	cr_assert_eq(got.recorded[signal], recorded, "%s: recorded %lu, not %lu", what,
		     got.recorded[signal], recorded);
	cr_assert_eq(got.rows[signal], recorded, "%s: %lu in rows, %lu recorded", what,
		     got.rows[signal], recorded);
	cr_assert_eq(seen, recorded + got.lost[signal], "%s: the ledger balances", what);
}

static struct sum plus(struct sum a, struct sum b)
{
	for (int i = 0; i < WT_SIGNALS; i++) {
		a.rows[i] += b.rows[i];
		a.seen[i] += b.seen[i];
		a.recorded[i] += b.recorded[i];
		a.lost[i] += b.lost[i];
	}
	return a;
}

Test(signal_drain, rows_of_all_kinds_leave_once)
{
	struct rig *r = make();

	put(r, WT_SIGNAL_TCP, 0, 0, 0, 0, 3);
	put(r, WT_SIGNAL_TCP, 1, 0, SETS - 1, 1, 4);
	put(r, WT_SIGNAL_DROPS, 1, 0, 5, 0, 50);
	put(r, WT_SIGNAL_LATENCIES, 0, 0, 7, 1, 60);
	put(r, WT_SIGNAL_LATENCIES, 1, 0, 7, 1, 1);
	spill(r, 1, 0, 2);
	flip(r);
	put(r, WT_SIGNAL_TCP, 0, 1, 9, 0, 100); /* the next interval's: not yet */
	harvest(r);
	struct sum first = shipped(r);

	expect(first, WT_SIGNAL_TCP, 9, 9, "TCP");
	expect(first, WT_SIGNAL_DROPS, 50, 50, "drops");
	expect(first, WT_SIGNAL_LATENCIES, 61, 61, "latencies");
	flip(r);
	harvest(r);
	struct sum second = shipped(r);

	expect(second, WT_SIGNAL_TCP, 100, 100, "the next interval");
	flip(r);
	harvest(r);
	expect(shipped(r), WT_SIGNAL_TCP, 0, 0, "nothing is left");
}

Test(signal_drain, a_full_table_takes_several_steps)
{
	struct rig *r = make();

	for (uint32_t set = 0; set < SETS; set++)
		for (int i = 0; i < 4; i++)
			put(r, WT_SIGNAL_TCP, i / 2, 0, set, i % 2, 1);
	flip(r);
	cr_assert_eq(drain_harvest(r->drain), 1, "more than one step");
	harvest(r);
	expect(shipped(r), WT_SIGNAL_TCP, SETS * 4, SETS * 4, "a full table");
	flip(r);
	harvest(r);
	expect(shipped(r), WT_SIGNAL_TCP, 0, 0, "all of it is zeroed");
}

Test(signal_drain, losses_have_names)
{
	struct rig *r = make();
	struct wt_signal_ledger *l = &r->signals.ledgers[WT_SIGNAL_TCP];

	put(r, WT_SIGNAL_TCP, 0, 0, 1, 0, 5);
	l->seen.events += 7;
	l->lane_full.events = 3;
	l->no_row.events = 4;
	l->nested.events = 2;
	r->signals.shared->missed[WT_SIGNAL_TCP] = 6;
	flip(r);
	harvest(r);
	expect(shipped(r), WT_SIGNAL_TCP, 5 + 7 + 2 + 6, 5, "with losses");
	flip(r);
	harvest(r);
	expect(shipped(r), WT_SIGNAL_TCP, 0, 0, "misses are told once");
}

/* Killed after a commit became current and before lanes and sets were given back. */
Test(signal_drain, killed_between_commit_and_apply)
{
	struct rig *r = make();
	size_t bytes = 2ull * 2 * SETS * 2 * sizeof(struct wt_conn);
	struct signal_tally *t = &r->signals.tally[WT_SIGNAL_TCP];
	uint8_t *before = zeros(bytes);
	struct sum all = { 0 };

	for (uint32_t set = 0; set < SETS; set++)
		for (int i = 0; i < 4; i++)
			put(r, WT_SIGNAL_TCP, i / 2, 0, set, i % 2, 1);
	spill(r, 0, 0, 9);
	flip(r);
	memcpy(before, t->table, bytes);
	cr_assert_eq(drain_harvest(r->drain), 1);
	memcpy(t->table, before, bytes); /* as if nothing had been zeroed … */
	t->heads[0].tail = 0; /* … nor the lane's entry given back */
	r->tables.state->applied--;
	drain_close(r->drain);
	open_drain(r);
	all = plus(all, shipped(r));
	harvest(r);
	all = plus(all, shipped(r));
	expect(all, WT_SIGNAL_TCP, SETS * 4 + 9, SETS * 4 + 9, "after the kill");
}

/* The attacher was killed too: its tables are gone, its rows of open intervals are not. */
Test(signal_drain, new_tables_after_a_kill_within_an_interval)
{
	struct rig *r = make();
	struct sum all = { 0 };

	for (uint32_t set = 0; set < SETS; set++)
		for (int i = 0; i < 4; i++)
			put(r, WT_SIGNAL_TCP, i / 2, 0, set, i % 2, 1);
	put(r, WT_SIGNAL_DROPS, 0, 0, 3, 0, 20);
	flip(r);
	cr_assert_eq(drain_harvest(r->drain), 1, "killed with the interval open");
	drain_close(r->drain);
	make_signals(&r->signals);
	signals_forget(r->tables.state);
	open_drain(r);
	put(r, WT_SIGNAL_TCP, 0, 0, 0, 0, 7);
	harvest(r);
	all = shipped(r);
	cr_assert_gt(all.rows[WT_SIGNAL_TCP], 7, "rows of before the kill");
	expect(all, WT_SIGNAL_TCP, all.rows[WT_SIGNAL_TCP], all.rows[WT_SIGNAL_TCP], "TCP");
	expect(all, WT_SIGNAL_DROPS, 20, 20, "drops");
	flip(r);
	harvest(r);
	expect(shipped(r), WT_SIGNAL_TCP, 0, 0, "told once");
}

/* Programs write to the other half as soon as it is flipped; the drain hears of it after grace. */
Test(signal_drain, rows_of_a_flip_under_way_are_the_next_intervals)
{
	struct rig *r = make();
	const struct spool_entry *e;

	for (int i = 0; i < LANE / 4; i++)
		spill(r, 0, 1, 1);
	cr_assert_eq(drain_relieve(r->drain), 0);
	e = spool_next(&r->spool);
	cr_assert_not_null(e);
	cr_expect_eq(spool_sums(e)->interval, 2, "interval %lu", spool_sums(e)->interval);
	spool_acknowledge(&r->spool);
	flip(r);
	harvest(r);
	expect(shipped(r), WT_SIGNAL_TCP, 0, 0, "the first interval had none");
	flip(r);
	harvest(r);
	struct sum second = shipped(r);

	cr_expect_eq(second.seen[WT_SIGNAL_TCP], LANE / 4);
	cr_expect_eq(second.recorded[WT_SIGNAL_TCP], LANE / 4);
}

static void publish(struct rig *r, uint64_t base, uint64_t value)
{
	struct host_page *page = r->signals.host;
	struct host_snapshot *s = host_page_begin(page);

	s->base = base;
	s->len = 1;
	s->at[0] = (struct host_count){ .value = value, .netns = 5, .name = "tcp/timeouts" };
	host_page_publish(page, s);
}

/* The values of all host counts in the spool, taken out; *interval is the last one's. */
static uint64_t host_values(struct rig *r, uint64_t *interval)
{
	const struct spool_entry *e;
	uint64_t sum = 0;

	while ((e = spool_next(&r->spool))) {
		AUTO(batch_free) struct batch *b = NULL;
		AUTO_FREE uint8_t *plain = NULL;
		const char *why;
		size_t len;

		cr_assert_eq(
			batch_decompress(spool_body(e), e->body_len, BATCH_BYTES_MAX, &plain, &len),
			0);
		cr_assert_eq(batch_decode(plain, len, &b, &why), 0, "%s", why);
		for (size_t i = 0; i < b->host_counts_len; i++) {
			cr_expect_str_eq(b->host_counts[i].name, "tcp/timeouts");
			cr_expect_eq(b->host_counts[i].netns, 5);
			sum += b->host_counts[i].value;
			*interval = b->head.interval;
		}
		spool_acknowledge(&r->spool);
	}
	return sum;
}

Test(signal_drain, host_counts_leave_once)
{
	struct rig *r = make();
	uint64_t interval = 0;

	publish(r, 0, 7);
	flip(r);
	harvest(r);
	cr_expect_eq(host_values(r, &interval), 7);
	cr_expect_eq(interval, 1);
	drain_close(r->drain); /* another shipper goes on */
	open_drain(r);
	flip(r);
	harvest(r);
	cr_expect_eq(host_values(r, &interval), 0, "the same snapshot");
	publish(r, 1, 3);
	flip(r);
	harvest(r);
	cr_expect_eq(host_values(r, &interval), 3);
	cr_expect_eq(interval, 3);
	signals_forget(r->tables.state); /* another attacher: its page begins anew */
	memset(r->signals.host, 0, sizeof(*r->signals.host));
	publish(r, 0, 2);
	flip(r);
	harvest(r);
	cr_expect_eq(host_values(r, &interval), 2);
}
