// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Tables of fields in, templates out. */
#include "user/sinks/message_template.h"

#include "user/sinks/flow_message_internal.h"

void message_begin_templates(struct flow_message *m, uint16_t set)
{
	flow_message_end_set(m);
	m->set = m->len;
	put(m, set, 2);
	put(m, 0, 2);
}

void message_put_template(struct flow_message *m, uint16_t template, struct message_fields fields,
			  uint8_t which)
{
	size_t len = 0;

	for (size_t i = 0; i < fields.len; i++)
		len += (fields.at[i].which & which) != 0;
	put(m, template, 2);
	put(m, len, 2);
	for (size_t i = 0; i < fields.len; i++) {
		if (!(fields.at[i].which & which))
			continue;
		put(m, fields.at[i].element, 2);
		put(m, fields.at[i].bytes, 2);
		if (fields.at[i].element & MESSAGE_ENTERPRISE)
			put(m, m->enterprise, 4);
	}
	m->parts++;
}

size_t message_record_bytes(struct message_fields fields, uint8_t which)
{
	size_t bytes = 0;

	for (size_t i = 0; i < fields.len; i++)
		if (fields.at[i].which & which && fields.at[i].bytes != MESSAGE_VARIABLE)
			bytes += fields.at[i].bytes;
	return bytes;
}
