// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Decoded batches in, chunks of 2048 rows into the hour's flows table and the ledger. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "user/collector/store_internal.h"
#include "user/lib/addr.h"
#include "user/lib/log.h"
#include "user/wire/batch.h"

#define SET(a, type, col, value) (((type *)(a)->column[col])[(a)->rows] = (type)(value))

const char *store_flows_name(int64_t hour, char name[STORE_NAME_MAX])
{
	snprintf(name, STORE_NAME_MAX, "flows_%" PRId64, hour);
	return name;
}

/* The vectors' memory may move with every reset. */
static void chunk_begin(struct store_appender *a, size_t columns)
{
	duckdb_data_chunk_reset(a->chunk);
	for (size_t i = 0; i < columns; i++)
		a->column[i] = duckdb_vector_get_data(duckdb_data_chunk_get_vector(a->chunk, i));
	a->rows = 0;
}

static void chunk_new(struct store_appender *a, const struct store_column *columns, size_t len)
{
	duckdb_logical_type types[STORE_COLUMNS_MAX];

	for (size_t i = 0; i < len; i++)
		types[i] = duckdb_create_logical_type(columns[i].type);
	a->chunk = duckdb_create_data_chunk(types, len);
	for (size_t i = 0; i < len; i++)
		duckdb_destroy_logical_type(&types[i]);
}

static int appender_open(struct store *s, struct store_appender *a, const char *table,
			 const struct store_column *columns, size_t len)
{
	if (!a->chunk)
		chunk_new(a, columns, len);
	if (!a->chunk)
		return -ENOMEM;
	if (duckdb_appender_create(s->writer, NULL, table, &a->appender) != DuckDBSuccess) {
		log_error("store: append to %s: %s", table, duckdb_appender_error(a->appender));
		return -EIO;
	}
	chunk_begin(a, len);
	return 0;
}

static int appender_fail(const struct store_appender *a)
{
	log_error("store: append: %s", duckdb_appender_error(a->appender));
	return -EIO;
}

/* Hands a full chunk on, or (at the end) what there is. */
static int appender_push(struct store_appender *a, size_t columns)
{
	if (!a->rows)
		return 0;
	duckdb_data_chunk_set_size(a->chunk, a->rows);
	if (duckdb_append_data_chunk(a->appender, a->chunk) != DuckDBSuccess)
		return appender_fail(a);
	chunk_begin(a, columns);
	return 0;
}

static int appender_finish(struct store_appender *a, size_t columns)
{
	int err;

	if (!a->appender)
		return 0;
	err = appender_push(a, columns);
	if (!err && duckdb_appender_close(a->appender) != DuckDBSuccess)
		err = appender_fail(a);
	if (!err)
		duckdb_appender_destroy(&a->appender);
	return err;
}

static int segment_change_put(struct store *s)
{
	struct segment_change c = s->change;
	char name[STORE_NAME_MAX];

	s->change = (struct segment_change){ .hour = -1 };
	if (c.hour < 0)
		return 0;
	return store_run(s, NULL,
			 "UPDATE segments SET min_start_us = least(min_start_us, $1), "
			 "max_end_us = greatest(max_end_us, $2), rows = rows + $3 WHERE name = $4",
			 "iius", c.min_start_us, c.max_end_us, c.rows,
			 store_flows_name(c.hour, name));
}

int store_appenders_finish(struct store *s)
{
	int err = appender_finish(&s->flows, FLOW_COLUMNS);

	if (!err)
		err = appender_finish(&s->ledger, LEDGER_COLUMNS);
	if (!err)
		err = segment_change_put(s);
	return err;
}

void store_appenders_drop(struct store *s)
{
	/* destroying flushes what is left; the transaction around it is rolled back */
	if (s->flows.appender)
		duckdb_appender_destroy(&s->flows.appender);
	if (s->ledger.appender)
		duckdb_appender_destroy(&s->ledger.appender);
	s->change = (struct segment_change){ .hour = -1 };
	s->made_hour = -1;
}

static int make_hour(struct store *s, int64_t hour)
{
	char name[STORE_NAME_MAX], sql[2048];
	int err;

	store_flows_name(hour, name);
	if (s->made_hour != hour) {
		err = store_ddl(name, store_flow_columns, FLOW_COLUMNS, sql, sizeof(sql));
		if (!err)
			err = store_run(s, NULL, sql, "");
		if (!err)
			err = store_run(
				s, NULL,
				"INSERT INTO segments SELECT $1, $2, $3, 0 WHERE NOT EXISTS "
				"(SELECT 1 FROM segments WHERE name = $1)",
				"sii", name, INT64_MAX, INT64_MIN);
		if (err)
			return err;
		s->made_hour = hour;
	}
	return appender_open(s, &s->flows, name, store_flow_columns, FLOW_COLUMNS);
}

static int switch_hour(struct store *s, int64_t hour)
{
	int err;

	if (s->flows.appender && s->change.hour == hour)
		return 0;
	err = appender_finish(&s->flows, FLOW_COLUMNS);
	if (!err)
		err = segment_change_put(s);
	if (!err)
		err = make_hour(s, hour);
	if (err)
		return err;
	s->change = (struct segment_change){ hour, 0, INT64_MAX, INT64_MIN };
	return 0;
}

