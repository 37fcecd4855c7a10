// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Lanes and the idle half in, spool entries and ledgers out, one commit at a time. */
#include "user/agent/drain.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "user/agent/crashlog.h"
#include "user/agent/ledger.h"
#include "user/lib/log.h"

static uint32_t at_most(uint32_t n, size_t limit)
{
	return n < limit ? n : limit;
}

static const struct commit *current(const struct drain *d)
{
	return &d->state->commit[d->state->current];
}

/* A commit without the unused end of its carry list. */
static void commit_copy(struct commit *to, const struct commit *from)
{
	memcpy(to, from, offsetof(struct commit, carry) + from->carry_len * sizeof(*from->carry));
}

static bool is_free(const struct wt_flow *row)
{
	return !row->packets;
}

static void zero_ledgers(struct drain *d, uint32_t epoch)
{
	ledger_zero(d->tables, epoch);
	signal_drain_zero_ledger(d, epoch);
}

/* What the current commit promised about kernel memory. Doing it twice changes nothing. */
static void apply(struct drain *d)
{
	const struct commit *c = current(d);
	struct tables *t = d->tables;
	uint32_t taken = c->phase == PHASE_HARVESTING ? c->cursor : t->geometry.sets;

	spool_apply(d->spool, c);
	for (uint32_t row = 0; row < t->geometry.rows; row++)
		__atomic_store_n(&t->heads[row].tail, c->lane_tail[row], __ATOMIC_RELEASE);
	if (d->zeroed < taken) {
		tables_zero(t, 1 - c->active, d->zeroed, taken);
		d->zeroed = taken;
	}
	if (c->phase == PHASE_COLLECTING && !d->ledgers_zeroed) {
		zero_ledgers(d, 1 - c->active);
		d->ledgers_zeroed = true;
		if (d->crashlog)
			crashlog_zeroed(d->crashlog);
	}
	signal_drain_apply(d, c);
	__atomic_store_n(&d->state->applied, c->number, __ATOMIC_RELEASE);
}

static void publish(struct drain *d)
{
	uint32_t other = 1 - d->state->current;

	commit_copy(&d->state->commit[other], d->next);
	outlet_announce(d->source.outlet, d->next->next_sequence);
	__atomic_store_n(&d->state->current, other, __ATOMIC_RELEASE);
	outlet_give(d->source.outlet);
	if (d->crashlog && d->closing)
		crashlog_close_end(d->crashlog, d->next->active);
	d->closing = false;
	apply(d);
}

/* A copy of the current commit to change, with room in the spool for what a step can ship. */
static void begin(struct drain *d)
{
	size_t worst = (size_t)d->merge->cap * RECORD_ROW_BYTES;
	size_t ledgers = (size_t)d->tables->geometry.slots * d->tables->geometry.points +
			 WT_SIGNALS + STATE_CARRY_MAX;

	commit_copy(d->next, current(d));
	d->next->number++;
	if (spool_take_refused(d->spool, d->next) |
	    spool_reserve(d->spool, d->next,
			  worst + signal_drain_worst(d) + ledgers * RECORD_LEDGER_BYTES)) {
		publish(d);
		commit_copy(d->next, current(d));
		d->next->number++;
	}
	merge_clear(d->merge);
	d->offset_ns = record_clock_offset_ns();
}

static int ship_rows(struct drain *d, uint32_t epoch)
{
	struct batch b = {
		.head = { .clock_offset_ns = d->offset_ns,
			  .interval = commit_interval(d->next, epoch) },
		.flows = d->rows,
		.flows_len = d->rows_len,
	};

	d->rows_len = 0;
	return b.flows_len ? record_ship(d->spool, d->next, &d->source, &b, NULL) : 0;
}

static struct flow *add_row(struct drain *d, uint32_t epoch, int *err)
{
	if (d->rows_len == d->rows_max)
		*err = ship_rows(d, epoch);
	return &d->rows[d->rows_len++];
}

