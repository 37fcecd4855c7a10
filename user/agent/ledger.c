// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Per-CPU ledger rows of one epoch in, folds and ledger rows of an interval out. */
#include "user/agent/ledger.h"

#include <errno.h>
#include <string.h>

#include "user/agent/addresses.h"
#include "user/agent/drain.h"

static void add(struct wt_count *to, const struct wt_count *from)
{
	to->packets += from->packets;
	to->l2_bytes += from->l2_bytes;
}

static void add_fold(struct wt_fold *to, const struct wt_fold *from)
{
	if (!from->packets)
		return;
	if (from->first_ns && (!to->first_ns || from->first_ns < to->first_ns))
		to->first_ns = from->first_ns;
	if (from->last_ns > to->last_ns)
		to->last_ns = from->last_ns;
	to->packets += from->packets;
	to->l2_bytes += from->l2_bytes;
	to->l3_bytes += from->l3_bytes;
}

/* Runs that interrupted another know no class: they fold as "other IP". */
static void add_nested(struct agent_ledger *to, struct wt_fold fold[2][WT_FOLD_CLASSES],
		       const struct wt_ledger *from)
{
	for (int counted = 0; counted < 2; counted++) {
		const struct wt_fold *nested = &from->nested[counted];
		struct wt_count count = { nested->packets, nested->l2_bytes };

		add(&to->counts[COUNT_SEEN], &count);
		add(&to->counts[COUNT_FOLDED], &count);
		add(&to->counts[COUNT_FOLD_NESTED], &count);
		add_fold(&fold[counted][WT_FOLD_OTHER_IP], nested);
	}
}

static void add_cpu(struct agent_ledger *to, struct wt_fold fold[2][WT_FOLD_CLASSES],
		    const struct wt_ledger *from)
{
	struct wt_count *counts = to->counts;

	add(&counts[COUNT_SEEN], &from->seen);
	add(&counts[COUNT_FILTERED], &from->filtered);
	add(&counts[COUNT_SAMPLED_OUT], &from->sampled_out);
	add(&counts[COUNT_FOLD_LANE_FULL], &from->fold_lane_full);
	add(&counts[COUNT_FOLD_NO_ROW], &from->fold_no_row);
	for (int i = 0; i < WT_REFUSALS; i++)
		add(&counts[COUNT_UNPARSED + i], &from->refused[i]);
	for (int counted = 0; counted < 2; counted++) {
		for (int class = 0; class < WT_FOLD_CLASSES; class ++) {
			const struct wt_fold *f = &from->fold[counted][class];
			struct wt_count count = { f->packets, f->l2_bytes };

			add(&counts[COUNT_FOLDED], &count);
			add_fold(&fold[counted][class], f);
		}
	}
	add_nested(to, fold, from);
}

static bool is_empty(const struct agent_ledger *l)
{
	for (int i = 0; i < AGENT_COUNTS; i++)
		if (l->counts[i].packets || l->counts[i].l2_bytes)
			return false;
	return true;
}

/* What is being filled: one interval's last batches. */
struct closing {
	struct drain *d;
	uint64_t interval;
	struct agent_ledger *ledgers;
	uint32_t ledgers_len;
};

static int ship(struct closing *c, bool last)
{
	struct drain *d = c->d;
	struct watched_interface interfaces[GEOMETRY_SLOTS_MAX];
	struct ledger_row *rows = calloc(c->ledgers_len + 1, sizeof(*rows));
	struct batch b = {
		.head = { .clock_offset_ns = d->offset_ns, .interval = c->interval },
		.flows = d->rows,
		.flows_len = d->rows_len,
		.ledger = rows,
		.ledger_len = c->ledgers_len,
		.interfaces = interfaces,
	};
	uint8_t(*addresses)[16] = NULL;
	int err;

	if (!rows)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->ledgers_len; i++)
		record_ledger(&c->ledgers[i], &rows[i]);
	if (last)
		b.interfaces_len = iface_list_watched(d->ifaces, interfaces);
	if (last)
		b.own_addresses_len = addresses_own(&addresses);
	b.own_addresses = addresses;
	err = record_ship(d->spool, d->next, &d->source, &b, c->ledgers);
	free(addresses);
	free(rows);
	d->rows_len = 0;
	c->ledgers_len = 0;
	return err;
}

static int add_ledger(struct closing *c, const struct agent_ledger *row)
{
	int err = 0;

	if (c->ledgers_len == c->d->ledgers_max)
		err = ship(c, false);
	c->ledgers[c->ledgers_len++] = *row;
	return err;
}

