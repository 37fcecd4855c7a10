/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Sealed flows say nothing twice: of a row's columns (store_schema.h)
 *
 *   start_us    is end_us - duration_us BIGINT, which are small numbers
 *   l3_octets   is l2_octets - l2_header UTINYINT * packets, where that is so: 14 octets a packet
 *               of Ethernet, 0 of what exporters tell. Else l2_header is 255 and it stands there;
 *               NULL where it does not
 *   interval    is not there: it is for the ledger, whose sums of sealed rows are in `stored`
 *
 * Files are named flows_<hour>.v2.parquet; those of before, flows_<hour>.parquet, have all columns
 * as they are.
 */
#ifndef WT_STORE_PACKED_H
#define WT_STORE_PACKED_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "user/collector/store_segments.h"

#define STORE_PACKED ".v2.parquet"
#define STORE_PACKED_START "end_us - duration_us"

bool store_segment_is_packed(const struct store_segment *g);

/* "column, …" of what is to be packed; and of what was, all columns again, in their order. */
void store_packed_write(FILE *out);
void store_packed_read(FILE *out);

/* l2_header of a row; and what layer 3 octets were, of which anything may stand for NULL. */
uint8_t store_packed_header(uint64_t packets, uint64_t l2_octets, uint64_t l3_octets);
uint64_t store_packed_l3(uint64_t l3_octets, uint64_t l2_octets, uint8_t l2_header,
			 uint64_t packets);

/*
 * " WHERE …": rows that start within, and for whole row groups to be passed over, what follows of
 * their ends. may_have: of the files.
 */
void store_packed_cut(int64_t from_us, int64_t to_us, unsigned int may_have, FILE *out);

#endif
