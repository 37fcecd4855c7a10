/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Datagrams written by hand: numbers in network order, lengths filled in afterwards. */
#ifndef WT_TEST_MESSAGE_H
#define WT_TEST_MESSAGE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "user/exporters/datagram.h"
#include "user/lib/addr.h"

#define NOW_S 1700000000
#define NOW_US (NOW_S * INT64_C(1000000))

struct message_text {
	uint8_t bytes[4096];
	size_t len;
};

static inline void put(struct message_text *m, uint64_t number, size_t bytes)
{
	while (bytes--)
		m->bytes[m->len++] = (uint8_t)(number >> 8 * bytes);
}

static inline void put16(struct message_text *m, unsigned int a)
{
	put(m, a, 2);
}

static inline void put32(struct message_text *m, uint64_t a)
{
	put(m, a, 4);
}

/* Numbers of 16 bits until -1. */
#define PUT16(m, ...)                                        \
	do {                                                 \
		const int list_[] = { __VA_ARGS__, -1 };     \
		for (size_t k_ = 0; list_[k_] >= 0; k_++)    \
			put16((m), (unsigned int)list_[k_]); \
	} while (0)

static inline void put_bytes(struct message_text *m, const void *bytes, size_t len)
{
	memcpy(m->bytes + m->len, bytes, len);
	m->len += len;
}

/* The 16 bits at `at`, to the end of what is there, counted from `from`. */
static inline void fill_length(struct message_text *m, size_t at, size_t from)
{
	m->bytes[at] = (uint8_t)((m->len - from) >> 8);
	m->bytes[at + 1] = (uint8_t)(m->len - from);
}

static inline size_t begin_set(struct message_text *m, unsigned int id)
{
	put16(m, id);
	put16(m, 0);
	return m->len - 4;
}

static inline void end_set(struct message_text *m, size_t set)
{
	fill_length(m, set + 2, set);
}

static inline int give_at(struct flow_sources *all, const struct message_text *m, size_t len,
			  const char *from, uint16_t port, int64_t now_us, struct flow_source **ret)
{
	struct datagram d = { .bytes = { m->bytes, len }, .port = port, .arrived_us = now_us };

	cr_assert(addr_parse(from, d.address) == 0);
	return datagram_read(all, &d, ret);
}

static inline struct flow_source *give(struct flow_sources *all, const struct message_text *m)
{
	struct flow_source *s = NULL;

	cr_assert(give_at(all, m, m->len, "192.0.2.1", 4000, NOW_US, &s) == 0);
	cr_assert(s != NULL);
	return s;
}

static inline const char *text_of(const uint8_t address[16])
{
	static char text[4][ADDR_TEXT_MAX];
	static int next;

	return addr_format(address, text[next++ % 4]);
}

/* Whatever came: everything seen is a row or has a name. */
static inline void expect_balance(const struct flow_source *s)
{
	uint64_t refused = 0;

	for (int i = 0; i < REFUSALS; i++)
		refused += s->refused[i];
	cr_expect(s->counts[EXPORT_SEEN] == s->counts[EXPORT_RECORDED] + refused);
	cr_expect(s->counts[EXPORT_RECORDED] == s->rows_len);
}

#endif
