// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Batches from the pipeline in, durable records out: groups as large as the last sync was long. */
#include "user/collector/logwriter.h"

#include <string.h>

#include "user/collector/metrics.h"
#include "user/collector/pipeline.h"
#include "user/collector/seglog.h"
#include "user/lib/log.h"
#include "user/lib/clock.h"

static int write_group(struct logwriter *w, struct item *group)
{
	struct log_record records[SEGLOG_GROUP_MAX];
	struct log_position ends[SEGLOG_GROUP_MAX];
	int64_t start_ns = monotonic_ns();
	size_t len = 0;
	int err;

	for (const struct item *i = group; i; i = i->next)
		records[len++] =
			(struct log_record){ i->arrived_us, i->zstd, i->body, i->body_len };
	err = seglog_append(w->log, records, len, ends);
	metric_add(METRIC_LOG_SYNCS, 1);
	metric_add(METRIC_LOG_SYNC_NS, (uint64_t)(monotonic_ns() - start_ns));
	if (err)
		return err;
	len = 0;
	for (struct item *i = group; i; i = i->next)
		i->end = ends[len++];
	return 0;
}

static void *logwriter_main(void *arg)
{
	struct logwriter *w = arg;
	struct item *group;
	int last_err = 0;

	while ((group = pipeline_take_to_log(w->pipeline))) {
		int err = write_group(w, group);

		if (err && err != last_err)
			log_error("segment log: append: %s: batches are refused", strerror(-err));
		else if (!err && last_err)
			log_info("segment log: appends work again");
		last_err = err;
		if (err)
			metric_add(METRIC_LOG_FAILURES, 1);
		pipeline_logged(w->pipeline, group, err);
	}
	return NULL;
}

int logwriter_start(struct logwriter *w)
{
	int err = pthread_create(&w->thread, NULL, logwriter_main, w);

	if (!err)
		pthread_setname_np(w->thread, "log");
	return -err;
}

void logwriter_join(struct logwriter *w)
{
	pthread_join(w->thread, NULL);
}
