// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Rows in, messages of a Kafka topic out, by librdkafka: idempotent, compressed, one key per
 * conversation so that both directions come in order in one partition. A row is delivered when the
 * brokers have acknowledged it; librdkafka tries for as long as that takes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#ifdef WT_HAVE_KAFKA
#include <librdkafka/rdkafka.h>
#endif

#include "user/lib/cleanup.h"
#include "user/lib/log.h"
#include "user/sinks/sink_kind.h"
#include "user/sinks/sink_record.h"

#ifdef WT_HAVE_KAFKA
#define POLL_MS 100
#define CONF_LINE_MAX 1024

struct kafka {
	struct sink *sink;
	rd_kafka_conf_t *conf; /* to be copied */
	char topic[256];
	bool is_json;
	rd_kafka_t *producer;
	rd_kafka_topic_t *to;
	size_t under_way;
	uint64_t taken, refused, octets; /* of the rows at hand, by the brokers' reports */
};

/* ---- settings ------------------------------------------------------------------------------- */

static int set(struct kafka *k, const char *name, const char *value)
{
	char error[256];

	if (rd_kafka_conf_set(k->conf, name, value, error, sizeof(error)) == RD_KAFKA_CONF_OK)
		return 0;
	fprintf(stderr, "wiretally-collector: kafka: %s: %s\n", name, error);
	return -EINVAL;
}

/* Lines "name=value" as librdkafka has them: passwords need not stand in the URL. */
static int set_from_file(struct kafka *k, const char *path)
{
	AUTO_FILE FILE *f = fopen(path, "re");
	char line[CONF_LINE_MAX];
	int err = f ? 0 : -errno;

	while (!err && fgets(line, sizeof(line), f)) {
		char *value = strchr(line, '=');

		line[strcspn(line, "\r\n")] = '\0';
		if (!*line || *line == '#')
			continue;
		if (!value)
			return -EINVAL;
		*value++ = '\0';
		err = set(k, line, value);
	}
	return err;
}

