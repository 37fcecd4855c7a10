// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The store's small tables in, a registry out. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/collector/registry_internal.h"
#include "user/collector/store_write.h"
#include "user/lib/addr.h"
#include "user/lib/log.h"

/* Column `col` of a row as text into size bytes. */
static void copy_text(duckdb_result *result, idx_t col, idx_t row, char *to, size_t size)
{
	char *text = duckdb_value_varchar(result, col, row);

	snprintf(to, size, "%s", text ? text : "");
	duckdb_free(text);
}

static int load_exporter(struct registry *r, duckdb_result *res, idx_t row)
{
	char agent[BATCH_AGENT_MAX], name[BATCH_NAME_MAX];
	duckdb_blob blob = duckdb_value_blob(res, 2, row);
	uint8_t instance[16] = {};
	struct exporter *e;
	int err;

	memcpy(instance, blob.data, blob.size < 16 ? blob.size : 16);
	duckdb_free(blob.data);
	copy_text(res, 1, row, agent, sizeof(agent));
	copy_text(res, 4, row, name, sizeof(name));
	err = registry_add_exporter(r, agent, instance, name, &e);
	if (err)
		return err;
	copy_text(res, 3, row, e->agent->host, sizeof(e->agent->host));
	e->id = duckdb_value_uint32(res, 0, row);
	e->high_water = duckdb_value_uint64(res, 5, row);
	e->first_us = duckdb_value_int64(res, 6, row);
	e->last_us = duckdb_value_int64(res, 7, row);
	e->gaps = duckdb_value_uint64(res, 8, row);
	e->is_stored = true;
	if (!*e->exporter && e->last_us > e->agent->live_us)
		e->agent->live_us = e->last_us;
	if (e->id > r->last_id)
		r->last_id = e->id;
	return 0;
}

static int load_interface(struct registry *r, duckdb_result *res, idx_t row)
{
	struct watched_interface w = { .index = duckdb_value_uint32(res, 1, row),
				       .netns = duckdb_value_uint32(res, 2, row) };
	char agent[BATCH_AGENT_MAX];
	struct agent *a;

	copy_text(res, 0, row, agent, sizeof(agent));
	copy_text(res, 3, row, w.name, sizeof(w.name));
	copy_text(res, 4, row, w.hook, sizeof(w.hook));
	a = registry_agent(r, agent);
	return a ? agent_set_interface(a, &w, duckdb_value_int64(res, 5, row)) : -ENOMEM;
}

/* Ordered by agent: the rows from `row` on that are of one agent. */
static int load_addresses(struct registry *r, duckdb_result *res, idx_t *row)
{
	char agent[BATCH_AGENT_MAX], other[BATCH_AGENT_MAX];
	uint8_t addresses[BATCH_ADDRESSES_MAX][16];
	struct agent *a;
	size_t len = 0;

	copy_text(res, 0, *row, agent, sizeof(agent));
	for (; *row < duckdb_row_count(res); ++*row) {
		copy_text(res, 0, *row, other, sizeof(other));
		if (strcmp(agent, other))
			break;
		if (len < BATCH_ADDRESSES_MAX)
			addr_from_halves(duckdb_value_uint64(res, 1, *row),
					 duckdb_value_uint64(res, 2, *row), addresses[len++]);
	}
	a = registry_agent(r, agent);
	return a ? agent_set_addresses(r, a, addresses, len) : -ENOMEM;
}

static int load_all_addresses(struct registry *r, struct store *s)
{
	__attribute__((cleanup(result_done_auto))) duckdb_result res = {};
	int err = store_run(s, &res, "SELECT agent, hi, lo FROM addresses ORDER BY agent", "");

	for (idx_t row = 0; !err && row < duckdb_row_count(&res);)
		err = load_addresses(r, &res, &row);
	return err;
}

static int load_table(struct registry *r, struct store *s, const char *sql,
		      int (*load)(struct registry *r, duckdb_result *res, idx_t row))
{
	__attribute__((cleanup(result_done_auto))) duckdb_result res = {};
	int err = store_run(s, &res, sql, "");

	for (idx_t row = 0; !err && row < duckdb_row_count(&res); row++)
		err = load(r, &res, row);
	return err;
}

int registry_load(struct store *s, struct registry **ret)
{
	AUTO(registry_free) struct registry *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	/* oldest first: the newest host name of an agent stays */
	err = load_table(r, s,
			 "SELECT id, agent, instance, host, exporter, high_water, first_us, "
			 "last_us, gaps FROM exporters ORDER BY last_us",
			 load_exporter);
	if (!err)
		err = load_table(
			r, s, "SELECT agent, ifindex, netns, name, hook, last_us FROM interfaces",
			load_interface);
	if (!err)
		err = load_all_addresses(r, s);
	if (err) {
		log_error("store: load exporters: %s", strerror(-err));
		return err;
	}
	*ret = TAKE(r);
	return 0;
}