/* The merged rows of one epoch. They are `recorded` from here on. */
static int ship_merged(struct drain *d, uint32_t epoch)
{
	const struct geometry *g = &d->tables->geometry;
	int err = 0;

	for (uint32_t i = 0; i < d->merge->len && !err; i++) {
		const struct wt_flow *row = &d->merge->rows[i];
		const struct wt_if *iface;
		uint32_t point = 0;
		struct wt_count *recorded;

		if (row->epoch != epoch)
			continue;
		iface = tables_interface(d->tables, row->key.ifindex);
		point += row->key.mark & WT_MARK_EGRESS ? WT_POINT_EGRESS : 0;
		point += row->key.mark & WT_MARK_INNER ? WT_POINT_INNER_INGRESS : 0;
		recorded = &d->next->recorded[epoch][(iface ? iface->slot : 0) * g->points + point];
		recorded->packets += row->packets;
		recorded->l2_bytes += row->l2_bytes;
		record_from_flow(row, d->offset_ns, add_row(d, epoch, &err));
	}
	return err;
}

/* Lane entries into the merge table, until it is full. True when the lanes are empty. */
static bool take_lanes(struct drain *d)
{
	struct tables *t = d->tables;
	uint32_t mask = t->geometry.lane_len - 1;

	for (uint32_t row = 0; row < t->geometry.rows; row++) {
		uint64_t head = __atomic_load_n(&t->heads[row].head, __ATOMIC_ACQUIRE);
		const struct wt_flow *lane = t->lanes + (uint64_t)row * t->geometry.lane_len;

		for (; d->next->lane_tail[row] < head; d->next->lane_tail[row]++)
			if (!merge_add(d->merge, &lane[d->next->lane_tail[row] & mask]))
				return false;
	}
	return true;
}

/* Both ways of set `set` of every row, all or nothing. */
static bool take_set(struct drain *d, uint32_t epoch, uint32_t set)
{
	struct tables *t = d->tables;

	if (d->merge->len + t->geometry.rows * 2 > d->merge->cap)
		return false;
	for (uint32_t row = 0; row < t->geometry.rows; row++) {
		const struct wt_flow *way = tables_set(t, row, epoch, set);

		for (int i = 0; i < 2; i++)
			if (!is_free(&way[i]))
				merge_add(d->merge, &way[i]);
	}
	return true;
}

static int ship_all(struct drain *d)
{
	uint32_t idle = 1 - d->next->active;
	int err = ship_merged(d, idle);

	if (!err)
		err = ship_rows(d, idle);
	if (!err)
		err = ship_merged(d, d->next->active);
	return err ? err : ship_rows(d, d->next->active);
}

static bool flows_pressed(const struct drain *d)
{
	const struct tables *t = d->tables;
	uint64_t fullest = 0;

	for (uint32_t row = 0; row < t->geometry.rows; row++) {
		uint64_t used = __atomic_load_n(&t->heads[row].head, __ATOMIC_ACQUIRE) -
				current(d)->lane_tail[row];

		fullest = used > fullest ? used : fullest;
	}
	return fullest >= t->geometry.lane_len / 4;
}

/*
 * Each kind for itself: rows that left before their interval's ledger are in none if the tables
 * end with a killed agent, so none leaves early without need.
 */
int drain_relieve(struct drain *d)
{
	bool flows = flows_pressed(d), signals = signal_drain_pressed(d);
	int err = 0;

	if (!flows && !signals)
		return 0;
	if (spool_used(d->spool) > d->spool->ring_bytes / 2)
		return 0; /* no more credit: the kernel folds, totals stay exact */
	begin(d);
	if (flows) {
		take_lanes(d);
		err = ship_all(d);
	}
	if (!err && signals && signal_drain_take(d, false) < 0)
		err = -EIO;
	if (!err)
		publish(d);
	return err;
}

int drain_flipped(struct drain *d, uint64_t flip_ns)
{
	commit_copy(d->next, current(d));
	d->next->number++;
	d->next->active = 1 - d->next->active;
	d->next->phase = PHASE_HARVESTING;
	d->next->cursor = 0;
	d->next->interval++;
	d->next->end_ns = flip_ns;
	d->next->start_ns[d->next->active] = flip_ns;
	d->zeroed = 0;
	d->ledgers_zeroed = false;
	signal_drain_flipped(d);
	publish(d);
	return ifstats_look(d->ifstats, d->ifaces);
}

/* Folds and ledgers: the interval's last batches. */
static int close_interval(struct drain *d)
{
	uint32_t idle = 1 - d->next->active;
	int err;

	if (d->crashlog)
		crashlog_close_begin(d->crashlog);
	d->closing = true;
	err = ledger_close(d, idle);
	if (err)
		return err;
	d->next->phase = PHASE_COLLECTING;
	memset(d->next->recorded[idle], 0, sizeof(d->next->recorded[idle]));
	return 0;
}

