// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Records: made, checked, and made again without their rows. */
#include "user/agent/disk_record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "user/agent/record.h"
#include "user/lib/cleanup.h"
#include "user/wire/batch.h"

static size_t aligned(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static uint32_t sum_of(const struct disk_record *r)
{
	struct disk_record head = *r;
	uLong crc;

	head.crc = 0;
	head.flags = 0;
	crc = crc32(crc32(0, NULL, 0), (const Bytef *)&head, sizeof(head));
	return (uint32_t)crc32(crc, (const Bytef *)(r + 1), (uInt)(r->bytes - sizeof(*r)));
}

struct disk_record *disk_record_new(const uint8_t instance[16], uint64_t sequence, uint32_t flags,
				    const struct spool_sum *sums, uint32_t sums_len,
				    const void *body, uint32_t body_len)
{
	size_t sums_bytes = sums_len * sizeof(*sums);
	size_t bytes = aligned(sizeof(struct disk_record) + sums_bytes + body_len);
	struct disk_record *r = bytes > DISK_RECORD_MAX ? NULL : calloc(1, bytes);

	if (!r)
		return NULL;
	*r = (struct disk_record){
		.magic = DISK_RECORD_MAGIC,
		.bytes = (uint32_t)bytes,
		.flags = flags,
		.sequence = sequence,
		.sums_len = sums_len,
		.body_len = body_len,
	};
	memcpy(r->instance, instance, sizeof(r->instance));
	if (sums_bytes)
		memcpy(r + 1, sums, sums_bytes);
	memcpy((uint8_t *)(r + 1) + sums_bytes, body, body_len);
	r->crc = sum_of(r);
	return r;
}

int disk_record_check(const void *bytes, size_t len)
{
	const struct disk_record *r = bytes;

	if (len < sizeof(*r) || r->magic != DISK_RECORD_MAGIC || r->bytes < sizeof(*r) ||
	    r->bytes > DISK_RECORD_MAX || r->bytes > len || r->bytes % 8 ||
	    r->sums_len > DISK_RECORD_MAX / sizeof(struct spool_sum) ||
	    r->body_len > DISK_RECORD_MAX)
		return -EBADMSG;
	if (aligned(sizeof(*r) + r->sums_len * sizeof(struct spool_sum) + r->body_len) != r->bytes)
		return -EBADMSG;
	return sum_of(r) == r->crc ? 0 : -EBADMSG;
}

const struct spool_sum *disk_record_sums(const struct disk_record *r)
{
	return (const struct spool_sum *)(r + 1);
}

const void *disk_record_body(const struct disk_record *r)
{
	return disk_record_sums(r) + r->sums_len;
}

/* ---- without its rows ----------------------------------------------------------------------- */

static int decode(const struct disk_record *r, struct batch **ret)
{
	AUTO_FREE uint8_t *plain = NULL;
	const char *why;
	size_t len;
	int err = batch_decompress(disk_record_body(r), r->body_len, BATCH_BYTES_MAX, &plain, &len);

	return err ? err : batch_decode(plain, len, ret, &why);
}

/* Host counts stay: they are no rows of packets, and few. */
static void drop_rows(struct batch *b)
{
	b->flows_len = 0;
	b->connections_len = 0;
	b->drops_len = 0;
	b->latencies_len = 0;
}

static int add_losses(const struct disk_record *r, enum agent_count loss, struct batch *b)
{
	const struct spool_sum *sums = disk_record_sums(r);
	size_t len = b->ledger_len + r->sums_len;
	struct ledger_row *ledger;

	if (len > BATCH_LEDGER_MAX)
		return -EMSGSIZE;
	ledger = realloc(b->ledger, (len + 1) * sizeof(*ledger));
	if (!ledger)
		return -ENOMEM;
	b->ledger = ledger;
	for (uint32_t i = 0; i < r->sums_len; i++) {
		struct agent_ledger lost = {
			.interval = sums[i].interval,
			.ifindex = sums[i].ifindex,
			.netns = sums[i].netns,
			.point = sums[i].point,
		};

		lost.counts[loss] = sums[i].count;
		record_ledger(&lost, &b->ledger[b->ledger_len++]);
	}
	return 0;
}

int disk_record_give_up(const struct disk_record *r, enum agent_count loss,
			struct disk_record **ret)
{
	AUTO(batch_free) struct batch *b = NULL;
	AUTO_FREE uint8_t *plain = NULL, *body = NULL;
	size_t plain_len, body_len;
	int err = decode(r, &b);

	if (err)
		return err;
	drop_rows(b);
	err = add_losses(r, loss, b);
	if (!err)
		err = batch_encode(b, &plain, &plain_len);
	if (!err)
		err = batch_compress(plain, plain_len, &body, &body_len);
	if (err)
		return err;
	*ret = disk_record_new(r->instance, r->sequence, r->flags | DISK_RECORD_GIVEN_UP, NULL, 0,
			       body, (uint32_t)body_len);
	return *ret ? 0 : -ENOMEM;
}
