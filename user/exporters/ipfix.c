// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * IPFIX (RFC 7011) and NetFlow v9 (RFC 3954) in, templates and records out.
 *
 *   IPFIX  version 2 | length 2 | export time s 4 | sequence of records 4 | domain 4
 *   v9     version 2 | count 2 | uptime ms 4 | unix s 4 | sequence of datagrams 4 | source id 4
 *   set    id 2 | length 2, header included | templates or records, and padding
 */
#include <errno.h>

#include "user/exporters/datagram.h"

#define SET_HEADER_BYTES 4
#define LONG_LENGTH 255 /* RFC 7011 7: the length is in the two bytes behind */

/* Ids of sets that describe. */
static const struct {
	uint16_t id;
	bool is_ipfix, is_options;
} describing[] = {
	{ 0, false, false },
	{ 1, false, true },
	{ 2, true, false },
	{ 3, true, true },
};

struct message {
	struct flow_source *source;
	struct record_time time;
	int64_t now_us;
	bool is_ipfix;
	uint32_t records; /* that IPFIX's sequence counts */
	bool is_uncertain; /* there were records that could not be counted */
	struct template_field fields[TEMPLATE_FIELDS_MAX];
};

int netflow9_domain(struct bytes message, uint32_t *ret)
{
	return bytes_skip(&message, 16) && bytes_u32(&message, ret) ? 0 : -1;
}

int ipfix_domain(struct bytes message, uint32_t *ret)
{
	return bytes_skip(&message, 12) && bytes_u32(&message, ret) ? 0 : -1;
}

/* ---- templates ------------------------------------------------------------------------------ */

static int keep_template(struct message *m, struct template *t, uint16_t set_id)
{
	struct flow_source *s = m->source;
	int err;

	if (!t->fields_len) {
		templates_withdraw(&s->templates, t->id == set_id ? 0 : t->id, t->is_options);
		return 0;
	}
	t->seen_us = m->now_us;
	err = templates_put(&s->templates, t);
	if (err != -ENOSPC)
		return err;
	flow_source_refuse(s, REFUSAL_TEMPLATES_MAX);
	return 0;
}

/* A set may be padded to a multiple of four bytes: what is shorter than a template is padding. */
static int read_templates(struct message *m, struct bytes set, bool is_options, uint16_t set_id)
{
	size_t header = is_options && !m->is_ipfix ? 6 : 4;
	struct template t;
	int err = 0;

	while (!err && set.left >= header) {
		if (template_parse(&set, m->is_ipfix, is_options, m->fields, &t)) {
			flow_source_refuse(m->source, REFUSAL_TEMPLATE);
			return 0;
		}
		err = keep_template(m, &t, set_id);
	}
	return err;
}

/* ---- records -------------------------------------------------------------------------------- */

static bool take_field(struct bytes *set, const struct template_field *f, bool is_ipfix,
		       struct bytes *ret)
{
	uint16_t len = f->len;
	uint8_t first;

	if (len == TEMPLATE_VARIABLE && is_ipfix) {
		if (!bytes_u8(set, &first))
			return false;
		len = first;
		if (first == LONG_LENGTH && !bytes_u16(set, &len))
			return false;
	}
	return bytes_take(set, len, ret);
}

static bool take_record(struct bytes *set, const struct template *t, bool is_ipfix,
			struct record_values *r)
{
	struct bytes value;

	for (uint16_t i = 0; i < t->fields_len; i++) {
		if (!take_field(set, &t->fields[i], is_ipfix, &value))
			return false;
		element_put(t->fields[i].element, value.at, value.left, r);
	}
	return true;
}

static int read_records(struct message *m, struct bytes set, const struct template *t)
{
	int err = 0;

	while (!err && set.left >= t->record_min) {
		struct record_values r = { 0 };

		if (!take_record(&set, t, m->is_ipfix, &r)) {
			flow_source_refuse(m->source, REFUSAL_TRUNCATED);
			m->is_uncertain = true;
			return 0;
		}
		m->records++;
		err = t->is_options ? flow_source_options(m->source, &r)
				    : flow_source_record(m->source, &r, &m->time);
	}
	return err;
}

static int read_set(struct message *m, uint16_t id, struct bytes set)
{
	const struct template *t;

	for (size_t i = 0; i < ARRAY_LEN(describing); i++)
		if (describing[i].id == id && describing[i].is_ipfix == m->is_ipfix)
			return read_templates(m, set, describing[i].is_options, id);
	t = templates_find(&m->source->templates, id, m->now_us);
	if (t)
		return read_records(m, set, t);
	flow_source_refuse(m->source, REFUSAL_NO_TEMPLATE);
	m->is_uncertain = true;
	return 0;
}

static int read_sets(struct message *m, struct bytes rest)
{
	int err = 0;

	while (!err && rest.left >= SET_HEADER_BYTES) {
		struct bytes set;
		uint16_t id, len;

		if (!bytes_u16(&rest, &id) || !bytes_u16(&rest, &len))
			break;
		if (len < SET_HEADER_BYTES || !bytes_take(&rest, len - SET_HEADER_BYTES, &set)) {
			flow_source_refuse(m->source, REFUSAL_LENGTH);
			m->is_uncertain = true;
			return 0;
		}
		err = read_set(m, id, set);
	}
	return err;
}

/* ---- messages ------------------------------------------------------------------------------- */

int netflow9_read(struct flow_source *s, struct bytes message, int64_t now_us)
{
	struct message m = { .source = s, .now_us = now_us, .time.has_uptime = true };
	uint32_t unix_s, sequence, source_id;
	uint16_t version, count;

	if (!bytes_u16(&message, &version) || !bytes_u16(&message, &count) ||
	    !bytes_u32(&message, &m.time.uptime_ms) || !bytes_u32(&message, &unix_s) ||
	    !bytes_u32(&message, &sequence) || !bytes_u32(&message, &source_id))
		return 0; /* not after netflow9_domain() */
	m.time.export_us = unix_s * INT64_C(1000000);
	flow_source_sequence(s, sequence, sequence + 1, EXPORT_MISSING_DATAGRAMS);
	return read_sets(&m, message);
}

int ipfix_read(struct flow_source *s, struct bytes message, int64_t now_us)
{
	struct message m = { .source = s, .now_us = now_us, .is_ipfix = true };
	uint32_t unix_s, sequence, domain;
	uint16_t version, len;
	int err;

	if (!bytes_u16(&message, &version) || !bytes_u16(&message, &len) ||
	    !bytes_u32(&message, &unix_s) || !bytes_u32(&message, &sequence) ||
	    !bytes_u32(&message, &domain))
		return 0; /* not after ipfix_domain() */
	m.time.export_us = unix_s * INT64_C(1000000);
	if (len < 16 || (size_t)len - 16 > message.left) {
		flow_source_refuse(s, REFUSAL_LENGTH);
		m.is_uncertain = true;
	} else {
		message.left = (size_t)len - 16;
	}
	err = read_sets(&m, message);
	flow_source_sequence(s, sequence, sequence + m.records, EXPORT_MISSING_RECORDS);
	if (m.is_uncertain) /* what the next one should be cannot be told */
		s->has_expected = false;
	return err;
}
