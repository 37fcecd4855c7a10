// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Rows in, acknowledged batches out: POST /v1/batches, again while the collector is busy. */
#include "user/cli/import_send.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "user/lib/log.h"
#include "user/wire/batch.h"

#define URL "http://collector/v1/batches"
#define TIMEOUT_S 60L
#define CONNECT_TIMEOUT_S 5L
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 10000
#define REPLY_BYTES_MAX 512 /* of the collector's words about a refusal */

struct import_sender {
	CURL *curl;
	struct curl_slist *headers;
	const char *socket_path;
	struct batch batch; /* head stays, flows come and go */
	char curl_says[CURL_ERROR_SIZE];
	char reply[REPLY_BYTES_MAX];
	size_t reply_len;
};

static size_t keep_reply(char *bytes, size_t size, size_t len, void *context)
{
	struct import_sender *s = context;
	size_t room = sizeof(s->reply) - 1 - s->reply_len;
	size_t kept = len < room ? len : room;

	for (size_t i = 0; i < kept; i++) { /* it is shown on a terminal */
		unsigned char c = (unsigned char)bytes[i];

		s->reply[s->reply_len + i] = c < 0x20 || c == 0x7f ? ' ' : bytes[i];
	}
	s->reply_len += kept;
	s->reply[s->reply_len] = '\0';
	return size * len;
}

/* "import-" and the host's name, in the characters that an agent's name may have. */
static void name_agent(struct batch_head *head)
{
	int len;

	if (gethostname(head->host, sizeof(head->host) - 1) < 0)
		strcpy(head->host, "unknown");
	len = snprintf(head->agent, sizeof(head->agent), "import-%s", head->host);
	if (len >= (int)sizeof(head->agent))
		len = sizeof(head->agent) - 1;
	for (int i = 0; i < len; i++) {
		char c = head->agent[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    c != '.' && c != '_' && c != '-')
			head->agent[i] = '_';
	}
}

static int setup_curl(struct import_sender *s)
{
	s->curl = curl_easy_init();
	s->headers = curl_slist_append(NULL, "Content-Type: application/x-protobuf");
	if (!s->curl || !s->headers || !curl_slist_append(s->headers, "Content-Encoding: zstd") ||
	    !curl_slist_append(s->headers, "Expect:"))
		return -ENOMEM;
	if (curl_easy_setopt(s->curl, CURLOPT_URL, URL) ||
	    curl_easy_setopt(s->curl, CURLOPT_UNIX_SOCKET_PATH, s->socket_path) ||
	    curl_easy_setopt(s->curl, CURLOPT_PROXY, "") ||
	    curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, s->headers) ||
	    curl_easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, keep_reply) ||
	    curl_easy_setopt(s->curl, CURLOPT_WRITEDATA, s) ||
	    curl_easy_setopt(s->curl, CURLOPT_ERRORBUFFER, s->curl_says) ||
	    curl_easy_setopt(s->curl, CURLOPT_TIMEOUT, TIMEOUT_S) ||
	    curl_easy_setopt(s->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S) ||
	    curl_easy_setopt(s->curl, CURLOPT_NOSIGNAL, 1L))
		return -EINVAL;
	return 0;
}

int import_sender_new(const char *socket_path, const char *exporter, struct import_sender **ret)
{
	AUTO(import_sender_free) struct import_sender *s = calloc(1, sizeof(*s));
	struct batch_head *head;
	int err = -ENOMEM;

	if (s) {
		s->socket_path = socket_path;
		s->batch.flows = calloc(IMPORT_BATCH_ROWS, sizeof(*s->batch.flows));
		err = s->batch.flows ? setup_curl(s) : -ENOMEM;
	}
	if (err) {
		log_error("prepare to send: %s", strerror(-err));
		return err;
	}
	head = &s->batch.head;
	name_agent(head);
	if (getrandom(head->instance, sizeof(head->instance), 0) != sizeof(head->instance))
		return -EIO;
	snprintf(head->exporter, sizeof(head->exporter), "%s", exporter);
	head->sequence = 1;
	head->interval = 1;
	*ret = TAKE(s);
	return 0;
}

