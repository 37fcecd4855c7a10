// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Rows in, text of JSON or CSV out, one row at a time: a reply may have 100,000. */
#include "user/collector/query_columns.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/api.h"
#include "user/collector/filter_tree.h"
#include "user/collector/query.h"
#include "user/lib/addr.h"
#include "user/wire/signal.h"

static json_t *address_json(const struct query_rows *rows, idx_t at)
{
	char text[ADDR_TEXT_MAX];
	uint8_t addr[16];

	addr_from_halves(query_u64(rows, at), query_u64(rows, at + 1), addr);
	return json_string(addr_format(addr, text));
}

static json_t *text_json(const struct query_rows *rows, idx_t at)
{
	const char *text;
	size_t len = query_text(rows, at, &text);
	json_t *json = json_stringn(text, len);

	/* not UTF-8: names come from outside */
	return json ? json : json_string("?");
}

static json_t *flags_json(int64_t flags)
{
	static const char letters[] = "FSRPAUECN";
	char text[sizeof(letters)];
	size_t n = 0;

	/* as people write them: SA, PA, not AS */
	for (size_t i = 0; i < sizeof(letters) - 1; i++) {
		if (flags >> i & 1)
			text[n++] = letters[i];
	}
	text[n] = '\0';
	return json_string(text);
}

static json_t *tunnel_json(int64_t tunnel)
{
	static const char *const names[] = { NULL, "gre", "ipip", "6in4", "vxlan", "geneve" };

	if (tunnel <= 0)
		return json_null();
	return tunnel < (int64_t)ARRAY_LEN(names) ? json_string(names[tunnel])
						  : json_string("other");
}

static json_t *proto_json(int64_t proto)
{
	const char *name = filter_proto_name((unsigned int)proto);
	char number[24];

	snprintf(number, sizeof(number), "%" PRId64, proto);
	return json_string(name ? name : number);
}

static json_t *ethertype_json(int64_t ethertype)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%04" PRIx64, ethertype);
	return json_string(text);
}

static json_t *id_json(uint64_t id)
{
	char text[24];

	snprintf(text, sizeof(text), "%016" PRIx64, id);
	return json_string(text);
}

static json_t *named_json(enum filter_field field, int64_t number)
{
	const char *name = filter_number_name(field, number);

	return name ? json_string(name) : json_integer(number);
}

static json_t *end_json(int64_t end)
{
	const char *name = connection_end_name(end);

	return name ? json_string(name) : json_integer(end);
}

static json_t *errno_json(int64_t number)
{
	const char *name = number > 0 && number < 4096 ? strerrorname_np((int)number) : NULL;

	if (!number)
		return json_null();
	return name ? json_string(name) : json_integer(number);
}

/* What took at most le_ns and more than half of that; null: the last one has no upper end. */
static json_t *buckets_json(const struct query_rows *rows, idx_t at)
{
	json_t *list = json_array();

	for (int i = 0; i < LATENCY_BUCKETS; i++) {
		json_int_t count = query_int(rows, at + (idx_t)i);
		json_t *le = i < LATENCY_BUCKETS - 1
				     ? json_integer(INT64_C(1) << (LATENCY_SHIFT + i))
				     : json_null();

		if (count)
			json_array_append_new(list,
					      json_pack("{s:O,s:I}", "le_ns", le, "count", count));
		json_decref(le);
	}
	return list;
}

static idx_t sources(enum query_column_kind kind)
{
	return kind == COLUMN_BUCKETS ? LATENCY_BUCKETS : kind == COLUMN_ADDRESS ? 2 : 1;
}

