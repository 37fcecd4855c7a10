// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Rows of the signal tallies in, batches and ledger rows out. */
#include "user/agent/signal_drain.h"

#include <errno.h>
#include <string.h>

#include "user/agent/cgroups.h"
#include "user/agent/drain.h"
#include "user/agent/host_page.h"
#include "user/agent/signal_record.h"
#include "user/agent/signals.h"

struct signal_drain {
	struct signals *signals;
	struct cgroups *cgroups;
	uint64_t zeroed[WT_SIGNALS]; /* sets of the idle half that are clean again */
	uint8_t *taken; /* raw rows of one step */
	uint32_t taken_len;
	uint32_t taken_max;
	struct connection *connections;
	struct drop *drops;
	struct latency *latencies;
	struct host_taker *host;
};

static const size_t weight_at[WT_SIGNALS] = {
	[WT_SIGNAL_TCP] = offsetof(struct wt_conn, events),
	[WT_SIGNAL_DROPS] = offsetof(struct wt_drop, packets),
	[WT_SIGNAL_LATENCIES] = offsetof(struct wt_latency, count),
};

static const size_t epoch_at[WT_SIGNALS] = {
	[WT_SIGNAL_TCP] = offsetof(struct wt_conn, epoch),
	[WT_SIGNAL_DROPS] = offsetof(struct wt_drop, epoch),
	[WT_SIGNAL_LATENCIES] = offsetof(struct wt_latency, epoch),
};

