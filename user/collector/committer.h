/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The committer thread: durable batches in; rows, ledger, high-water marks and the log's position
 * out, in one transaction a second or every 122,880 rows; then the log lets go of what is stored.
 * It also keeps the store within its age and size.
 */
#ifndef WT_COMMITTER_H
#define WT_COMMITTER_H

#include <stdint.h>

#include "user/collector/seglog.h"
#include "user/lib/cleanup.h"

#define COMMIT_ROWS 122880 /* DuckDB's row group: fewer cost 3 × the CPU a row */
#define COMMIT_PERIOD_NS INT64_C(1000000000)
#define COMMIT_RETRY_NS \
	INT64_C(1000000000) /* after a failure; the pipeline's bound holds agents off */
#define RETENTION_PERIOD_NS INT64_C(10000000000)

struct committer;
struct pipeline;
struct registry;
struct store;

struct committer_limits {
	int64_t keep_us;
	uint64_t max_disk_bytes;
};

int committer_new(struct store *s, struct pipeline *p, const struct committer_limits *limits,
		  struct committer **ret);
void committer_free(struct committer *c);
DEFINE_AUTO(committer_free, struct committer *);

/* Before the thread starts: batches of the log that the store lacks (arg: the committer). */
seglog_replay_fn committer_replay;
int committer_replay_finish(struct committer *c);
struct registry *committer_registry(struct committer *c);

/* log is borrowed. Join after pipeline_stop_commit(): what was queued is committed first. */
int committer_start(struct committer *c, struct seglog *log);
void committer_join(struct committer *c);

/*
 * The store is at its size and nothing older can go: batches are to be refused. Any thread.
 */
bool committer_is_full(const struct committer *c);

#endif
