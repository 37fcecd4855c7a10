/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What an exporter's records look like: the templates of NetFlow v9 (RFC 3954 5.2, 6.1) and IPFIX
 * (RFC 7011 3.4), kept by their id. Over UDP one that is not sent again dies (RFC 7011 8.4).
 */
#ifndef WT_TEMPLATE_H
#define WT_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/exporters/bytes.h"

#define TEMPLATE_FIELDS_MAX 256 /* more is malformed */
#define TEMPLATES_MAX 256 /* of one exporter and domain; more are refused */
#define TEMPLATE_ID_MIN 256 /* data sets are numbered from here */
#define TEMPLATE_VARIABLE 65535 /* length of a field that carries its own */
#define TEMPLATE_LIFE_US (INT64_C(3600) * 1000000) /* without being sent again */

struct template_field {
	uint16_t len; /* or TEMPLATE_VARIABLE */
	uint16_t element; /* enum element */
};

struct template
{
	uint16_t id;
	uint16_t fields_len;
	uint16_t scope_len; /* the first so many say what the others are about; 0: a flow's */
	bool is_options;
	size_t record_min; /* bytes a record has at least; exactly, without variable fields */
	bool is_fixed;
	int64_t seen_us;
	struct template_field *fields;
};

struct templates {
	struct template **at; /* by id */
	size_t len, max;
};

void templates_done(struct templates *t);

/* NULL: never sent, or its life is over. */
const struct template *templates_find(const struct templates *t, uint16_t id, int64_t now_us);

/* Takes a copy, in place of one of the same id. 0, -ENOSPC (TEMPLATES_MAX), -ENOMEM. */
int templates_put(struct templates *t, const struct template *one);
/* id 0: all that are (not) of options. */
void templates_withdraw(struct templates *t, uint16_t id, bool is_options);

/*
 * One template from the front of a set; fields holds TEMPLATE_FIELDS_MAX and *ret points to it.
 * is_ipfix: with enterprise numbers and withdrawals (no fields). -EBADMSG when it is none.
 */
int template_parse(struct bytes *set, bool is_ipfix, bool is_options, struct template_field *fields,
		   struct template *ret);

#endif
