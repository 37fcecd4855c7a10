// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * GET /v1/export?format=parquet|csv|json&filter=&last=…|from=&to=&all=&exporter=&tier=: all records
 * that match, oldest first, as a file: DuckDB writes it beside the segments, and it has no name
 * any more when it is sent. One at a time; its bound is the disk, and SERVER_LONG_S.
 */
#include <errno.h>
#include <string.h>

#include "user/collector/api.h"
#include "user/collector/query.h"
#include "user/collector/query_sql.h"
#include "user/collector/store.h"
#include "user/collector/store_files.h"
#include "user/lib/cleanup.h"

/* A row of `formats` is a format. */
static const struct format {
	const char *name, *sql, *content_type, *filename;
} formats[] = {
	{ "parquet", "(FORMAT parquet, COMPRESSION zstd)", "application/vnd.apache.parquet",
	  "flows.parquet" },
	{ "csv", "(FORMAT csv, HEADER)", "text/csv; charset=utf-8", "flows.csv" },
	{ "json", "(FORMAT json)", "application/x-ndjson", "flows.ndjson" },
};

struct export
{
	struct query_scope scope;
	const struct format *format;
};

static inline void export_done_auto(struct export *e)
{
	query_scope_done(&e->scope);
}

#define IS_IP "f.ethertype IN (2048, 34525)"
#define HAS_PORTS "f.proto IN (1, 6, 17, 33, 58, 132, 136) AND f.flags & 4 = 0"
#define VLAN(which) \
	"if(f.vlan_" which " >= 4096, f.vlan_" which " & 4095, NULL) AS vlan_" which ", "

/* Names as in /v1/flows; times are timestamps (UTC). wt_ip(): store_schema.c. */
static const char columns_before[] =
	"SELECT make_timestamp(f.start_us) AS \"start\", make_timestamp(f.end_us) AS \"end\", "
	"if(" IS_IP ", wt_ip(f.src_hi, f.src_lo), NULL) AS src, "
	"if(" IS_IP ", wt_ip(f.dst_hi, f.dst_lo), NULL) AS dst, "
	"if(" HAS_PORTS ", f.src_port, NULL) AS src_port, "
	"if(" HAS_PORTS ", f.dst_port, NULL) AS dst_port, if(" IS_IP ", f.proto, NULL) AS proto, "
	"f.ethertype, f.ifindex, f.netns, if(f.flags & 1 = 1, 'egress', 'ingress') AS direction, "
	"f.flags & 2 = 2 AS counted, f.flags & 8 = 8 AS \"inner\", ";
static const char columns_after[] =
	"if(f.proto = 6, f.tcp_flags, NULL) AS tcp_flags, f.dscp, f.ttl_min, f.ttl_max, " VLAN(
		"outer")
		VLAN("inner") "f.tunnel_id, greatest(f.sampling, 1) AS sampling, f.records, "
			      "coalesce(f.src_as, 0) AS src_as, coalesce(f.dst_as, 0) AS dst_as, "
			      "coalesce(f.peer_ifindex, 0) AS peer_ifindex, e.exporter, e.agent, e.host";

static int parse_format(const struct api_request *req, struct api_reply *reply,
			const struct format **ret)
{
	const char *name = req->arg(req, "format");
	int err;

	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		if (!strcmp(formats[i].name, name ? name : "csv")) {
			*ret = &formats[i];
			return 0;
		}
	}
	err = api_error(reply, 400, "format", -1, "format is none of parquet, csv, json");
	return err < 0 ? err : 1;
}

static void add_statement(const struct export *e, struct sql_builder *b)
{
	static const char *const names[] = { " AS packets, ", " AS octets, ", " AS l3_octets, " };

	sql_add(b, columns_before);
	for (int i = QUERY_PACKETS; i <= QUERY_L3_OCTETS; i++) {
		sql_add(b, "least(");
		sql_add(b, query_measure(&e->scope, (enum query_measure)i));
		sql_add(b, ", 9223372036854775807)::BIGINT");
		sql_add(b, names[i]);
	}
	sql_add(b, columns_after);
	sql_add(b, " FROM (SELECT *");
	query_from_flows(&e->scope, b);
	sql_add(b, ") f LEFT JOIN exporters e ON e.id = f.exporter_id ORDER BY f.start_us");
}

/* COPY (…) TO the scratch file, which is open and nameless at the end. */
static int copy_out(const struct api_request *req, struct api_reply *reply, const struct export *e,
		    int *ret_fd)
{
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b = { 0 };
	char file[STORE_FILE_MAX];
	int err = sql_init(&b), taken;

	if (err)
		return err;
	store_scratch_name(req->store, file);
	sql_add(&b, "COPY (");
	add_statement(e, &b);
	sql_add(&b, ") TO '");
	store_write_path(req->store, file, b.out);
	sql_add(&b, "' ");
	sql_add(&b, e->format->sql);
	err = query_run_reply(req, reply, &b, &rows);
	taken = store_scratch_take(req->store, file, ret_fd); /* after a failure, too: it goes */
	return err ? err : taken;
}

int api_export(const struct api_request *req, struct api_reply *reply)
{
	AUTO(export_done) struct export e = { 0 };
	AUTO_FD int fd = -1;
	int err = parse_format(req, reply, &e.format);

	if (!err)
		err = query_scope_parse_fine(req, reply, &e.scope);
	if (!err)
		err = copy_out(req, reply, &e, &fd);
	if (err)
		return err < 0 ? err : 0;
	reply->status = 200;
	reply->content_type = e.format->content_type;
	reply->filename = e.format->filename;
	reply->has_fd = true;
	reply->fd = TAKE_FD(fd);
	return 0;
}
