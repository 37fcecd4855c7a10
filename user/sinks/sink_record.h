/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * One row by itself, as files and Kafka have it: protobuf (message Record of
 * proto/wiretally.proto) or a JSON object with the names of /v1/flows and /v1/connections, and
 * "type": flow, connection or drop. Rows are numbered as in sink_kind.h.
 */
#ifndef WT_SINK_RECORD_H
#define WT_SINK_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "user/sinks/sink_kind.h"

#define SINK_RECORD_MAX 4096 /* octets of one, as JSON or protobuf */

/* Octets written to out, or -EMSGSIZE. */
int sink_record_protobuf(const struct sink_rows *rows, size_t i, uint8_t out[SINK_RECORD_MAX]);
/* The same; no line end. */
int sink_record_json(const struct sink_rows *rows, size_t i, char out[SINK_RECORD_MAX]);

#define SINK_KEY_MAX 128
/* "6 10.0.0.1 443 10.0.0.2 51234": the same for both directions of a conversation. Its length. */
int sink_record_key(const struct sink_rows *rows, size_t i, char out[SINK_KEY_MAX]);

#endif
