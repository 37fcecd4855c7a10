// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Segment and record headers to bytes and back; nothing that fails its checksum comes out. */
#include "user/collector/seglog_format.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <zlib.h>

#define RECORD_MAGIC 0x31525457u /* "WTR1" */
#define RECORD_ZSTD 0x1u

static const uint8_t segment_magic[8] = { 'W', 'T', 'S', 'E', 'G', 0, 0, 1 };

struct segment_header {
	uint8_t magic[8];
	uint64_t number;
	uint64_t salt;
	uint32_t crc; /* of what is above */
	uint32_t pad;
};

struct record_header {
	uint32_t magic;
	uint32_t length;
	uint32_t crc;
	uint32_t flags;
	uint64_t arrived_us;
};

_Static_assert(sizeof(struct segment_header) == SEGMENT_HEADER_BYTES, "lives on disk");
_Static_assert(sizeof(struct record_header) == RECORD_HEADER_BYTES, "lives on disk");

void segment_format(uint64_t number, uint64_t salt, uint8_t ret[SEGMENT_HEADER_BYTES])
{
	struct segment_header h = { .number = htole64(number), .salt = htole64(salt) };

	memcpy(h.magic, segment_magic, sizeof(h.magic));
	h.crc = htole32(
		(uint32_t)crc32(0, (const Bytef *)&h, offsetof(struct segment_header, crc)));
	memcpy(ret, &h, sizeof(h));
}

int segment_parse(const uint8_t *bytes, size_t len, uint64_t number, uint64_t *ret_salt)
{
	uint8_t want[SEGMENT_HEADER_BYTES];
	struct segment_header h;

	if (len < sizeof(h))
		return -EBADMSG;
	memcpy(&h, bytes, sizeof(h));
	segment_format(number, le64toh(h.salt), want);
	if (memcmp(want, bytes, sizeof(want)))
		return -EBADMSG;
	*ret_salt = le64toh(h.salt);
	return 0;
}

static uint32_t record_crc(uint64_t salt, const struct record_header *h, const void *body,
			   size_t body_len)
{
	uint64_t le_salt = htole64(salt);
	uLong crc = crc32(0, (const Bytef *)&le_salt, sizeof(le_salt));

	crc = crc32(crc, (const Bytef *)&h->length, sizeof(h->length));
	crc = crc32(crc, (const Bytef *)&h->flags, sizeof(h->flags) + sizeof(h->arrived_us));
	return (uint32_t)crc32_z(crc, body, body_len);
}

void record_format(uint64_t salt, const struct log_record *record, uint8_t ret[RECORD_HEADER_BYTES])
{
	struct record_header h = {
		.magic = htole32(RECORD_MAGIC ^ (uint32_t)salt),
		.length = htole32((uint32_t)record->body_len),
		.flags = htole32(record->zstd ? RECORD_ZSTD : 0),
		.arrived_us = htole64((uint64_t)record->arrived_us),
	};

	h.crc = htole32(record_crc(salt, &h, record->body, record->body_len));
	memcpy(ret, &h, sizeof(h));
}

int record_parse(const uint8_t *bytes, size_t len, size_t offset, uint64_t salt,
		 struct log_record *ret, size_t *ret_end)
{
	struct record_header h;
	const uint8_t *body;
	size_t body_len;

	if (offset > len || len - offset < sizeof(h))
		return -EBADMSG;
	memcpy(&h, bytes + offset, sizeof(h));
	body = bytes + offset + sizeof(h);
	body_len = le32toh(h.length);
	if (h.magic != htole32(RECORD_MAGIC ^ (uint32_t)salt) || body_len > SEGLOG_BODY_MAX ||
	    body_len > len - offset - sizeof(h))
		return -EBADMSG;
	if (le32toh(h.crc) != record_crc(salt, &h, body, body_len))
		return -EBADMSG;
	ret->arrived_us = (int64_t)le64toh(h.arrived_us);
	ret->zstd = le32toh(h.flags) & RECORD_ZSTD;
	ret->body = body;
	ret->body_len = body_len;
	*ret_end = offset + sizeof(h) + body_len;
	return 0;
}

size_t record_find(const uint8_t *bytes, size_t len, size_t offset, uint64_t salt)
{
	uint32_t magic = htole32(RECORD_MAGIC ^ (uint32_t)salt);
	struct log_record record;
	size_t end;

	while (offset < len) {
		const uint8_t *hit = memmem(bytes + offset, len - offset, &magic, sizeof(magic));

		if (!hit)
			return len;
		offset = (size_t)(hit - bytes);
		if (!record_parse(bytes, len, offset, salt, &record, &end))
			return offset;
		offset++;
	}
	return len;
}
