// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Template sets in, templates by id out. */
#include "user/exporters/template.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/exporters/element.h"

#define ENTERPRISE_BIT 0x8000

/* Where id is, or would be. */
static size_t place_of(const struct templates *t, uint16_t id)
{
	size_t low = 0, high = t->len;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (t->at[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void template_free(struct template *one)
{
	free(one->fields);
	free(one);
}

void templates_done(struct templates *t)
{
	for (size_t i = 0; i < t->len; i++)
		template_free(t->at[i]);
	free(t->at);
	*t = (struct templates){ 0 };
}

const struct template *templates_find(const struct templates *t, uint16_t id, int64_t now_us)
{
	size_t i = place_of(t, id);

	if (i == t->len || t->at[i]->id != id || t->at[i]->seen_us + TEMPLATE_LIFE_US < now_us)
		return NULL;
	return t->at[i];
}

static struct template *template_copy(const struct template *one)
{
	struct template *copy = malloc(sizeof(*copy));
	size_t bytes = one->fields_len * sizeof(*one->fields);

	if (!copy)
		return NULL;
	*copy = *one;
	copy->fields = malloc(bytes);
	if (!copy->fields) {
		free(copy);
		return NULL;
	}
	memcpy(copy->fields, one->fields, bytes);
	return copy;
}

static int make_room(struct templates *t)
{
	size_t max = t->max ? t->max * 2 : 8;
	struct template **at;

	if (t->len < t->max)
		return 0;
	if (t->len == TEMPLATES_MAX)
		return -ENOSPC;
	at = realloc(t->at, max * sizeof(struct template *));
	if (!at)
		return -ENOMEM;
	t->at = at;
	t->max = max;
	return 0;
}

int templates_put(struct templates *t, const struct template *one)
{
	size_t i = place_of(t, one->id);
	struct template *copy;
	int err;

	if (i < t->len && t->at[i]->id == one->id) {
		copy = template_copy(one);
		if (!copy)
			return -ENOMEM;
		template_free(t->at[i]);
		t->at[i] = copy;
		return 0;
	}
	err = make_room(t);
	if (err)
		return err;
	copy = template_copy(one);
	if (!copy)
		return -ENOMEM;
	memmove(t->at + i + 1, t->at + i, (t->len - i) * sizeof(struct template *));
	t->at[i] = copy;
	t->len++;
	return 0;
}

void templates_withdraw(struct templates *t, uint16_t id, bool is_options)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->len; i++) {
		struct template *one = t->at[i];

		if (one->is_options == is_options && (!id || one->id == id))
			template_free(one);
		else
			t->at[kept++] = one;
	}
	t->len = kept;
}

static int parse_field(struct bytes *set, bool is_ipfix, bool is_scope, struct template_field *ret)
{
	uint32_t enterprise = ELEMENT_PEN_IANA;
	uint16_t number, len;

	if (!bytes_u16(set, &number) || !bytes_u16(set, &len))
		return -EBADMSG;
	if (is_ipfix && number & ENTERPRISE_BIT) {
		if (!bytes_u32(set, &enterprise))
			return -EBADMSG;
		number &= (uint16_t)~ENTERPRISE_BIT;
	}
	*ret = (struct template_field){ len, (uint16_t)element_find(enterprise, number) };
	if (is_scope &&
	    !is_ipfix) /* RFC 3954 6.1: scopes have numbers of their own; 2: interface */
		ret->element = number == 2 ? ELEMENT_IN_INTERFACE : ELEMENT_NONE;
	return 0;
}

static int parse_fields(struct bytes *set, bool is_ipfix, struct template *t)
{
	for (uint16_t i = 0; i < t->fields_len; i++) {
		struct template_field *f = &t->fields[i];
		int err = parse_field(set, is_ipfix, i < t->scope_len, f);

		if (err)
			return err;
		if (f->len == TEMPLATE_VARIABLE && is_ipfix) {
			t->is_fixed = false;
			t->record_min += 1;
		} else {
			t->record_min += f->len;
		}
	}
	return t->record_min ? 0 : -EBADMSG; /* a set would hold any number of records */
}

/* v9 gives the lengths of both parts in bytes, IPFIX numbers of fields. */
static bool parse_options_counts(struct bytes *set, bool is_ipfix, struct template *t)
{
	uint16_t first, second;

	if (!bytes_u16(set, &first) || !bytes_u16(set, &second))
		return false;
	if (is_ipfix) {
		t->fields_len = first;
		t->scope_len = second;
		return second > 0 && second <= first;
	}
	if (first % 4 || second % 4 || first / 4 + second / 4 > UINT16_MAX)
		return false;
	t->scope_len = first / 4;
	t->fields_len = (uint16_t)(first / 4 + second / 4);
	return true;
}

static bool parse_counts(struct bytes *set, bool is_ipfix, struct template *t)
{
	struct bytes ahead;

	if (!bytes_u16(set, &t->id))
		return false;
	ahead = *set;
	if (is_ipfix && bytes_u16(&ahead, &t->fields_len) && !t->fields_len) {
		*set = ahead; /* a withdrawal has nothing more (RFC 7011 8.1) */
		return true;
	}
	if (t->id < TEMPLATE_ID_MIN)
		return false;
	if (t->is_options)
		return parse_options_counts(set, is_ipfix, t);
	return bytes_u16(set, &t->fields_len);
}

int template_parse(struct bytes *set, bool is_ipfix, bool is_options, struct template_field *fields,
		   struct template *ret)
{
	*ret = (struct template){ .is_options = is_options, .is_fixed = true, .fields = fields };
	if (!parse_counts(set, is_ipfix, ret) || ret->fields_len > TEMPLATE_FIELDS_MAX)
		return -EBADMSG;
	if (!ret->fields_len)
		return is_ipfix ? 0 : -EBADMSG;
	return parse_fields(set, is_ipfix, ret);
}
