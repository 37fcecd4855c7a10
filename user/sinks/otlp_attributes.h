/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Attributes of OTLP messages, made from one pool: everything that messages of a request point to
 * lives until pool_done().
 */
#ifndef WT_OTLP_ATTRIBUTES_H
#define WT_OTLP_ATTRIBUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <opentelemetry/proto/common/v1/common.pb-c.h>

#include "user/lib/pool.h"

#define OTLP_ATTRIBUTES_MAX 32 /* of one thing */

const char *otlp_text(struct pool *p, const char *text); /* a copy, "?" if it is not UTF-8 */
/* A list that grows up to OTLP_ATTRIBUTES_MAX; more are left out. */
struct otlp_attributes {
	struct pool *pool;
	Opentelemetry__Proto__Common__V1__KeyValue **at;
	size_t len;
};

void otlp_attributes_init(struct otlp_attributes *a, struct pool *pool);
void otlp_add_text(struct otlp_attributes *a, const char *key, const char *text); /* not "" */
void otlp_add_int(struct otlp_attributes *a, const char *key, uint64_t n);
void otlp_add_bool(struct otlp_attributes *a, const char *key, bool yes);
void otlp_add_address(struct otlp_attributes *a, const char *key, const uint8_t address[16]);

Opentelemetry__Proto__Common__V1__AnyValue *otlp_text_value(struct pool *p, const char *text);

#endif