static void flow_row(struct store_appender *a, uint32_t exporter_id, uint64_t interval,
		     const struct flow *f)
{
	SET(a, uint32_t, FLOW_EXPORTER_ID, exporter_id);
	SET(a, uint64_t, FLOW_INTERVAL, interval);
	SET(a, int64_t, FLOW_START_US, f->start_us);
	SET(a, int64_t, FLOW_END_US, f->end_us);
	SET(a, uint64_t, FLOW_SRC_HI, addr_hi(f->src));
	SET(a, uint64_t, FLOW_SRC_LO, addr_lo(f->src));
	SET(a, uint64_t, FLOW_DST_HI, addr_hi(f->dst));
	SET(a, uint64_t, FLOW_DST_LO, addr_lo(f->dst));
	SET(a, uint16_t, FLOW_SRC_PORT, f->src_port);
	SET(a, uint16_t, FLOW_DST_PORT, f->dst_port);
	SET(a, uint16_t, FLOW_ETHERTYPE, f->ethertype);
	SET(a, uint8_t, FLOW_PROTO, f->proto);
	SET(a, uint8_t, FLOW_FLAGS, f->flags);
	SET(a, uint8_t, FLOW_KIND, f->kind);
	SET(a, uint32_t, FLOW_IFINDEX, f->ifindex);
	SET(a, uint32_t, FLOW_NETNS, f->netns);
	SET(a, uint16_t, FLOW_VLAN_OUTER, f->vlan_outer);
	SET(a, uint16_t, FLOW_VLAN_INNER, f->vlan_inner);
	SET(a, uint32_t, FLOW_TUNNEL_ID, f->tunnel_id);
	SET(a, uint64_t, FLOW_PACKETS, f->packets);
	SET(a, uint64_t, FLOW_L2_OCTETS, f->l2_octets);
	SET(a, uint64_t, FLOW_L3_OCTETS, f->l3_octets);
	SET(a, uint16_t, FLOW_TCP_FLAGS, f->tcp_flags);
	SET(a, uint8_t, FLOW_DSCP, f->dscp);
	SET(a, uint8_t, FLOW_TTL_MIN, f->ttl_min);
	SET(a, uint8_t, FLOW_TTL_MAX, f->ttl_max);
	SET(a, uint32_t, FLOW_SAMPLING, f->sampling);
	a->rows++;
}

static int append_flows(struct store *s, uint32_t exporter_id, const struct batch *b,
			int64_t arrived_us)
{
	struct store_appender *a = &s->flows;
	idx_t full = duckdb_vector_size();
	int err = switch_hour(s, arrived_us / STORE_HOUR_US);

	for (size_t i = 0; !err && i < b->flows_len; i++) {
		const struct flow *f = &b->flows[i];

		flow_row(a, exporter_id, b->head.interval, f);
		if (f->start_us < s->change.min_start_us)
			s->change.min_start_us = f->start_us;
		if (f->end_us > s->change.max_end_us)
			s->change.max_end_us = f->end_us;
		if (a->rows == full)
			err = appender_push(a, FLOW_COLUMNS);
	}
	s->change.rows += b->flows_len;
	return err;
}

static void ledger_row(struct store_appender *a, uint32_t exporter_id, const struct ledger_row *l,
		       const struct ledger_count *c, int64_t arrived_us)
{
	SET(a, uint32_t, LEDGER_EXPORTER_ID, exporter_id);
	SET(a, uint64_t, LEDGER_INTERVAL, l->interval);
	SET(a, int64_t, LEDGER_START_US, l->start_us);
	SET(a, int64_t, LEDGER_END_US, l->end_us);
	SET(a, uint32_t, LEDGER_IFINDEX, l->ifindex);
	SET(a, uint32_t, LEDGER_NETNS, l->netns);
	SET(a, uint8_t, LEDGER_POINT, l->point);
	duckdb_vector_assign_string_element(duckdb_data_chunk_get_vector(a->chunk, LEDGER_NAME),
					    a->rows, c->name);
	SET(a, uint64_t, LEDGER_PACKETS, c->packets);
	SET(a, uint64_t, LEDGER_OCTETS, c->octets);
	SET(a, int64_t, LEDGER_ARRIVED_US, arrived_us);
	a->rows++;
}

/* Entries of one interval and point add up: a later batch may bring what was lost since. */
static int append_ledger(struct store *s, uint32_t exporter_id, const struct ledger_row *l,
			 int64_t arrived_us)
{
	struct store_appender *a = &s->ledger;
	idx_t full = duckdb_vector_size();
	int err = 0;

	if (!a->appender)
		err = appender_open(s, a, "ledger", store_ledger_columns, LEDGER_COLUMNS);
	for (uint32_t i = 0; !err && i < l->counts_len; i++) {
		ledger_row(a, exporter_id, l, &l->counts[i], arrived_us);
		if (a->rows == full)
			err = appender_push(a, LEDGER_COLUMNS);
	}
	return err;
}

int store_append_batch(struct store *s, uint32_t exporter_id, const struct batch *b,
		       int64_t arrived_us)
{
	int err = b->flows_len ? append_flows(s, exporter_id, b, arrived_us) : 0;

	for (size_t i = 0; !err && i < b->ledger_len; i++)
		err = append_ledger(s, exporter_id, &b->ledger[i], arrived_us);
	return err;
}