/* A new value; *at moves behind the statement's columns it was made of. */
static json_t *cell_json(const struct query_rows *rows, const struct query_column *column,
			 idx_t *at)
{
	idx_t i = *at;

	*at += sources(column->kind);
	if (query_is_null(rows, i))
		return json_null();
	switch (column->kind) {
	case COLUMN_TEXT:
		return text_json(rows, i);
	case COLUMN_BOOL:
		return json_boolean(query_int(rows, i));
	case COLUMN_ADDRESS:
		return address_json(rows, i);
	case COLUMN_PROTO_NAME:
		return proto_json(query_int(rows, i));
	case COLUMN_ETHERTYPE:
		return ethertype_json(query_int(rows, i));
	case COLUMN_DIRECTION:
		return json_string(query_int(rows, i) ? "egress" : "ingress");
	case COLUMN_TCP_FLAGS:
		return flags_json(query_int(rows, i));
	case COLUMN_TUNNEL:
		return tunnel_json(query_int(rows, i));
	case COLUMN_ID:
		return id_json(query_u64(rows, i));
	case COLUMN_ROLE:
		return named_json(FIELD_ROLE, query_int(rows, i));
	case COLUMN_STATE:
		return named_json(FIELD_STATE, query_int(rows, i));
	case COLUMN_CONNECTION_END:
		return end_json(query_int(rows, i));
	case COLUMN_ERRNO:
		return errno_json(query_int(rows, i));
	case COLUMN_BUCKETS:
		return buckets_json(rows, i);
	case COLUMN_MS:
		return json_real((double)query_int(rows, i) / 1000);
	default:
		return json_integer(query_int(rows, i));
	}
}

static json_t *row_json(const struct query_rows *rows, const struct query_column *columns,
			size_t len)
{
	json_t *row = json_object();
	idx_t at = 0;

	for (size_t i = 0; i < len; i++)
		json_object_set_new_nocheck(row, columns[i].name,
					    cell_json(rows, &columns[i], &at));
	return row;
}

/* RFC 4180: quotes where a separator, a quote or a line end would be misread. */
static void csv_text(const char *text, FILE *out)
{
	if (!text[strcspn(text, ",\"\r\n")]) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void csv_cell(const json_t *cell, FILE *out)
{
	switch (json_typeof(cell)) {
	case JSON_STRING:
		csv_text(json_string_value(cell), out);
		break;
	case JSON_INTEGER:
		fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(cell));
		break;
	case JSON_REAL:
		fprintf(out, "%.3f", json_real_value(cell));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		fputs(json_is_true(cell) ? "1" : "0", out);
		break;
	default: /* null: an empty cell */
		break;
	}
}

static int finish(struct api_reply *reply, FILE *out, char **text, size_t *text_len,
		  const char *content_type)
{
	int failed = ferror(out);

	if (fclose(out) || failed) {
		free(*text);
		return -ENOMEM;
	}
	reply->status = 200;
	reply->content_type = content_type;
	reply->body = *text;
	reply->body_len = *text_len;
	return 0;
}

int query_reply_csv(struct api_reply *reply, struct query_rows *rows,
		    const struct query_column *columns, size_t len)
{
	char *text = NULL;
	size_t text_len;
	FILE *out = open_memstream(&text, &text_len);

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++)
		fprintf(out, "%s%s", columns[i].name, i + 1 < len ? "," : "\r\n");
	while (query_rows_next(rows)) {
		idx_t at = 0;

		for (size_t i = 0; i < len; i++) {
			json_t *cell = cell_json(rows, &columns[i], &at);

			if (cell)
				csv_cell(cell, out);
			fputs(i + 1 < len ? "," : "\r\n", out);
			json_decref(cell);
		}
	}
	return finish(reply, out, &text, &text_len, "text/csv; charset=utf-8");
}

int query_reply_json(struct api_reply *reply, struct query_rows *rows,
		     const struct query_column *columns, size_t len, json_t *rest)
{
	char *text = NULL, *rest_text = NULL;
	const char *separator = "";
	size_t text_len;
	FILE *out = open_memstream(&text, &text_len);

	if (!out) {
		json_decref(rest);
		return -ENOMEM;
	}
	fputs("{\"rows\":[", out);
	while (query_rows_next(rows)) {
		json_t *row = row_json(rows, columns, len);

		fputs(separator, out);
		json_dumpf(row, out, JSON_COMPACT | JSON_REAL_PRECISION(15));
		json_decref(row);
		separator = ",";
	}
	rest_text = json_dumps(rest, JSON_COMPACT);
	json_decref(rest);
	if (rest_text && rest_text[1] != '}')
		fprintf(out, "],%s", rest_text + 1);
	else
		fputs("]}", out);
	free(rest_text);
	return finish(reply, out, &text, &text_len, "application/json");
}
