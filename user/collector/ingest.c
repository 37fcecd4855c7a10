// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Bodies of POST /v1/batches in, acknowledgements out. */
#include "user/collector/ingest.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <search.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <zstd.h>

#include "user/collector/api.h"
#include "user/collector/committer.h"
#include "user/collector/metrics.h"
#include "user/collector/pipeline.h"
#include "user/collector/registry.h"
#include "user/exporters/flow_source.h"
#include "user/lib/log.h"
#include "user/wire/batch.h"

/* One start of an agent. */
struct source {
	char agent[BATCH_AGENT_MAX];
	uint8_t instance[16];
	uint64_t high_water; /* durable */
	bool is_known; /* something of it is durable */
	bool is_busy; /* a batch of it is on its way to the log */
};

struct ingest {
	struct pipeline *pipeline;
	const struct committer *committer;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	sem_t decodes; /* that may begin */
	void *sources; /* tsearch() tree */
	size_t sources_len;
};

static int compare_sources(const void *a, const void *b)
{
	const struct source *x = a, *y = b;
	int order = memcmp(x->instance, y->instance, sizeof(x->instance));

	return order ? order : strcmp(x->agent, y->agent);
}

static struct source *find_source(struct ingest *in, const char *agent, const uint8_t instance[16])
{
	struct source key = {};
	struct source **found, *s;

	snprintf(key.agent, sizeof(key.agent), "%s", agent);
	memcpy(key.instance, instance, sizeof(key.instance));
	found = tfind(&key, &in->sources, compare_sources);
	if (found)
		return *found;
	if (in->sources_len >= INGEST_INSTANCES_MAX)
		return NULL;
	s = malloc(sizeof(*s));
	if (!s)
		return NULL;
	*s = key;
	if (!tsearch(s, &in->sources, compare_sources)) {
		free(s);
		return NULL;
	}
	in->sources_len++;
	return s;
}

static int load_source(void *arg, struct exporter *e)
{
	struct source *s = find_source(arg, e->agent->name, e->instance);

	if (!s)
		return -ENOMEM;
	s->is_known = true;
	if (e->high_water > s->high_water)
		s->high_water = e->high_water;
	return 0;
}

int ingest_new(struct pipeline *p, const struct committer *c, struct registry *registry,
	       struct ingest **ret)
{
	AUTO(ingest_free) struct ingest *in = calloc(1, sizeof(*in));
	int err;

	if (!in)
		return -ENOMEM;
	in->pipeline = p;
	in->committer = c;
	pthread_mutex_init(&in->lock, NULL);
	pthread_cond_init(&in->changed, NULL);
	sem_init(&in->decodes, 0, INGEST_DECODES_MAX);
	err = registry_each(registry, load_source, in);
	if (err)
		return err;
	*ret = TAKE(in);
	return 0;
}

void ingest_free(struct ingest *in)
{
	if (!in)
		return;
	tdestroy(in->sources, free);
	sem_destroy(&in->decodes);
	pthread_cond_destroy(&in->changed);
	pthread_mutex_destroy(&in->lock);
	free(in);
}

static int refuse(struct api_reply *reply, enum metric why, unsigned int status,
		  unsigned int retry_after_s, const char *message)
{
	metric_add(why, 1);
	reply->retry_after_s = retry_after_s;
	return api_error(reply, status, NULL, -1, "%s", message);
}

static int acknowledge(struct api_reply *reply, uint64_t sequence, bool is_duplicate)
{
	metric_add(is_duplicate ? METRIC_BATCHES_DUPLICATE : METRIC_BATCHES_STORED, 1);
	if (is_duplicate)
		return api_json(reply, json_pack("{s:I, s:b}", "acknowledged", (json_int_t)sequence,
						 "duplicate", 1));
	return api_json(reply, json_pack("{s:I}", "acknowledged", (json_int_t)sequence));
}

/* What the frame claims is enough to refuse it, never to believe it. */
static bool claims_too_much(const struct item *item)
{
	unsigned long long size = ZSTD_getFrameContentSize(item->body, item->body_len);

	return item->zstd && size != ZSTD_CONTENTSIZE_UNKNOWN && size != ZSTD_CONTENTSIZE_ERROR &&
	       size > BATCH_BYTES_MAX;
}

/* The batch of a body; 0, 1 when a refusal is in *reply, or -errno. */
static int decode(struct item *item, struct api_reply *reply)
{
	AUTO_FREE uint8_t *plain = NULL;
	const char *why = "body is not zstd, or larger than allowed when decompressed";
	size_t len = 0;
	int err = 0;

	if (item->zstd)
		err = batch_decompress(item->body, item->body_len, BATCH_BYTES_MAX, &plain, &len);
	if (!err)
		err = item->zstd ? batch_decode(plain, len, &item->batch, &why)
				 : batch_decode(item->body, item->body_len, &item->batch, &why);
	if (!err)
		return 0;
	if (claims_too_much(item))
		err = refuse(reply, METRIC_REFUSED_TOO_LARGE, 413, 0,
			     "body is too large when decompressed");
	else if (err == -EPROTONOSUPPORT)
		err = refuse(reply, METRIC_REFUSED_MALFORMED, 400, 0,
			     "schema of this batch is not known here");
	else if (err == -EBADMSG)
		err = refuse(reply, METRIC_REFUSED_MALFORMED, 400, 0, why);
	return err ? err : 1;
}

