// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Rows of the API and a table of columns in, aligned lines out. */
#include "user/cli/columns.h"

#include <stdio.h>
#include <string.h>

#include "user/cli/command.h"
#include "user/cli/keys.h"
#include "user/cli/show.h"
#include "user/lib/table.h"

#define CELL_MAX COLUMNS_CELL_MAX
_Static_assert(CELL_MAX >= SHOW_ENDPOINT_MAX, "endpoints fit");
_Static_assert(CELL_MAX >= UNITS_TEXT_MAX, "amounts fit, too");

static const char *share(const json_t *row, const struct column *c, char *text)
{
	int64_t all = show_int(row, c->with);

	if (all <= 0)
		return "-";
	snprintf(text, CELL_MAX, "%.2f %%", 100.0 * (double)show_int(row, c->member) / (double)all);
	return text;
}

/* A name alone, a pid alone, or both. */
static const char *owner(const json_t *row, const struct column *c, char *text)
{
	const char *name = show_text(row, c->member);
	const char *mark = strcmp(show_text(row, "join"), "ambiguous") ? "" : "?";
	long long pid = show_int(row, c->with);

	if (pid)
		snprintf(text, CELL_MAX, "%.32s/%lld%s", name, pid, mark);
	else
		snprintf(text, CELL_MAX, "%.32s%s", *name ? name : "-", mark);
	return text;
}

static const char *protocol(const json_t *row, char *text)
{
	const char *name = show_text(row, "proto_name");

	if (!*name)
		return show_text(row, "ethertype");
	if (strncmp(name, "icmp", 4) || !json_is_integer(json_object_get(row, "src_port")))
		return name;
	snprintf(text, CELL_MAX, "%.16s %lld/%lld", name, (long long)show_int(row, "src_port"),
		 (long long)show_int(row, "dst_port"));
	return text;
}

/* ICMP has its type and code where others have ports. */
static const char *endpoint(const json_t *row, const struct column *c, char *text)
{
	bool is_icmp = !strncmp(show_text(row, "proto_name"), "icmp", 4);

	return show_endpoint(row, c->member, is_icmp ? "" : c->with, text);
}

static const char *interface(const json_t *row, char *text)
{
	snprintf(text, CELL_MAX, "%.40s %s", show_text(row, "interface"),
		 !strcmp(show_text(row, "direction"), "egress") ? "out" : "in");
	return text;
}

/* Amounts over time, as nfdump has them: nothing a second where it took no time. */
static const char *rate(const struct show *show, const json_t *row, const struct column *c,
			char *text)
{
	int64_t us = show_int(row, "end_us") - show_int(row, "start_us");
	double amount = (double)show_int(row, c->member) * (c->cell == CELL_BPS ? 8 : 1);

	if (us <= 0)
		return "-";
	amount = amount * 1e6 / (double)us;
	return show_count(show, amount < 9e18 ? (int64_t)amount : INT64_MAX, text);
}

static const char *bytes_a_packet(const struct show *show, const json_t *row,
				  const struct column *c, char *text)
{
	int64_t packets = show_int(row, "packets");

	return packets > 0 ? show_count(show, show_int(row, c->member) / packets, text) : "-";
}

const char *columns_cell(const struct show *show, const json_t *row, const struct column *c,
			 char text[COLUMNS_CELL_MAX])
{
	int64_t number = show_int(row, c->member);

	switch (c->cell) {
	case CELL_COUNT:
		return json_is_integer(json_object_get(row, c->member))
			       ? show_count(show, number, text)
			       : "-";
	case CELL_BYTES:
		return show_bytes(show, number, text);
	case CELL_MS_OF_NS:
		return show_ms(row, c->member, 1e6, text);
	case CELL_MS_OF_US:
		return show_ms(row, c->member, 1e3, text);
	case CELL_BPS:
	case CELL_PPS:
		return rate(show, row, c, text);
	case CELL_BPP:
		return bytes_a_packet(show, row, c, text);
	case CELL_SHARE:
		return share(row, c, text);
	case CELL_ENDPOINT:
		return endpoint(row, c, text);
	case CELL_TIME:
		return show_time(number, text);
	case CELL_DURATION:
		return show_int(row, c->with) ? show_duration(show, number, text) : "-";
	case CELL_SPAN:
		return show_duration(show, number - show_int(row, c->with), text);
	case CELL_OWNER:
		return owner(row, c, text);
	case CELL_EXPORTER:
		return show_exporter(row);
	case CELL_PROTOCOL:
		return protocol(row, text);
	case CELL_INTERFACE:
		return interface(row, text);
	default:
		return *show_text(row, c->member) ? show_text(row, c->member) : "-";
	}
}

/* Numbers stand to the right. */
static bool is_number(enum cell cell)
{
	return cell <= CELL_SHARE || cell == CELL_DURATION || cell == CELL_SPAN;
}

struct table *columns_table(const struct show *show, const json_t *rows,
			    const struct column *columns, size_t len, bool has_keys)
{
	json_t *row = json_array_get(rows, 0);
	const char *measure = columns[0].member;
	struct table *t = table_new(len + (has_keys ? keys_count(row, measure) : 0));
	char text[CELL_MAX];
	size_t i, c;

	if (!t)
		return NULL;
	if (has_keys)
		keys_titles(t, row, measure);
	for (c = 0; c < len; c++)
		table_column(t, columns[c].title, is_number(columns[c].cell));
	json_array_foreach(rows, i, row) {
		if (has_keys)
			keys_cells(t, row, measure);
		for (c = 0; c < len; c++)
			table_cell(t, columns_cell(show, row, &columns[c], text));
	}
	return t;
}

int columns_print(const struct show *show, const json_t *rows, const struct column *columns,
		  size_t len, bool has_keys)
{
	AUTO(table_free) struct table *t = columns_table(show, rows, columns, len, has_keys);

	return t ? show_table(show, t) : EXIT_FAILED;
}