static int add_folds(struct closing *c, struct wt_fold fold[2][WT_FOLD_CLASSES],
		     const struct agent_ledger *at)
{
	int err = 0;

	for (int counted = 0; counted < 2; counted++) {
		for (int class = 0; class < WT_FOLD_CLASSES && !err; class ++) {
			struct drain *d = c->d;

			if (!fold[counted][class].packets)
				continue;
			if (d->rows_len == d->rows_max)
				err = ship(c, false);
			record_from_fold(&fold[counted][class], class, at, counted, d->offset_ns,
					 &d->rows[d->rows_len++]);
		}
	}
	return err;
}

static int close_point(struct closing *c, uint32_t idle, uint32_t slot, uint32_t point)
{
	struct drain *d = c->d;
	const struct geometry *g = &d->tables->geometry;
	const struct iface *iface = &d->ifaces->at[slot];
	struct wt_fold fold[2][WT_FOLD_CLASSES] = { 0 };
	struct agent_ledger row = {
		.interval = c->interval,
		.start_us = ((int64_t)d->next->start_ns[idle] + d->offset_ns) / 1000,
		.end_us = ((int64_t)d->next->end_ns + d->offset_ns) / 1000,
		.ifindex = iface->ifindex,
		.netns = d->state->netns,
		.point = point,
	};
	int err;

	for (uint32_t cpu = 0; cpu < g->cpus; cpu++)
		add_cpu(&row, fold, tables_ledger(d->tables, cpu, idle, slot, point));
	row.counts[COUNT_RECORDED] = d->next->recorded[idle][slot * g->points + point];
	if (iface->ifindex && point <= WT_POINT_EGRESS &&
	    (iface->watched & (point ? WT_WATCH_EGRESS : WT_WATCH_INGRESS)))
		ifstats_add(d->ifstats, slot, &row);
	else if (is_empty(&row))
		return 0;
	for (int i = 0; i < AGENT_COUNTS; i++)
		add(&d->totals[i], &row.counts[i]);
	if (d->crashlog)
		crashlog_closed(d->crashlog, &row);
	err = add_folds(c, fold, &row);
	return err ? err : add_ledger(c, &row);
}

/* TCP and drops: points of the host, without an interface. */
static int close_signal(struct closing *c, uint32_t idle, enum wt_signal signal)
{
	struct drain *d = c->d;
	struct agent_ledger row = {
		.interval = c->interval,
		.start_us = ((int64_t)d->next->start_ns[idle] + d->offset_ns) / 1000,
		.end_us = ((int64_t)d->next->end_ns + d->offset_ns) / 1000,
		.netns = d->state->netns,
	};

	if (!signal_drain_ledger(d, idle, signal, &row))
		return 0;
	if (d->crashlog)
		crashlog_closed(d->crashlog, &row);
	return add_ledger(c, &row);
}

int ledger_close(struct drain *d, uint32_t idle)
{
	struct closing c = { .d = d, .interval = d->next->interval - 1 };
	const struct geometry *g = &d->tables->geometry;
	AUTO_FREE struct agent_ledger *carry = NULL;
	uint32_t carry_len = d->next->carry_len;
	int err = 0;

	c.ledgers = calloc(d->ledgers_max, sizeof(*c.ledgers));
	carry = calloc(carry_len + 1, sizeof(*carry));
	if (!c.ledgers || !carry) {
		free(c.ledgers);
		return -ENOMEM;
	}
	/* Sent with the others; what cannot be sent comes back to the list. */
	memcpy(carry, d->next->carry, carry_len * sizeof(*carry));
	d->next->carry_len = 0;
	for (uint32_t slot = 0; slot < g->slots && !err; slot++)
		for (uint32_t point = 0; point < g->points && !err; point++)
			err = close_point(&c, idle, slot, point);
	for (int signal = 0; signal < WT_SIGNALS && !err; signal++)
		err = close_signal(&c, idle, signal);
	for (uint32_t i = 0; i < carry_len && !err; i++)
		err = add_ledger(&c, &carry[i]);
	if (!err)
		err = signal_drain_host_counts(d, c.interval);
	if (!err)
		err = ship(&c, true);
	free(c.ledgers);
	return err;
}

void ledger_zero(struct tables *t, uint32_t epoch)
{
	const struct geometry *g = &t->geometry;

	for (uint32_t cpu = 0; cpu < g->cpus; cpu++)
		memset(tables_ledger(t, cpu, epoch, 0, 0), 0,
		       (size_t)g->slots * g->points * sizeof(struct wt_ledger));
}
