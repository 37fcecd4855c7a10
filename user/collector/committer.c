// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Durable batches in, transactions out; a failed one is tried again until it succeeds. */
#include "user/collector/committer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "user/collector/housekeeper.h"
#include "user/collector/metrics.h"
#include "user/metrics/metrics_agent.h"
#include "user/metrics/metrics_host.h"
#include "user/metrics/metrics_latency.h"
#include "user/metrics/metrics_ledger.h"
#include "user/collector/pipeline.h"
#include "user/collector/registry.h"
#include "user/collector/store.h"
#include "user/collector/store_write.h"
#include "user/lib/log.h"
#include "user/wire/batch.h"
#include "user/lib/clock.h"
#include "user/sinks/sinks.h"

struct committer {
	struct store *store;
	struct pipeline *pipeline;
	struct seglog *log;
	struct registry *registry;
	bool registry_is_stale;
	struct housekeeper *housekeeper;
	pthread_t thread;
	/* gathered for the next transaction */
	struct item *group;
	struct item **group_tail;
	size_t group_rows;
};

static void group_clear(struct committer *c)
{
	c->group = NULL;
	c->group_tail = &c->group;
	c->group_rows = 0;
}

static void group_add(struct committer *c, struct item *list)
{
	*c->group_tail = list;
	for (; list; list = list->next) {
		c->group_rows += list->batch->flows_len;
		c->group_tail = &list->next;
	}
}

int committer_new(struct store *s, struct pipeline *p, const struct housekeeper_limits *limits,
		  struct committer **ret)
{
	AUTO(committer_free) struct committer *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->store = s;
	c->pipeline = p;
	group_clear(c);
	err = registry_load(s, &c->registry);
	if (!err)
		err = housekeeper_new(s, limits, &c->housekeeper);
	if (err)
		return err;
	*ret = TAKE(c);
	return 0;
}

void committer_set_limits(struct committer *c, const struct housekeeper_limits *limits)
{
	housekeeper_set_limits(c->housekeeper, limits);
}

void committer_free(struct committer *c)
{
	if (!c)
		return;
	item_list_free(c->group);
	housekeeper_free(c->housekeeper);
	registry_free(c->registry);
	free(c);
}

struct registry *committer_registry(struct committer *c)
{
	return c->registry;
}

bool committer_is_full(const struct committer *c)
{
	return housekeeper_is_full(c->housekeeper);
}

/* ---- one transaction ------------------------------------------------------------------------ */

static void exporter_advance(struct exporter *e, const struct item *item, uint64_t high_water)
{
	const struct batch_head *head = &item->batch->head;

	e->gaps += head->sequence - high_water - 1;
	e->high_water = head->sequence;
	e->last_us = item->arrived_us;
	e->is_dirty = true;
	snprintf(e->agent->host, sizeof(e->agent->host), "%s", head->host);
	if (!*e->exporter)
		e->agent->live_us = item->arrived_us;
}

static int put_item(struct committer *c, struct item *item)
{
	struct batch *b = item->batch;
	uint64_t high_water = registry_high_water(c->registry, b->head.agent, b->head.instance);
	struct exporter *e;
	int err;

	if (b->head.sequence <= high_water)
		return 0; /* it was in the log twice: a crash between log and acknowledgement */
	err = registry_exporter(c->registry, &b->head, item->arrived_us, &e);
	if (err) {
		log_error("store: batch of agent %s passed over: %s", b->head.agent,
			  strerror(-err));
		return err == -ENOSPC ? 0 : err;
	}
	exporter_advance(e, item, high_water);
	metric_add(METRIC_ROWS_NOT_COUNTED,
		   registry_count_once(c->registry, e->agent, b, item->arrived_us));
	err = store_append_batch(c->store, e->id, b, item->arrived_us);
	if (!err)
		err = registry_put_interfaces(c->registry, c->store, e->agent, b, item->arrived_us);
	if (!err)
		err = registry_put_addresses(c->registry, c->store, e->agent, b);
	item->is_new = !err;
	return err;
}

static int put_exporter(void *arg, struct exporter *e)
{
	struct committer *c = arg;
	struct store_exporter row = {
		.id = e->id,
		.agent = e->agent->name,
		.instance = e->instance,
		.host = e->agent->host,
		.exporter = e->exporter,
		.high_water = e->high_water,
		.gaps = e->gaps,
		.first_us = e->first_us,
		.last_us = e->last_us,
	};
	int err;

	if (!e->is_dirty)
		return 0;
	err = e->is_stored ? store_update_exporter(c->store, &row)
			   : store_insert_exporter(c->store, &row);
	if (err)
		return err;
	e->is_stored = true;
	e->is_dirty = false;
	return 0;
}

/* When all are put: the first rows of an agent have names that it told behind them. */
static void stage_group(const struct committer *c)
{
	for (const struct item *i = c->group; i; i = i->next) {
		const struct agent *a = registry_find_agent(c->registry, i->batch->head.agent);
		struct sink_names names = { a ? a->interfaces : NULL, a ? a->interfaces_len : 0 };

		if (i->is_new)
			sinks_stage(i->batch, &names);
	}
}

static int put_group(struct committer *c)
{
	struct log_position end = {};
	struct sink_place place;
	int err = store_begin(c->store);

	for (struct item *i = c->group; !err && i; i = i->next) {
		err = put_item(c, i);
		end = i->end;
	}
	if (!err)
		err = registry_each(c->registry, put_exporter, c);
	if (!err)
		err = store_put_position(c->store, end);
	place = (struct sink_place){ end.segment, end.offset };
	stage_group(c);
	sinks_announce(&place);
	if (!err)
		err = store_commit(c->store);
	if (err)
		store_rollback(c->store);
	return err;
}

