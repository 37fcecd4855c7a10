/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * having=: which groups an answer has, by what they add up to: "packets < 3 and flows > 10". Words
 * are flows, packets, bytes; signs = == != < <= > >=; numbers as in filters (k, m, g).
 */
#ifndef WT_QUERY_HAVING_H
#define WT_QUERY_HAVING_H

#include <stddef.h>
#include <stdint.h>

struct api_reply;
struct api_request;
struct sql_builder;

#define HAVING_TERMS_MAX 8

struct having {
	size_t len; /* 0: all groups */
	struct having_term {
		const char *column; /* flows, packets, octets */
		const char *sign;
		uint64_t number;
	} terms[HAVING_TERMS_MAX];
};

/* 0; 1 when the reply is made (400); -errno. */
int having_arg(const struct api_request *req, struct api_reply *reply, struct having *ret);

/* " WHERE packets < 3 AND …" behind a subquery with these columns; nothing without terms. */
void having_add(const struct having *h, struct sql_builder *b);

#endif
