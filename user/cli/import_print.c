// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Rows and ledgers in, JSON lines on stdout out. */
#include "user/cli/import_print.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "user/lib/addr.h"

static const char *const tunnel_names[16] = { "", "gre", "ipip", "6in4", "vxlan", "geneve" };

/* Takes the reference. */
static int print_line(json_t *line)
{
	int err = 0;

	if (!line || json_dumpf(line, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF)
		err = ferror(stdout) ? -EIO : -ENOMEM;
	json_decref(line);
	return err;
}

static json_t *row_to_json(const char *exporter, const struct flow *flow)
{
	const char *tunnel = tunnel_names[flow->flags >> FLOW_TUNNEL_SHIFT];
	char source[ADDR_TEXT_MAX], destination[ADDR_TEXT_MAX];

	return json_pack(
		"{ss ss ss si si si si sI si si ss sI sb sb sI sI sI sI sI si si si si}",
		"exporter", exporter, "source", addr_format(flow->src, source), "destination",
		addr_format(flow->dst, destination), "source_port", flow->src_port,
		"destination_port", flow->dst_port, "protocol", flow->proto, "ethertype",
		flow->ethertype, "interface", (json_int_t)flow->ifindex, "vlan_outer",
		flow->vlan_outer, "vlan_inner", flow->vlan_inner, "tunnel", tunnel ? tunnel : "",
		"tunnel_id", (json_int_t)flow->tunnel_id, "inner", !!(flow->flags & FLOW_INNER),
		"later_fragment", !!(flow->flags & FLOW_LATER_FRAGMENT), "packets",
		(json_int_t)flow->packets, "l2_octets", (json_int_t)flow->l2_octets, "l3_octets",
		(json_int_t)flow->l3_octets, "start", (json_int_t)flow->start_us, "duration",
		(json_int_t)(flow->end_us - flow->start_us), "tcp_flags", flow->tcp_flags, "dscp",
		flow->dscp, "ttl_min", flow->ttl_min, "ttl_max", flow->ttl_max);
}

int import_print_rows(void *context, const struct flow *rows, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int err = print_line(row_to_json(context, &rows[i]));

		if (err)
			return err;
	}
	return 0;
}

static json_t *counts_to_json(const struct ledger_row *row)
{
	json_t *counts = json_object();

	for (size_t i = 0; i < row->counts_len; i++)
		json_object_set_new(counts, row->counts[i].name,
				    json_pack("{sI sI}", "packets",
					      (json_int_t)row->counts[i].packets, "octets",
					      (json_int_t)row->counts[i].octets));
	return counts;
}

int import_print_ledger(const char *exporter, const struct ledger_row *ledger, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const struct ledger_row *row = &ledger[i];
		int err = print_line(json_pack("{ss s{sI si so}}", "exporter", exporter, "ledger",
					       "interface", (json_int_t)row->ifindex, "point",
					       (int)row->point, "counts", counts_to_json(row)));

		if (err)
			return err;
	}
	return 0;
}
