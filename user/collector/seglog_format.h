/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The bytes of a segment: headers out, checked records in (drawn in seglog.h). */
#ifndef WT_SEGLOG_FORMAT_H
#define WT_SEGLOG_FORMAT_H

#include "user/collector/seglog.h"

#define SEGMENT_HEADER_BYTES 32
#define RECORD_HEADER_BYTES 24

void segment_format(uint64_t number, uint64_t salt, uint8_t ret[SEGMENT_HEADER_BYTES]);

/* 0 and the salt, or -EBADMSG when these bytes are not the header of segment `number`. */
int segment_parse(const uint8_t *bytes, size_t len, uint64_t number, uint64_t *ret_salt);

void record_format(uint64_t salt, const struct log_record *record,
		   uint8_t ret[RECORD_HEADER_BYTES]);

/*
 * The record at bytes[offset], its body borrowed from bytes; *ret_end is the offset behind it.
 * -EBADMSG when there is none.
 */
int record_parse(const uint8_t *bytes, size_t len, size_t offset, uint64_t salt,
		 struct log_record *ret, size_t *ret_end);

/* The offset of the first good record at or behind `offset`, or len. */
size_t record_find(const uint8_t *bytes, size_t len, size_t offset, uint64_t salt);

#endif
