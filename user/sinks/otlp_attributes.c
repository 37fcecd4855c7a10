// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Names and values in, messages from a pool out. */
#include "user/sinks/otlp_attributes.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/addr.h"

/* jansson knows UTF-8, which strings of protobuf must be. */
const char *otlp_text(struct pool *p, const char *text)
{
	json_t *checked = json_string(text);
	const char *from = checked ? text : "?";
	const char *copy = pool_text(p, from, strlen(from));

	json_decref(checked);
	return copy;
}

void otlp_attributes_init(struct otlp_attributes *a, struct pool *pool)
{
	a->pool = pool;
	a->len = 0;
	a->at = pool_alloc(pool, OTLP_ATTRIBUTES_MAX * sizeof(*a->at));
}

/* NULL: it is left out. */
static Opentelemetry__Proto__Common__V1__AnyValue *add(struct otlp_attributes *a, const char *key)
{
	Opentelemetry__Proto__Common__V1__KeyValue *pair;

	if (!a->at || a->len == OTLP_ATTRIBUTES_MAX)
		return NULL;
	pair = pool_alloc(a->pool, sizeof(*pair));
	if (!pair)
		return NULL;
	opentelemetry__proto__common__v1__key_value__init(pair);
	pair->value = pool_alloc(a->pool, sizeof(*pair->value));
	if (!pair->value)
		return NULL;
	opentelemetry__proto__common__v1__any_value__init(pair->value);
	pair->key = (char *)key;
	a->at[a->len++] = pair;
	return pair->value;
}

static void set_text(struct pool *p, Opentelemetry__Proto__Common__V1__AnyValue *v,
		     const char *text)
{
	v->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE;
	v->string_value = (char *)otlp_text(p, text);
}

void otlp_add_text(struct otlp_attributes *a, const char *key, const char *text)
{
	Opentelemetry__Proto__Common__V1__AnyValue *v = *text ? add(a, key) : NULL;

	if (v)
		set_text(a->pool, v, text);
}

void otlp_add_int(struct otlp_attributes *a, const char *key, uint64_t n)
{
	Opentelemetry__Proto__Common__V1__AnyValue *v = add(a, key);

	if (!v)
		return;
	v->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE;
	v->int_value = n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

void otlp_add_bool(struct otlp_attributes *a, const char *key, bool yes)
{
	Opentelemetry__Proto__Common__V1__AnyValue *v = add(a, key);

	if (!v)
		return;
	v->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BOOL_VALUE;
	v->bool_value = yes;
}

void otlp_add_address(struct otlp_attributes *a, const char *key, const uint8_t address[16])
{
	char text[ADDR_TEXT_MAX];

	otlp_add_text(a, key, addr_format(address, text));
}

Opentelemetry__Proto__Common__V1__AnyValue *otlp_text_value(struct pool *p, const char *text)
{
	Opentelemetry__Proto__Common__V1__AnyValue *v = pool_alloc(p, sizeof(*v));

	if (!v)
		return NULL;
	opentelemetry__proto__common__v1__any_value__init(v);
	set_text(p, v, text);
	return v;
}
