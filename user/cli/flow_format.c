// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* "%ts %sap -> %dap %pkt" and rows in, lines out. */
#include "user/cli/flow_format.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/cli/columns.h"
#include "user/cli/command.h"
#include "user/cli/show.h"
#include "user/lib/cleanup.h"

/* Tags, longest first where one begins another. */
static const struct {
	const char *tag;
	struct column column;
} tags[] = {
	{ "ts", { "START", "start_us", CELL_TIME } },
	{ "te", { "END", "end_us", CELL_TIME } },
	{ "td", { "DURATION", "end_us", CELL_SPAN, "start_us" } },
	{ "pr", { "PROTO", "proto_name", CELL_PROTOCOL } },
	{ "sap", { "SOURCE", "src", CELL_ENDPOINT, "src_port" } },
	{ "dap", { "DESTINATION", "dst", CELL_ENDPOINT, "dst_port" } },
	{ "sas", { "SRC AS", "src_as", CELL_COUNT } },
	{ "das", { "DST AS", "dst_as", CELL_COUNT } },
	{ "sa", { "SOURCE", "src", CELL_TEXT } },
	{ "da", { "DESTINATION", "dst", CELL_TEXT } },
	{ "sp", { "SRC PORT", "src_port", CELL_COUNT } },
	{ "dp", { "DST PORT", "dst_port", CELL_COUNT } },
	{ "pkt", { "PACKETS", "packets", CELL_COUNT } },
	{ "byt", { "BYTES", "octets", CELL_BYTES } },
	{ "flg", { "FLAGS", "tcp_flags", CELL_TEXT } },
	{ "fl", { "FLOWS", "records", CELL_COUNT } },
	{ "bps", { "BPS", "octets", CELL_BPS } },
	{ "pps", { "PPS", "packets", CELL_PPS } },
	{ "bpp", { "BPP", "octets", CELL_BPP } },
	{ "tos", { "DSCP", "dscp", CELL_COUNT } },
	{ "ttl", { "TTL", "ttl_min", CELL_COUNT } },
	{ "vlan", { "VLAN", "vlan_outer", CELL_COUNT } },
	{ "if", { "INTERFACE", "interface", CELL_INTERFACE } },
	{ "peer", { "PEER", "peer_ifindex", CELL_COUNT } },
	{ "ra", { "EXPORTER", "exporter", CELL_EXPORTER } },
	{ "proc", { "PROCESS", "process", CELL_OWNER, "pid" } },
	{ "cg", { "CGROUP", "cgroup", CELL_TEXT } },
	{ "conn", { "CONNECT/ms", "connect_us", CELL_MS_OF_US } },
	{ "rtt", { "RTT/ms", "srtt_us", CELL_MS_OF_US } },
	{ "rex", { "RETRANS", "retransmits", CELL_COUNT } },
};

#define TIME { "START", "start_us", CELL_TIME }, { "DURATION", "end_us", CELL_SPAN, "start_us" }
#define ENDS                                                                                      \
	{ "PROTO", "proto_name", CELL_PROTOCOL }, { "SOURCE", "src", CELL_ENDPOINT, "src_port" }, \
		{ "DESTINATION", "dst", CELL_ENDPOINT, "dst_port" }
#define AMOUNTS                               \
	{ "PACKETS", "packets", CELL_COUNT }, \
	{                                     \
		"BYTES", "octets", CELL_BYTES \
	}
#define OWNER                                                  \
	{ "PROCESS", "process", CELL_OWNER, "pid" },           \
		{ "CONNECT/ms", "connect_us", CELL_MS_OF_US }, \
		{ "RTT/ms", "srtt_us", CELL_MS_OF_US },        \
	{                                                      \
		"RETRANS", "retransmits", CELL_COUNT           \
	}

static const struct column line[] = { TIME, ENDS, AMOUNTS };
static const struct column longer[] = {
	TIME,
	ENDS,
	{ "INTERFACE", "interface", CELL_INTERFACE },
	{ "FLAGS", "tcp_flags", CELL_TEXT },
	AMOUNTS,
	{ "EXPORTER", "exporter", CELL_EXPORTER },
};
static const struct column extended[] = {
	TIME,
	ENDS,
	{ "INTERFACE", "interface", CELL_INTERFACE },
	{ "FLAGS", "tcp_flags", CELL_TEXT },
	{ "DSCP", "dscp", CELL_COUNT },
	AMOUNTS,
	{ "BPS", "octets", CELL_BPS },
	{ "PPS", "packets", CELL_PPS },
	{ "BPP", "octets", CELL_BPP },
	{ "RECORDS", "records", CELL_COUNT },
	{ "EXPORTER", "exporter", CELL_EXPORTER },
};
static const struct column wide[] = {
	TIME,
	ENDS,
	{ "INTERFACE", "interface", CELL_INTERFACE },
	{ "FLAGS", "tcp_flags", CELL_TEXT },
	AMOUNTS,
	{ "EXPORTER", "exporter", CELL_EXPORTER },
	OWNER,
};

const struct column *flow_format_columns(const char *layout, size_t *len)
{
	static const struct {
		const char *name;
		const struct column *columns;
		size_t len;
	} layouts[] = {
		{ "line", line, ARRAY_LEN(line) },
		{ "long", longer, ARRAY_LEN(longer) },
		{ "extended", extended, ARRAY_LEN(extended) },
		{ "wide", wide, ARRAY_LEN(wide) },
	};

	for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
		if (!strcmp(layouts[i].name, layout)) {
			*len = layouts[i].len;
			return layouts[i].columns;
		}
	}
	return NULL;
}

static size_t find_tag(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(tags); i++)
		if (!strncmp(tags[i].tag, text, strlen(tags[i].tag)))
			return i;
	return ARRAY_LEN(tags);
}

int flow_format_parse(const char *text, struct flow_format *ret, const char **why, size_t *position)
{
	const char *at = text;

	*ret = (struct flow_format){ .len = 0 };
	while (*at) {
		size_t n = strcspn(at, "%"), tag;

		*position = (size_t)(at + n - text);
		if (ret->len == FLOW_FORMAT_PARTS_MAX) {
			*why = "too many tags";
			return -EINVAL;
		}
		ret->parts[ret->len].text = at;
		ret->parts[ret->len].text_len = n;
		at += n;
		if (*at && at[1] == '%') { /* it is text, up to the first of the two */
			ret->parts[ret->len++].text_len++;
			at += 2;
			continue;
		}
		if (*at) {
			tag = find_tag(at + 1);
			if (tag == ARRAY_LEN(tags)) {
				*why = "no such tag (wiretally flows --help lists them)";
				return -EINVAL;
			}
			ret->parts[ret->len].column = &tags[tag].column;
			at += 1 + strlen(tags[tag].tag);
		}
		ret->len++;
	}
	return 0;
}

int flow_format_print(const struct flow_format *f, const struct show *show, const json_t *rows)
{
	char cell[COLUMNS_CELL_MAX];
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		AUTO_FREE char *text = NULL;
		size_t len;
		FILE *out = open_memstream(&text, &len);

		if (!out)
			return EXIT_FAILED;
		for (size_t p = 0; p < f->len; p++) {
			fwrite(f->parts[p].text, 1, f->parts[p].text_len, out);
			if (f->parts[p].column)
				fputs(columns_cell(show, row, f->parts[p].column, cell), out);
		}
		if (fclose(out))
			return EXIT_FAILED;
		show_line("%s", text);
	}
	return EXIT_DONE;
}