/* A thousand agents at once take as much memory as a few. As decode(). */
static int decode_item(struct ingest *in, struct item *item, struct api_reply *reply)
{
	int err;

	while (sem_wait(&in->decodes))
		if (errno != EINTR)
			return -errno;
	err = decode(item, reply);
	sem_post(&in->decodes);
	return err;
}

/* With the lock held: what is to be said without storing it. As decode(). */
static int check_sequence(const struct source *s, uint64_t sequence, struct api_reply *reply)
{
	json_t *error;
	int err;

	if (s->is_known && sequence <= s->high_water) {
		err = acknowledge(reply, sequence, true);
		return err ? err : 1;
	}
	if (!s->is_known || sequence - s->high_water <= INGEST_WINDOW)
		return 0;
	metric_add(METRIC_REFUSED_SEQUENCE, 1);
	reply->status = 409;
	error = json_pack("{s:{s:s}, s:I}", "error", "message",
			  "sequence is too far ahead of what is stored of this instance",
			  "high_water", (json_int_t)s->high_water);
	err = api_json(reply, error);
	return err ? err : 1;
}

/* One batch of an instance at a time: waits for its turn. As decode(). */
static int source_enter(struct ingest *in, const struct batch_head *head, struct api_reply *reply,
			struct source **ret)
{
	struct source *s;
	int err;

	pthread_mutex_lock(&in->lock);
	s = find_source(in, head->agent, head->instance);
	while (s && s->is_busy)
		pthread_cond_wait(&in->changed, &in->lock);
	if (!s) {
		err = refuse(reply, METRIC_REFUSED_BUSY, 503, INGEST_FULL_RETRY_S,
			     "too many instances of agents");
		err = err ? err : 1;
	} else {
		err = check_sequence(s, head->sequence, reply);
	}
	if (!err)
		s->is_busy = true;
	pthread_mutex_unlock(&in->lock);
	*ret = s;
	return err;
}

static void source_leave(struct ingest *in, struct source *s, uint64_t durable_sequence)
{
	pthread_mutex_lock(&in->lock);
	s->is_busy = false;
	if (durable_sequence) {
		metric_add(METRIC_SEQUENCE_GAPS, durable_sequence - s->high_water - 1);
		s->high_water = durable_sequence;
		s->is_known = true;
	}
	pthread_cond_broadcast(&in->changed);
	pthread_mutex_unlock(&in->lock);
}

static int answer(struct api_reply *reply, int err, uint64_t sequence, size_t body_len)
{
	switch (err) {
	case 0:
		metric_add(METRIC_RECEIVED_BYTES, body_len);
		return acknowledge(reply, sequence, false);
	case -EAGAIN:
		return refuse(reply, METRIC_REFUSED_BUSY, 429, PIPELINE_RETRY_S,
			      "the store is behind: try again");
	case -ESHUTDOWN:
		return refuse(reply, METRIC_REFUSED_BUSY, 503, PIPELINE_RETRY_S,
			      "the collector is stopping");
	case -ENOSPC:
	case -EDQUOT:
	case -EFBIG:
		return refuse(reply, METRIC_REFUSED_LOG, 507, INGEST_FULL_RETRY_S,
			      "no space left: the batch was not stored");
	default:
		return refuse(reply, METRIC_REFUSED_LOG, 503, INGEST_FULL_RETRY_S,
			      "the segment log failed: the batch was not stored");
	}
}

static bool is_reserved(const char *agent)
{
	return !strncmp(agent, FLOW_SOURCE_AGENT, strlen(FLOW_SOURCE_AGENT));
}

/* A body whose room is kept. */
static int take(struct ingest *in, struct item *owned, const char *only_agent,
		struct api_reply *reply)
{
	AUTO(item_free) struct item *item = owned;
	size_t body_len = item->body_len;
	struct source *s;
	uint64_t sequence;
	int err = decode_item(in, item, reply);

	if (!err && is_reserved(item->batch->head.agent))
		return refuse(reply, METRIC_REFUSED_MALFORMED, 400, 0,
			      "names that begin with '" FLOW_SOURCE_AGENT "' are flow exporters'");
	if (!err && only_agent && strcmp(only_agent, item->batch->head.agent) != 0)
		return refuse(reply, METRIC_REFUSED_FORBIDDEN, 403, 0,
			      "this token writes batches of another agent");
	if (!err && committer_is_full(in->committer))
		return answer(reply, -ENOSPC, 0, 0);
	if (!err)
		err = source_enter(in, &item->batch->head, reply, &s);
	if (err)
		return err < 0 ? err : 0;
	sequence = item->batch->head.sequence;
	err = pipeline_submit(in->pipeline, TAKE(item));
	source_leave(in, s, err ? 0 : sequence);
	return answer(reply, err, sequence, body_len);
}

int ingest_post(struct ingest *in, void *body, size_t body_len, bool zstd, const char *only_agent,
		int64_t now_us, struct api_reply *reply)
{
	AUTO(item_free) struct item *item = calloc(1, sizeof(*item));
	int err;

	if (!item) {
		free(body);
		return -ENOMEM;
	}
	item->body = body;
	item->body_len = body_len;
	item->zstd = zstd;
	item->arrived_us = now_us;
	err = pipeline_enter(in->pipeline, body_len);
	if (err)
		return answer(reply, err, 0, 0);
	err = take(in, TAKE(item), only_agent, reply);
	pipeline_leave(in->pipeline, body_len);
	return err;
}