void import_sender_free(struct import_sender *s)
{
	if (!s)
		return;
	curl_easy_cleanup(s->curl);
	curl_slist_free_all(s->headers);
	free(s->batch.flows);
	free(s);
}

static void wait_ms(long ms)
{
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

/*
 * One try. 0 when acknowledged, -EAGAIN with how long the collector wants us to wait (0: it did
 * not say), else -errno, logged. To send a batch twice does no harm: the collector knows it by
 * instance and sequence.
 */
static int post_once(struct import_sender *s, long *wait_s)
{
	curl_off_t retry_after = 0;
	CURLcode code;
	long status = 0;

	s->reply_len = 0;
	s->reply[0] = s->curl_says[0] = '\0';
	code = curl_easy_perform(s->curl);
	curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(s->curl, CURLINFO_RETRY_AFTER, &retry_after);
	*wait_s = retry_after > 0 && retry_after < 3600 ? (long)retry_after : 0;
	if (code == CURLE_COULDNT_CONNECT) {
		log_error("connect to '%s': is the collector running? (%s)", s->socket_path,
			  s->curl_says[0] ? s->curl_says : curl_easy_strerror(code));
		return -ENOTCONN;
	}
	if (code != CURLE_OK || status == 429 || status == 503 || status == 507)
		return -EAGAIN;
	if (status == 200)
		return 0;
	log_error("the collector refused a batch: HTTP %ld: %s", status, s->reply);
	return -EPROTO;
}

static int post(struct import_sender *s, const uint8_t *body, size_t len)
{
	long backoff_ms = BACKOFF_FIRST_MS, wait_s;
	int err = -EAGAIN;

	if (curl_easy_setopt(s->curl, CURLOPT_POSTFIELDS, body) ||
	    curl_easy_setopt(s->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len))
		return -EINVAL;
	for (int i = 0; i < IMPORT_TRIES; i++) {
		err = post_once(s, &wait_s);
		if (err != -EAGAIN || i == IMPORT_TRIES - 1)
			break;
		wait_ms(wait_s * 1000 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS
			: wait_s		       ? wait_s * 1000
						       : backoff_ms);
		backoff_ms = backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : backoff_ms * 2;
	}
	if (err == -EAGAIN)
		log_error("send to '%s': no acknowledgement after %d tries: %s", s->socket_path,
			  IMPORT_TRIES, s->curl_says[0] ? s->curl_says : s->reply);
	return err;
}

static int send_batch(struct import_sender *s)
{
	AUTO_FREE uint8_t *bytes = NULL, *packed = NULL;
	size_t len, packed_len;
	int err = batch_encode(&s->batch, &bytes, &len);

	if (!err)
		err = batch_compress(bytes, len, &packed, &packed_len);
	if (err) {
		log_error("encode a batch of %zu rows: %s", s->batch.flows_len, strerror(-err));
		return err;
	}
	err = post(s, packed, packed_len);
	if (err)
		return err;
	s->batch.head.sequence++;
	s->batch.flows_len = 0;
	return 0;
}

int import_sender_rows(void *context, const struct flow *rows, size_t len)
{
	struct import_sender *s = context;
	int err;

	for (size_t i = 0; i < len; i++) {
		s->batch.flows[s->batch.flows_len++] = rows[i];
		if (s->batch.flows_len < IMPORT_BATCH_ROWS)
			continue;
		err = send_batch(s);
		if (err)
			return err;
	}
	return 0;
}

int import_sender_finish(struct import_sender *s, const struct ledger_row *ledger, size_t len)
{
	int err;

	s->batch.ledger = (struct ledger_row *)ledger;
	s->batch.ledger_len = len;
	err = send_batch(s);
	s->batch.ledger = NULL;
	s->batch.ledger_len = 0;
	return err;
}
