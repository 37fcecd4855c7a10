/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* POST by libcurl, with a bound on time and on the answer. */
#ifndef WT_HTTP_POST_H
#define WT_HTTP_POST_H

#include <stddef.h>
#include <stdint.h>

#define HTTP_POST_ANSWER_MAX 65536
#define HTTP_POST_SECONDS 10
#define HTTP_POST_HEADERS_MAX 16

struct http_post;

/* header_file: lines "Name: value" that go along; NULL: none. 0, -ENOMEM, or -errno of the file. */
int http_post_new(const char *content_type, const char *header_file, struct http_post **ret);
void http_post_free(struct http_post *h);

/*
 * 0 and the answer's status (its body: http_post_answer()), or -EHOSTUNREACH, -ETIMEDOUT, -EIO:
 * nothing came back.
 */
int http_post(struct http_post *h, const char *url, const uint8_t *body, size_t len, long *status);
const uint8_t *http_post_answer(const struct http_post *h, size_t *len);
/* What the last answer asked to wait; 0: nothing. */
long http_post_retry_after_s(const struct http_post *h);

#endif
