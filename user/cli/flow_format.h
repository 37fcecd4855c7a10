/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * How flows are printed: one of the layouts that have names, or nfdump's "fmt:" with % tags. Names
 * of tags are nfdump's where it has them (man nfdump, OUTPUT FORMATS).
 */
#ifndef WT_FLOW_FORMAT_H
#define WT_FLOW_FORMAT_H

#include <stddef.h>

#include <jansson.h>

#define FLOW_FORMAT_PARTS_MAX 64

struct column;
struct show;

/* Text, then a column; the last may have no column. */
struct flow_format {
	struct {
		const char *text; /* borrowed from what was parsed */
		size_t text_len;
		const struct column *column; /* NULL: text alone */
	} parts[FLOW_FORMAT_PARTS_MAX];
	size_t len;
};

/* 0, or -EINVAL and a static message and its position (in bytes) in *why, *position. */
int flow_format_parse(const char *text, struct flow_format *ret, const char **why,
		      size_t *position);

/* A line for each row. The status to exit with. */
int flow_format_print(const struct flow_format *f, const struct show *show, const json_t *rows);

/* The columns of a layout ("line", "long", "extended", "wide") and how many; NULL: none such. */
const struct column *flow_format_columns(const char *layout, size_t *len);

/* For --help. */
#define FLOW_FORMAT_HELP                                                                     \
	"  %ts %te start, end; %td duration; %pr protocol; %sa %da addresses; %sp %dp\n"     \
	"  ports; %sap %dap both; %pkt %byt %fl packets, bytes, records; %bps %pps %bpp\n"   \
	"  rates; %flg TCP flags; %tos DSCP; %ttl; %vlan; %if %peer interfaces; %sas %das\n" \
	"  AS; %ra exporter; %proc process; %cg cgroup; %conn %rtt connect, round trip\n"    \
	"  (ms); %rex retransmits; %% a percent sign\n"

#endif
