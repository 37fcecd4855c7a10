// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The clock and the store's size in; sealed, dropped and set aside segments out. */
#include "user/collector/housekeeper.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/metrics.h"
#include "user/collector/pipeline.h"
#include "user/collector/sealer.h"
#include "user/collector/store.h"
#include "user/collector/store_files.h"
#include "user/collector/store_write.h"
#include "user/lib/log.h"
#include "user/lib/clock.h"

struct housekeeper {
	struct store *store;
	struct sealer *sealer;
	struct housekeeper_limits limits;
	int64_t due_ns;
	int64_t retain_ns;
	int64_t seal_after_ns; /* not before */
	int64_t check_after_ns;
	int64_t expired_hour; /* up to which hour of arrival ages were looked at */
	_Atomic bool is_full;
	bool is_short; /* of room: three quarters of it are used */
	bool exporters_changed;
	bool owes_checkpoint; /* something was dropped: only then do its blocks become free */
	pthread_mutex_t lock; /* of the next two */
	struct housekeeper_limits next;
	bool has_next;
};

int housekeeper_new(struct store *s, const struct housekeeper_limits *limits,
		    struct housekeeper **ret)
{
	AUTO(housekeeper_free) struct housekeeper *h = calloc(1, sizeof(*h));
	int err;

	if (!h)
		return -ENOMEM;
	h->store = s;
	pthread_mutex_init(&h->lock, NULL);
	h->limits = *limits;
	err = sealer_start(s, &h->sealer);
	if (err)
		return err;
	*ret = TAKE(h);
	return 0;
}

void housekeeper_free(struct housekeeper *h)
{
	if (!h)
		return;
	sealer_stop(h->sealer);
	free(h);
}

int64_t housekeeper_due_ns(const struct housekeeper *h)
{
	return h->due_ns;
}

bool housekeeper_is_full(const struct housekeeper *h)
{
	return h->is_full;
}

/* ---- sealing -------------------------------------------------------------------------------- */

static void publish(struct housekeeper *h, struct store_sealing *job, int err)
{
	if (!err)
		err = store_seal_publish(h->store, job);
	if (!err) {
		metric_add(METRIC_SEGMENTS_SEALED, 1);
		log_info("store: sealed %s: %" PRIu64 " rows in %" PRIu64 " bytes", job->table.name,
			 job->file.rows, job->file.bytes);
		return;
	}
	store_seal_abandon(h->store, job);
	metric_add(METRIC_SEAL_FAILURES, 1);
	h->seal_after_ns = monotonic_ns() + SEAL_RETRY_NS;
	log_error("store: seal %s: %s: it stays a table, to be tried again", job->table.name,
		  strerror(-err));
}

/* One table after the other: what is done is published, then the next begins. */
static void seal(struct housekeeper *h, int64_t now_us)
{
	struct store_sealing job;
	int err;

	if (sealer_take_table(h->sealer, &job, &err))
		publish(h, &job, err);
	if (!sealer_is_idle(h->sealer) || monotonic_ns() < h->seal_after_ns)
		return;
	if (h->is_short) /* files are smaller */
		now_us += STORE_SEAL_HOLD_US;
	if (!store_seal_next(h->store, now_us, &job))
		sealer_give_table(h->sealer, &job);
}

/* ---- damage --------------------------------------------------------------------------------- */

static void check(struct housekeeper *h)
{
	struct store_segments list = { 0 };
	struct store_segment damaged;

	while (sealer_take_damaged(h->sealer, &damaged))
		if (store_file_quarantine(h->store, &damaged))
			return;
	if (!sealer_is_idle(h->sealer) ||
	    (monotonic_ns() < h->check_after_ns && !store_is_suspect(h->store)))
		return;
	if (store_segments_list(h->store, &list))
		return;
	h->check_after_ns = monotonic_ns() + FILES_CHECK_NS;
	sealer_give_check(h->sealer, &list);
}

/* ---- age and size --------------------------------------------------------------------------- */

static int expire_by_age(struct housekeeper *h, int64_t now_us)
{
	int64_t before_us[STORE_TIERS];
	unsigned int dropped = 0;
	int err;

	if (now_us / STORE_HOUR_US == h->expired_hour)
		return 0;
	for (int i = 0; i < STORE_TIERS; i++)
		before_us[i] = now_us - h->limits.keep_us[i];
	err = store_expire(h->store, before_us, &dropped);
	if (err)
		return err;
	h->expired_hour = now_us / STORE_HOUR_US;
	h->exporters_changed = true;
	metric_add(METRIC_RETENTION_DROPS, dropped);
	if (dropped)
		h->owes_checkpoint = true;
	return 0;
}

/* Refused while others write (the sealer's COPY counts as such): then it is for the next time. */
static int checkpoint(struct housekeeper *h)
{
	int err = h->owes_checkpoint ? store_checkpoint(h->store) : 0;

	if (!err)
		h->owes_checkpoint = false;
	return err;
}

/* Over the limit: what is missed least goes, but never what is being filled. */
static int expire_by_size(struct housekeeper *h, int64_t now_us, uint64_t log_bytes)
{
	uint64_t used;
	int err = checkpoint(h);

	if (!err)
		err = store_used_bytes(h->store, &used);
	if (!err)
		h->is_short = used + log_bytes > h->limits.max_disk_bytes / 4 * 3;
	while (!err && used + log_bytes > h->limits.max_disk_bytes) {
		log_warn("store: %" PRIu64 " bytes are more than --max-disk", used + log_bytes);
		err = store_drop_oldest(h->store, now_us);
		if (err == -ENOENT) {
			if (!h->is_full)
				log_error(
					"store: the current hour alone exceeds --max-disk: batches are refused");
			h->is_full = true;
			return 0;
		}
		if (err)
			return err;
		metric_add(METRIC_RETENTION_DROPS, 1);
		h->exporters_changed = h->owes_checkpoint = true;
		err = checkpoint(h);
		if (!err)
			err = store_used_bytes(h->store, &used);
	}
	if (!err)
		h->is_full = false;
	return err;
}

static void retain(struct housekeeper *h, int64_t now_us, uint64_t log_bytes)
{
	int err = expire_by_age(h, now_us);

	if (!err)
		err = expire_by_size(h, now_us, log_bytes);
	if (err && err != -EBUSY)
		log_error("store: retention: %s", strerror(-err));
	h->retain_ns = monotonic_ns() + (err == -EBUSY ? SEALER_POLL_NS : HOUSEKEEPING_PERIOD_NS);
}

void housekeeper_set_limits(struct housekeeper *h, const struct housekeeper_limits *limits)
{
	pthread_mutex_lock(&h->lock);
	h->next = *limits;
	h->has_next = true;
	pthread_mutex_unlock(&h->lock);
}

static void take_limits(struct housekeeper *h)
{
	pthread_mutex_lock(&h->lock);
	if (h->has_next) {
		h->limits = h->next;
		h->has_next = false;
		h->expired_hour = -1;
		h->retain_ns = 0;
	}
	pthread_mutex_unlock(&h->lock);
}

bool housekeeper_run(struct housekeeper *h, int64_t now_us, uint64_t log_bytes)
{
	take_limits(h);
	h->exporters_changed = false;
	if (monotonic_ns() >= h->retain_ns)
		retain(h, now_us, log_bytes);
	seal(h, now_us); /* what is too old need not be */
	check(h);
	store_files_sweep(h->store);
	h->due_ns = monotonic_ns() +
		    (sealer_is_idle(h->sealer) ? HOUSEKEEPING_PERIOD_NS : SEALER_POLL_NS);
	return h->exporters_changed;
}
