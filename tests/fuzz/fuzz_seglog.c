// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Bytes of a segment in, whatever a disk may give back: nothing is read beyond them, and what
 * comes out as a record formats to the very same bytes.
 * needs: user/collector/seglog_format.c
 */
#include <stdlib.h>
#include <string.h>

#include "user/collector/seglog_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	uint8_t header[SEGMENT_HEADER_BYTES], again[RECORD_HEADER_BYTES];
	uint64_t salt = 0;
	size_t offset = 0;

	if (!segment_parse(bytes, len, 1, &salt)) {
		segment_format(1, salt, header);
		if (memcmp(header, bytes, sizeof(header)))
			abort();
		offset = SEGMENT_HEADER_BYTES;
	}
	while (offset < len) {
		struct log_record record;
		size_t end, found = record_find(bytes, len, offset, salt);

		if (found >= len)
			break;
		if (record_parse(bytes, len, found, salt, &record, &end) || end > len ||
		    end <= found)
			abort();
		record_format(salt, &record, again);
		if (memcmp(again, bytes + found, 8)) /* the crc covers flags that we may not know */
			abort();
		offset = end;
	}
	return 0;
}