int drain_harvest(struct drain *d)
{
	uint32_t sets = d->tables->geometry.sets, end, idle;
	bool lanes_empty;
	int more, err;

	begin(d);
	idle = 1 - d->next->active;
	lanes_empty = take_lanes(d);
	end = at_most(sets, d->next->cursor + 1 + DRAIN_CHUNK_ROWS / 2 / d->tables->geometry.rows);
	while (lanes_empty && d->next->cursor < end && take_set(d, idle, d->next->cursor))
		d->next->cursor++;
	err = ship_all(d);
	more = err ? 0 : signal_drain_take(d, true);
	if (more < 0)
		err = more;
	if (!err && !more && lanes_empty && d->next->cursor == sets)
		err = close_interval(d);
	if (err)
		return err;
	publish(d);
	if (d->next->phase != PHASE_COLLECTING)
		return 1;
	ifstats_reset(d->ifstats);
	d->intervals++;
	return 0;
}

void drain_prepare(struct drain *d)
{
	commit_copy(d->next, current(d));
	d->next->number++;
}

void drain_publish(struct drain *d)
{
	publish(d);
}

bool drain_is_harvesting(const struct drain *d)
{
	return current(d)->phase == PHASE_HARVESTING;
}

uint32_t drain_active_epoch(const struct drain *d)
{
	return current(d)->active;
}

uint64_t drain_next_sequence(const struct drain *d)
{
	return current(d)->next_sequence;
}

bool drain_must_resume(const struct drain *d)
{
	return !drain_is_harvesting(d) && d->tables->control->epoch != current(d)->active;
}

/* A fresh state map is all zeros but for what the attacher wrote: magic, geometry, instance. */
static void start_fresh(struct drain *d)
{
	struct commit *c = &d->state->commit[d->state->current];
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	c->start_ns[0] = now.tv_sec * 1000000000ull + now.tv_nsec;
	c->next_sequence = 1;
	c->interval = 1;
	c->number = 1;
	d->state->applied = 1;
}

static void recover(struct drain *d)
{
	const struct commit *c = current(d);

	if (c->number == 0) {
		start_fresh(d);
		d->zeroed = d->tables->geometry.sets;
		d->ledgers_zeroed = true;
		signal_drain_recover(d, c, true);
		return;
	}
	d->is_resumed = true;
	signal_drain_recover(d, c, d->state->applied == c->number);
	if (d->state->applied == c->number) {
		d->zeroed = c->phase == PHASE_HARVESTING ? c->cursor : d->tables->geometry.sets;
		d->ledgers_zeroed = c->phase == PHASE_COLLECTING;
	} else
		apply(d);
	log_info("adopted tables in interval %llu, batch %llu next, %llu bytes waiting",
		 (unsigned long long)c->interval, (unsigned long long)c->next_sequence,
		 (unsigned long long)spool_used(d->spool));
}

int drain_open(struct tables *t, struct spool *spool, struct iface_list *ifaces,
	       const struct record_source *source, struct signals *signals, struct drain **ret)
{
	AUTO(drain_close) struct drain *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	d->tables = t;
	d->state = t->state;
	d->spool = spool;
	d->ifaces = ifaces;
	d->source = *source;
	d->rows_max = at_most(RECORD_ROWS_MAX, spool->entry_max / RECORD_ROW_BYTES);
	d->ledgers_max = at_most(BATCH_LEDGER_MAX / 2, spool->entry_max / 2 / RECORD_LEDGER_BYTES);
	d->rows = calloc(d->rows_max, sizeof(*d->rows));
	d->next = calloc(1, sizeof(*d->next));
	err = merge_new(at_most(DRAIN_MERGE_ROWS, spool->ring_bytes / 4 / RECORD_ROW_BYTES),
			&d->merge);
	if (!err)
		err = ifstats_open(&d->ifstats);
	if (!err && signals)
		err = signal_drain_open(signals, &d->signals);
	if (err || !d->rows || !d->next)
		return err ? err : -ENOMEM;
	recover(d);
	*ret = TAKE(d);
	return 0;
}

void drain_close(struct drain *d)
{
	if (!d)
		return;
	merge_free(d->merge);
	ifstats_close(d->ifstats);
	signal_drain_close(d->signals);
	free(d->rows);
	free(d->next);
	free(d);
}