int signal_drain_open(struct signals *signals, struct signal_drain **ret)
{
	struct signal_drain *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->signals = signals;
	s->taken = malloc((size_t)SIGNAL_CHUNK_ROWS * sizeof(struct wt_conn));
	s->connections = calloc(SIGNAL_CHUNK_ROWS, sizeof(*s->connections));
	s->drops = calloc(SIGNAL_CHUNK_ROWS, sizeof(*s->drops));
	s->latencies = calloc(SIGNAL_CHUNK_ROWS, sizeof(*s->latencies));
	s->host = calloc(1, sizeof(*s->host));
	if (!s->taken || !s->connections || !s->drops || !s->latencies || !s->host ||
	    cgroups_new(&s->cgroups)) {
		signal_drain_close(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

void signal_drain_close(struct signal_drain *s)
{
	if (!s)
		return;
	cgroups_free(s->cgroups);
	free(s->taken);
	free(s->connections);
	free(s->drops);
	free(s->latencies);
	free(s->host);
	free(s);
}

static uint32_t chunk_rows(const struct drain *d)
{
	size_t rows = d->spool->ring_bytes / 8 / WT_SIGNALS / SIGNAL_ROW_BYTES;

	return rows < SIGNAL_CHUNK_ROWS ? rows : SIGNAL_CHUNK_ROWS;
}

size_t signal_drain_worst(const struct drain *d)
{
	size_t rows = (size_t)chunk_rows(d) * SIGNAL_ROW_BYTES * WT_SIGNALS;

	if (!d->signals)
		return 0;
	return rows + (size_t)host_page_limit(d->spool->ring_bytes) * HOST_COUNT_BYTES;
}

static uint64_t fullest(const struct drain *d, enum wt_signal signal)
{
	const struct signals *s = d->signals->signals;
	const struct commit *c = &d->state->commit[d->state->current];
	uint64_t most = 0;

	for (uint32_t row = 0; s->tally[signal].record_bytes && row < s->rows; row++) {
		uint64_t head =
			__atomic_load_n(&s->tally[signal].heads[row].head, __ATOMIC_RELAXED);

		if (head - c->signal_tail[signal][row] > most)
			most = head - c->signal_tail[signal][row];
	}
	return most;
}

bool signal_drain_moved(const struct drain *d)
{
	bool moved = false;

	for (int i = 0; d->signals && i < WT_SIGNALS; i++)
		moved |= fullest(d, i) != 0;
	return moved;
}

bool signal_drain_pressed(const struct drain *d)
{
	const struct signal_tally *tally;
	bool pressed = false;

	for (int i = 0; d->signals && i < WT_SIGNALS; i++) {
		tally = &d->signals->signals->tally[i];
		pressed |= tally->record_bytes && fullest(d, i) >= tally->lane_len / 4;
	}
	return pressed;
}

static void take_record(struct signal_drain *s, const uint8_t *record, uint32_t bytes)
{
	memcpy(s->taken + (size_t)s->taken_len++ * bytes, record, bytes);
}

/* True when the lanes are empty. */
static bool take_lanes(struct drain *d, enum wt_signal signal)
{
	struct signal_drain *s = d->signals;
	const struct signal_tally *t = &s->signals->tally[signal];

	for (uint32_t row = 0; row < s->signals->rows; row++) {
		uint64_t head = __atomic_load_n(&t->heads[row].head, __ATOMIC_ACQUIRE);
		uint64_t *tail = &d->next->signal_tail[signal][row];
		const uint8_t *lane = t->lanes + (size_t)row * t->lane_len * t->record_bytes;

		for (; *tail < head; ++*tail) {
			if (s->taken_len == s->taken_max)
				return false;
			take_record(s, lane + (*tail & (t->lane_len - 1)) * t->record_bytes,
				    t->record_bytes);
		}
	}
	return true;
}

static uint8_t *way_at(const struct signals *s, const struct signal_tally *t, uint32_t row,
		       uint32_t epoch, uint64_t set, int way)
{
	return t->table +
	       ((((uint64_t)row * 2 + epoch) * t->sets + set) * 2 + way) * t->record_bytes;
}

static uint64_t weight_of(const uint8_t *record, enum wt_signal signal)
{
	uint64_t weight;

	memcpy(&weight, record + weight_at[signal], sizeof(weight));
	return weight;
}

/* True when the idle half is taken to its end. */
static bool take_sets(struct drain *d, enum wt_signal signal)
{
	struct signal_drain *s = d->signals;
	const struct signal_tally *t = &s->signals->tally[signal];
	uint32_t idle = 1 - d->next->active, rows = s->signals->rows;
	uint64_t *cursor = &d->next->signal_cursor[signal];

	for (; *cursor < t->sets; ++*cursor) {
		if (s->taken_len + rows * 2 > s->taken_max)
			return false;
		for (uint32_t i = 0; i < rows * 2; i++) {
			const uint8_t *way = way_at(s->signals, t, i / 2, idle, *cursor, i % 2);

			if (weight_of(way, signal))
				take_record(s, way, t->record_bytes);
		}
	}
	return true;
}

/* One row into the batch, and what it counts. */
static struct wt_count add_connection(struct drain *d, const void *record, struct batch *b)
{
	const struct wt_conn *conn = record;

	signal_record_connection(conn, d->signals->cgroups, d->offset_ns,
				 &b->connections[b->connections_len++]);
	return (struct wt_count){ conn->events, 0 };
}

static struct wt_count add_drop(struct drain *d, const void *record, struct batch *b)
{
	const struct wt_drop *drop = record;

	signal_record_drop(drop, d->signals->signals->names, d->offset_ns,
			   &b->drops[b->drops_len++]);
	return (struct wt_count){ drop->packets, drop->bytes };
}

static struct wt_count add_latency(struct drain *d, const void *record, struct batch *b)
{
	const struct wt_latency *latency = record;

	signal_record_latency(latency, d->offset_ns, &b->latencies[b->latencies_len++]);
	return (struct wt_count){ latency->count, 0 };
}

static struct wt_count (*const add_row[WT_SIGNALS])(struct drain *d, const void *record,
						    struct batch *b) = {
	[WT_SIGNAL_TCP] = add_connection,
	[WT_SIGNAL_DROPS] = add_drop,
	[WT_SIGNAL_LATENCIES] = add_latency,
};

/* The taken rows of one epoch as one batch. */
static int ship(struct drain *d, enum wt_signal signal, uint32_t epoch)
{
	struct signal_drain *s = d->signals;
	uint32_t bytes = s->signals->tally[signal].record_bytes;
	struct wt_count *recorded = &d->next->signal_recorded[epoch][signal];
	struct batch b = {
		.head = { .clock_offset_ns = d->offset_ns,
			  .interval = commit_interval(d->next, epoch) },
		.connections = s->connections,
		.drops = s->drops,
		.latencies = s->latencies,
	};

	for (uint32_t i = 0; i < s->taken_len; i++) {
		const uint8_t *record = s->taken + (size_t)i * bytes;
		struct wt_count row;

		if (record[epoch_at[signal]] != epoch)
			continue;
		row = add_row[signal](d, record, &b);
		recorded->packets += row.packets;
		recorded->l2_bytes += row.l2_bytes;
	}
	if (!b.connections_len && !b.drops_len && !b.latencies_len)
		return 0;
	return record_ship(d->spool, d->next, &d->source, &b, NULL);
}

int signal_drain_take(struct drain *d, bool harvesting)
{
	struct signal_drain *s = d->signals;
	bool all = true;
	int err = 0;

	for (int i = 0; s && i < WT_SIGNALS && !err; i++) {
		bool empty;

		if (!s->signals->tally[i].record_bytes)
			continue;
		s->taken_len = 0;
		s->taken_max = chunk_rows(d);
		empty = take_lanes(d, i);
		if (empty && harvesting)
			empty = take_sets(d, i);
		all &= empty;
		err = ship(d, i, 1 - d->next->active);
		if (!err)
			err = ship(d, i, d->next->active);
	}
	return err ? err : !all;
}

static void zero_sets(struct signal_drain *s, enum wt_signal signal, uint32_t epoch, uint64_t to)
{
	const struct signal_tally *t = &s->signals->tally[signal];

	for (; s->zeroed[signal] < to; s->zeroed[signal]++)
		for (uint32_t i = 0; i < s->signals->rows * 2; i++)
			memset(way_at(s->signals, t, i / 2, epoch, s->zeroed[signal], i % 2), 0,
			       t->record_bytes);
}

void signal_drain_apply(struct drain *d, const struct commit *c)
{
	struct signal_drain *s = d->signals;

	for (int i = 0; s && i < WT_SIGNALS; i++) {
		struct signal_tally *t = &s->signals->tally[i];

		if (!t->record_bytes)
			continue;
		for (uint32_t row = 0; row < s->signals->rows; row++)
			__atomic_store_n(&t->heads[row].tail, c->signal_tail[i][row],
					 __ATOMIC_RELEASE);
		zero_sets(s, i, 1 - c->active,
			  c->phase == PHASE_HARVESTING ? c->signal_cursor[i] : t->sets);
	}
}

void signal_drain_recover(struct drain *d, const struct commit *c, bool applied)
{
	struct signal_drain *s = d->signals;

	for (int i = 0; s && i < WT_SIGNALS; i++) {
		bool collecting = c->phase != PHASE_HARVESTING;
		uint64_t done = collecting ? s->signals->tally[i].sets : c->signal_cursor[i];

		s->zeroed[i] = applied ? done : 0;
	}
}

void signal_drain_flipped(struct drain *d)
{
	for (int i = 0; d->signals && i < WT_SIGNALS; i++)
		d->signals->zeroed[i] = d->next->signal_cursor[i] = 0;
}

static void add(struct wt_count *to, const struct wt_signal_count *from)
{
	to->packets += from->events;
	to->l2_bytes += from->bytes;
}

bool signal_drain_ledger(struct drain *d, uint32_t idle, enum wt_signal signal,
			 struct agent_ledger *row)
{
	struct signals *s = d->signals ? d->signals->signals : NULL;
	struct wt_count *counts = row->counts;
	uint64_t missed;

	if (!s || !s->tally[signal].record_bytes)
		return false;
	for (uint32_t cpu = 0; cpu < s->cpus; cpu++) {
		const struct wt_signal_ledger *l =
			&s->ledgers[(cpu * 2 + idle) * WT_SIGNALS + signal];

		add(&counts[COUNT_SEEN], &l->seen);
		add(&counts[COUNT_SEEN], &l->nested);
		add(&counts[COUNT_MISSED_NESTED], &l->nested);
		add(&counts[COUNT_LOST_LANE_FULL], &l->lane_full);
		add(&counts[COUNT_LOST_NO_ROW], &l->no_row);
	}
	/* Runs that the kernel refused never reached us: what they would count is unknown. */
	missed = __atomic_load_n(&s->shared->missed[signal], __ATOMIC_RELAXED);
	if (missed > d->next->signal_missed[signal]) {
		counts[COUNT_SEEN].packets += missed - d->next->signal_missed[signal];
		counts[COUNT_MISSED_NESTED].packets += missed - d->next->signal_missed[signal];
	}
	d->next->signal_missed[signal] = missed;
	counts[COUNT_RECORDED] = d->next->signal_recorded[idle][signal];
	d->next->signal_recorded[idle][signal] = (struct wt_count){ 0 };
	row->point = WT_SIGNAL_POINT + signal;
	return counts[COUNT_SEEN].packets || counts[COUNT_RECORDED].packets;
}

int signal_drain_host_counts(struct drain *d, uint64_t interval)
{
	struct host_taker *host = d->signals ? d->signals->host : NULL;
	uint64_t number;
	struct batch b = {
		.head = { .clock_offset_ns = d->offset_ns, .interval = interval },
	};
	int err;

	if (!host || !d->signals->signals->host ||
	    !host_page_take(d->signals->signals->host, d->next->host_taken, host, &number))
		return 0;
	b.host_counts = host->at;
	b.host_counts_len = host->len;
	err = host->len ? record_ship(d->spool, d->next, &d->source, &b, NULL) : 0;
	if (!err)
		d->next->host_taken = number;
	return err;
}

void signal_drain_zero_ledger(struct drain *d, uint32_t epoch)
{
	struct signals *s = d->signals ? d->signals->signals : NULL;

	for (uint32_t cpu = 0; s && cpu < s->cpus; cpu++)
		memset(&s->ledgers[(cpu * 2 + epoch) * WT_SIGNALS], 0,
		       WT_SIGNALS * sizeof(*s->ledgers));
}
