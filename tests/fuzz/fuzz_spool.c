// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Bytes as a spool file: records until one is not whole, each made again without its rows.
 * needs: user/agent/disk_record.c user/agent/record.c user/agent/spool.c
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "user/agent/disk_record.h"
#include "user/lib/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* A sum that fits, so that what is behind the check is looked at as well. */
static void mend(struct disk_record *r)
{
	uLong crc;
	uint32_t flags = r->flags;

	r->crc = 0;
	r->flags = 0;
	crc = crc32(crc32(0, NULL, 0), (const Bytef *)r, sizeof(*r));
	r->crc = (uint32_t)crc32(crc, (const Bytef *)(r + 1), (uInt)(r->bytes - sizeof(*r)));
	r->flags = flags;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO_FREE struct disk_record *r = malloc(len + 1), *instead = NULL;

	if (!r)
		return 0;
	memcpy(r, bytes, len);
	disk_record_check(r, len);
	if (len < sizeof(*r))
		return 0;
	r->magic = DISK_RECORD_MAGIC;
	r->bytes = (uint32_t)(len / 8 * 8);
	if (r->bytes < sizeof(*r))
		return 0;
	mend(r);
	if (disk_record_check(r, len))
		return 0;
	if (!disk_record_give_up(r, COUNT_LOST_SPOOL_FULL, &instead) &&
	    disk_record_check(instead, instead->bytes))
		abort();
	return 0;
}
