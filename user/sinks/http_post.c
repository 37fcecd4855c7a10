// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A URL and a body in, a status and an answer out. */
#include "user/sinks/http_post.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/cleanup.h"

#define HEADER_MAX 4096

struct http_post {
	CURL *curl;
	struct curl_slist *headers;
	size_t answer_len;
	uint8_t answer[HTTP_POST_ANSWER_MAX];
};

static size_t take(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_post *h = arg;
	size_t room = sizeof(h->answer) - h->answer_len, len = size * n;

	memcpy(h->answer + h->answer_len, bytes, len < room ? len : room);
	h->answer_len += len < room ? len : room;
	return len; /* what is more is of no interest */
}

static int add_header(struct http_post *h, const char *line)
{
	struct curl_slist *more = curl_slist_append(h->headers, line);

	if (!more)
		return -ENOMEM;
	h->headers = more;
	return 0;
}

static int add_headers(struct http_post *h, const char *path)
{
	AUTO_FILE FILE *f = fopen(path, "re");
	char line[HEADER_MAX];
	int err = f ? 0 : -errno;

	for (int n = 0; !err && n < HTTP_POST_HEADERS_MAX && fgets(line, sizeof(line), f); n++) {
		line[strcspn(line, "\r\n")] = '\0';
		if (*line)
			err = strchr(line, ':') ? add_header(h, line) : -EINVAL;
	}
	return err;
}

static void set_options(struct http_post *h)
{
	curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, h->headers);
	curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, h);
	curl_easy_setopt(h->curl, CURLOPT_TIMEOUT, (long)HTTP_POST_SECONDS);
	curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h->curl, CURLOPT_POST, 1L);
	curl_easy_setopt(h->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h->curl, CURLOPT_USERAGENT, "wiretally/" WT_VERSION);
}

int http_post_new(const char *content_type, const char *header_file, struct http_post **ret)
{
	struct http_post *h = calloc(1, sizeof(*h));
	char type[128];
	int err;

	if (!h)
		return -ENOMEM;
	snprintf(type, sizeof(type), "Content-Type: %s", content_type);
	h->curl = curl_easy_init();
	err = h->curl ? add_header(h, type) : -ENOMEM;
	if (!err)
		err = add_header(h, "Expect:"); /* no round trip before the body */
	if (!err && header_file)
		err = add_headers(h, header_file);
	if (err) {
		http_post_free(h);
		return err;
	}
	set_options(h);
	*ret = h;
	return 0;
}

void http_post_free(struct http_post *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->curl);
	curl_slist_free_all(h->headers);
	free(h);
}

int http_post(struct http_post *h, const char *url, const uint8_t *body, size_t len, long *status)
{
	CURLcode code;

	h->answer_len = 0;
	curl_easy_setopt(h->curl, CURLOPT_URL, url);
	curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
	code = curl_easy_perform(h->curl);
	if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT)
		return -EHOSTUNREACH;
	if (code == CURLE_OPERATION_TIMEDOUT)
		return -ETIMEDOUT;
	if (code)
		return -EIO;
	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, status);
	return 0;
}

const uint8_t *http_post_answer(const struct http_post *h, size_t *len)
{
	*len = h->answer_len;
	return h->answer;
}

long http_post_retry_after_s(const struct http_post *h)
{
	curl_off_t s = 0;

	curl_easy_getinfo(h->curl, CURLINFO_RETRY_AFTER, &s);
	return (long)s;
}