static int reload_registry(struct committer *c)
{
	struct registry *fresh;
	int err = registry_load(c->store, &fresh);

	if (err)
		return err;
	registry_free(c->registry);
	c->registry = fresh;
	c->registry_is_stale = false;
	return 0;
}

static void count_group(const struct committer *c, int64_t start_ns)
{
	struct metrics_agent of;

	metric_add(METRIC_COMMITS, 1);
	metric_add(METRIC_COMMIT_NS, (uint64_t)(monotonic_ns() - start_ns));
	metric_add(METRIC_ROWS_STORED, c->group_rows);
	for (const struct item *i = c->group; i; i = i->next) {
		const struct agent *a = registry_find_agent(c->registry, i->batch->head.agent);

		if (!i->is_new || !a)
			continue; /* it was known */
		of = (struct metrics_agent){ a->name, a->interfaces, a->interfaces_len };
		metrics_ledger_add(&of, i->batch);
		metrics_host_add(&of, i->batch, i->arrived_us);
		metrics_latency_add(&of, i->batch);
	}
}

static int commit_group(struct committer *c)
{
	int64_t start_ns = monotonic_ns();
	int err = c->registry_is_stale ? reload_registry(c) : 0;

	sinks_begin_transaction();
	if (!err)
		err = put_group(c);
	if (!err)
		count_group(c, start_ns);
	sinks_end_transaction(!err);
	if (!err)
		return 0;
	/* its marks are those of a transaction that never was: batches would pass for duplicates */
	c->registry_is_stale = true;
	metric_add(METRIC_COMMIT_FAILURES, 1);
	return err;
}

/* ---- replay --------------------------------------------------------------------------------- */

static int replay_commit(struct committer *c)
{
	struct item *list = c->group;
	int err = list ? commit_group(c) : 0;

	if (err)
		return -EIO;
	group_clear(c);
	item_list_free(list);
	return 0;
}

int committer_replay(void *arg, const struct log_record *record, struct log_position end)
{
	AUTO(item_free) struct item *item = calloc(1, sizeof(*item));
	AUTO_FREE uint8_t *plain = NULL;
	struct committer *c = arg;
	const char *why = "";
	size_t len = 0;
	int err = 0;

	if (!item)
		return -ENOMEM;
	if (record->zstd)
		err = batch_decompress(record->body, record->body_len, BATCH_BYTES_MAX, &plain,
				       &len);
	if (!err)
		err = record->zstd
			      ? batch_decode(plain, len, &item->batch, &why)
			      : batch_decode(record->body, record->body_len, &item->batch, &why);
	if (err == -ENOMEM)
		return err;
	if (err) {
		log_error("segment log: a record cannot be decoded: %s", why);
		return -EBADMSG;
	}
	item->arrived_us = record->arrived_us;
	item->end = end;
	group_add(c, TAKE(item));
	return c->group_rows >= COMMIT_ROWS ? replay_commit(c) : 0;
}

int committer_replay_finish(struct committer *c)
{
	return replay_commit(c);
}

/* ---- the thread ----------------------------------------------------------------------------- */

static void commit_until_done(struct committer *c)
{
	struct item *list = c->group;
	struct log_position end = {};

	if (!list)
		return;
	while (commit_group(c)) {
		if (pipeline_is_stopping(c->pipeline)) {
			log_warn("store: the last transaction failed: its batches stay in the log");
			return;
		}
		log_error("store: a transaction failed: its batches stay in the log, trying again");
		poll(NULL, 0, COMMIT_RETRY_NS / 1000000);
	}
	for (const struct item *i = list; i; i = i->next)
		end = i->end;
	group_clear(c);
	pipeline_committed(c->pipeline, list);
	seglog_release(c->log, end);
}

static void *committer_main(void *arg)
{
	struct committer *c = arg;
	enum pipeline_wake wake = PIPELINE_GO_ON;
	int64_t due_ns = 0;

	while (wake != PIPELINE_STOP) {
		int64_t house_ns = housekeeper_due_ns(c->housekeeper);
		struct item *list;

		if (monotonic_ns() >= house_ns &&
		    housekeeper_run(c->housekeeper, wall_us(), seglog_bytes(c->log)))
			c->registry_is_stale = true;
		house_ns = housekeeper_due_ns(c->housekeeper);
		list = pipeline_take_to_commit(c->pipeline, c->group ? due_ns : house_ns,
					       COMMIT_ROWS - c->group_rows, &wake);
		if (list && !c->group)
			due_ns = monotonic_ns() + COMMIT_PERIOD_NS;
		group_add(c, list);
		if (wake != PIPELINE_GO_ON || c->group_rows >= COMMIT_ROWS ||
		    pipeline_is_half_full(c->pipeline) || (c->group && monotonic_ns() >= due_ns))
			commit_until_done(c);
	}
	return NULL;
}

int committer_start(struct committer *c, struct seglog *log)
{
	int err;

	c->log = log;
	err = pthread_create(&c->thread, NULL, committer_main, c);
	if (!err)
		pthread_setname_np(c->thread, "committer");
	return -err;
}

void committer_join(struct committer *c)
{
	pthread_join(c->thread, NULL);
}
