/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The committer thread: durable batches in; rows, ledger, high-water marks and the log's position
 * out, in one transaction a second or every 122,880 rows; then the log lets go of what is stored.
 * Between transactions it keeps house (housekeeper.h).
 */
#ifndef WT_COMMITTER_H
#define WT_COMMITTER_H

#include <stdbool.h>
#include <stdint.h>

#include "user/collector/seglog.h"
#include "user/lib/cleanup.h"

#define COMMIT_ROWS 122880 /* DuckDB's row group: fewer cost 3 × the CPU a row */
#define COMMIT_PERIOD_NS INT64_C(1000000000)
#define COMMIT_RETRY_NS \
	INT64_C(1000000000) /* after a failure; the pipeline's bound holds agents off */

struct committer;
struct housekeeper_limits;
struct pipeline;
struct registry;
struct store;

int committer_new(struct store *s, struct pipeline *p, const struct housekeeper_limits *limits,
		  struct committer **ret);
struct housekeeper_limits;
/* Any thread. */
void committer_set_limits(struct committer *c, const struct housekeeper_limits *limits);
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
