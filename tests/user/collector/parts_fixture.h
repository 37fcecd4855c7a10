/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Ingest, log, committer and store, wired as the collector does, without HTTP. */
#ifndef WT_PARTS_FIXTURE_H
#define WT_PARTS_FIXTURE_H

#include "tests/user/collector/collector_fixture.h"
#include "user/collector/api.h"
#include "user/collector/committer.h"
#include "user/collector/housekeeper.h"
#include "user/collector/ingest.h"
#include "user/collector/logwriter.h"
#include "user/collector/metrics.h"
#include "user/collector/pipeline.h"

#define KEEP_ALL (INT64_MAX / 4)

static struct parts {
	struct store *store;
	struct pipeline *pipeline;
	struct committer *committer;
	struct seglog *log;
	struct ingest *ingest;
	struct logwriter writer;
	bool is_committing;
} parts;

static inline void open_parts_with(bool is_committing, struct housekeeper_limits limits)
{
	struct log_position from;

	memset(&parts, 0, sizeof(parts));
	cr_assert(store_open(data_dir, &parts.store) == 0);
	cr_assert(store_position(parts.store, &from) == 0);
	cr_assert(pipeline_new(PIPELINE_MEMORY_DEFAULT, &parts.pipeline) == 0);
	cr_assert(committer_new(parts.store, parts.pipeline, &limits, &parts.committer) == 0);
	cr_assert(seglog_open(data_dir, from, SEGLOG_SEGMENT_BYTES, committer_replay,
			      parts.committer, &parts.log) == 0);
	cr_assert(committer_replay_finish(parts.committer) == 0);
	cr_assert(ingest_new(parts.pipeline, parts.committer, committer_registry(parts.committer),
			     &parts.ingest) == 0);
	parts.writer = (struct logwriter){ parts.pipeline, parts.log, 0 };
	cr_assert(logwriter_start(&parts.writer) == 0);
	parts.is_committing = is_committing;
	if (is_committing)
		cr_assert(committer_start(parts.committer, parts.log) == 0);
}

static inline void open_parts(bool is_committing)
{
	open_parts_with(
		is_committing,
		(struct housekeeper_limits){ { KEEP_ALL, KEEP_ALL, KEEP_ALL }, UINT64_C(1) << 40 });
}

static inline void close_parts(void)
{
	pipeline_stop_log(parts.pipeline);
	logwriter_join(&parts.writer);
	pipeline_stop_commit(parts.pipeline);
	if (parts.is_committing)
		committer_join(parts.committer);
	ingest_free(parts.ingest);
	committer_free(parts.committer);
	pipeline_free(parts.pipeline);
	seglog_close(parts.log);
	store_close(parts.store);
}

/* The HTTP status; *text (may be NULL) is the body, for the caller to free. */
static inline unsigned int post_bytes_at(const void *bytes, size_t len, bool zstd, int64_t now_us,
					 char **text)
{
	struct api_reply reply = {};
	void *copy = malloc(len + 1);
	int err;

	memcpy(copy, bytes, len);
	err = ingest_post(parts.ingest, copy, len, zstd, NULL, now_us, &reply);
	cr_assert(err == 0, "ingest_post: %d", err);
	if (text)
		*text = reply.body;
	else
		free(reply.body);
	return reply.status;
}

static inline unsigned int post_bytes(const void *bytes, size_t len, bool zstd, char **text)
{
	return post_bytes_at(bytes, len, zstd, NOW, text);
}

static inline unsigned int post_at(struct batch *b, int64_t now_us, char **text)
{
	AUTO_FREE uint8_t *plain = NULL, *body = NULL;
	size_t plain_len, len;

	cr_assert(batch_encode(b, &plain, &plain_len) == 0);
	cr_assert(batch_compress(plain, plain_len, &body, &len) == 0);
	batch_free(b);
	return post_bytes_at(body, len, true, now_us, text);
}

static inline unsigned int post(struct batch *b, char **text)
{
	return post_at(b, NOW, text);
}

static inline void settle(void)
{
	cr_assert(pipeline_settle(parts.pipeline, 10000) == 0);
}

static inline int64_t stored_rows(void)
{
	return value_of(
		parts.store,
		"SELECT coalesce(sum(rows), 0)::BIGINT FROM segments WHERE starts_with(name, 'flows_')");
}

#endif