static void on_report(rd_kafka_t *producer, const rd_kafka_message_t *m, void *opaque)
{
	struct kafka *k = opaque;

	k->under_way--;
	if (m->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || m->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
		return;
	if (m->err) {
		k->refused++;
		log_warn("kafka: a row was refused: %s", rd_kafka_err2str(m->err));
		return;
	}
	k->taken++;
	k->octets += m->len;
}

static void on_error(rd_kafka_t *producer, int err, const char *reason, void *opaque)
{
	struct kafka *k = opaque;

	sink_trouble(k->sink, reason);
}

static void on_log(const rd_kafka_t *producer, int level, const char *facility, const char *text)
{
	log_debug("kafka: %s: %s", facility, text);
}

static int set_all(struct kafka *k, struct sink_url *url)
{
	const char *compression = sink_url_option(url, "compression");
	const char *file = sink_url_option(url, "conf-file");
	int err = set(k, "bootstrap.servers", url->authority);

	if (!err)
		err = set(k, "enable.idempotence", "true");
	if (!err)
		err = set(k, "message.timeout.ms", "0"); /* for ever: the queue has the bound */
	if (!err)
		err = set(k, "linger.ms", "20");
	if (!err)
		err = set(k, "compression.codec", compression ? compression : "lz4");
	if (!err)
		err = set(k, "client.id", "wiretally");
	if (!err && file)
		err = set_from_file(k, file);
	rd_kafka_conf_set_dr_msg_cb(k->conf, on_report);
	rd_kafka_conf_set_error_cb(k->conf, on_error);
	rd_kafka_conf_set_log_cb(k->conf, on_log);
	rd_kafka_conf_set_opaque(k->conf, k);
	return err;
}

static void kafka_free(void *own)
{
	struct kafka *k = own;

	rd_kafka_conf_destroy(k->conf);
	free(k);
}

static int kafka_make(const struct sink_kind *kind, struct sink *sink, struct sink_url *url,
		      void **ret, const char **why)
{
	const char *format = sink_url_option(url, "format");
	struct kafka *k;

	*why = "want kafka://HOST:PORT[,HOST:PORT…]/TOPIC";
	if (!*url->authority || url->path[0] != '/' || !url->path[1] ||
	    strlen(url->path + 1) >= sizeof(k->topic))
		return -EINVAL;
	*why = "behind ? may stand format=protobuf|json, compression=lz4|zstd|…, conf-file=FILE and all=1";
	if (format && strcmp(format, "json") != 0 && strcmp(format, "protobuf") != 0)
		return -EINVAL;
	k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	k->sink = sink;
	k->is_json = format && !strcmp(format, "json");
	snprintf(k->topic, sizeof(k->topic), "%s", url->path + 1);
	k->conf = rd_kafka_conf_new();
	if (set_all(k, url)) {
		kafka_free(k);
		return -EINVAL;
	}
	*ret = k;
	return 0;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static int kafka_open(void *own)
{
	struct kafka *k = own;
	rd_kafka_conf_t *conf = rd_kafka_conf_dup(k->conf);
	char error[256];

	k->under_way = 0;
	k->taken = k->refused = k->octets = 0;
	k->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
	if (!k->producer) {
		rd_kafka_conf_destroy(conf);
		log_error("kafka: %s", error);
		return -EINVAL;
	}
	k->to = rd_kafka_topic_new(k->producer, k->topic, NULL);
	if (k->to)
		return 0;
	rd_kafka_destroy(k->producer);
	return -EINVAL;
}

static void kafka_close(void *own)
{
	struct kafka *k = own;

	rd_kafka_purge(k->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	rd_kafka_flush(k->producer, POLL_MS);
	rd_kafka_topic_destroy(k->to);
	rd_kafka_destroy(k->producer);
}

static int produce(struct kafka *k, const struct sink_rows *rows, size_t i)
{
	uint8_t message[SINK_RECORD_MAX];
	char key[SINK_KEY_MAX];
	int key_len = sink_record_key(rows, i, key);
	int n = k->is_json ? sink_record_json(rows, i, (char *)message)
			   : sink_record_protobuf(rows, i, message);

	if (n < 0) {
		k->refused++;
		return 0;
	}
	while (rd_kafka_produce(k->to, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, message,
				(size_t)n, key, (size_t)key_len, NULL)) {
		if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
			log_warn("kafka: %s", rd_kafka_err2str(rd_kafka_last_error()));
			return -EIO; /* fatal: a producer of its own comes next */
		}
		rd_kafka_poll(k->producer, POLL_MS);
		if (sink_is_over(k->sink))
			return -ETIMEDOUT;
	}
	k->under_way++;
	return 0;
}

/*
 * Rows are acknowledged in any order, so they count when all are: after an error all of them come
 * again, some for the second time.
 */
static int kafka_deliver(void *own, const struct sink_rows *rows, size_t from)
{
	struct kafka *k = own;
	int err = 0;

	for (size_t i = from; !err && i < sink_rows_len(rows); i++) {
		err = produce(k, rows, i);
		if (!err && !(i & 1023))
			rd_kafka_poll(k->producer, 0);
	}
	while (!err && k->under_way) {
		rd_kafka_poll(k->producer, POLL_MS);
		if (k->under_way && sink_is_over(k->sink))
			err = -ETIMEDOUT;
	}
	if (!err && k->taken)
		sink_confirm(k->sink, k->taken, k->octets);
	if (!err && k->refused)
		sink_reject(k->sink, k->refused);
	k->taken = k->refused = k->octets = 0;
	return err;
}

const struct sink_kind sink_kafka = {
	.scheme = "kafka:",
	.takes_connections = true,
	.has_drops = true,
	.make = kafka_make,
	.open = kafka_open,
	.deliver = kafka_deliver,
	.close = kafka_close,
	.free = kafka_free,
};
#else
static int kafka_make(const struct sink_kind *kind, struct sink *sink, struct sink_url *url,
		      void **ret, const char **why)
{
	*why = "this build has no Kafka: it was made without librdkafka";
	return -EINVAL;
}

const struct sink_kind sink_kafka = { .scheme = "kafka:", .make = kafka_make };
#endif
