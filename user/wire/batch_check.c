// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Parts of a batch in, what is wrong with them out. */
#include "user/wire/batch_check.h"

#include <string.h>

#include "kern/abi.h"
#include "kern/abi_signal.h"
#include "user/wire/batch.h"

_Static_assert(FLOW_EGRESS == WT_MARK_EGRESS, "flags are the kernel half's marks");
_Static_assert(FLOW_COUNTED == WT_MARK_COUNTED, "flags are the kernel half's marks");
_Static_assert(FLOW_LATER_FRAGMENT == WT_MARK_LATER_FRAGMENT, "flags are the kernel half's marks");
_Static_assert(FLOW_INNER == WT_MARK_INNER, "flags are the kernel half's marks");
_Static_assert(FLOW_TUNNEL_SHIFT == WT_MARK_TUNNEL_SHIFT, "flags are the kernel half's marks");

_Static_assert(SIGNAL_POINT_TCP == WT_SIGNAL_POINT + WT_SIGNAL_TCP, "as the kernel half has it");
_Static_assert(SIGNAL_POINT_DROPS == WT_SIGNAL_POINT + WT_SIGNAL_DROPS, "as it has it");
_Static_assert(SIGNAL_POINT_LATENCIES == WT_SIGNAL_POINT + WT_SIGNAL_LATENCIES, "as it has it");
_Static_assert(LATENCY_BUCKETS == WT_LATENCY_BUCKETS && LATENCY_SHIFT == WT_LATENCY_SHIFT &&
		       (int)LATENCY_KINDS == (int)WT_LATENCY_KINDS,
	       "histograms travel as the kernel half fills them");

#define VLAN_MAX (WT_VLAN_PRESENT | 0x0fff)
#define TCP_FLAGS_MAX 0x0fff
#define DSCP_MAX 63

const char *batch_check_sizes(const struct batch *b)
{
	if (b->flows_len > BATCH_ROWS_MAX)
		return "too many rows";
	if (b->connections_len > BATCH_CONNECTIONS_MAX)
		return "too many connections";
	if (b->drops_len > BATCH_DROPS_MAX)
		return "too many drops";
	if (b->host_counts_len > BATCH_HOST_COUNTS_MAX)
		return "too many host counts";
	if (b->latencies_len > BATCH_LATENCIES_MAX)
		return "too many latencies";
	if (b->ledger_len > BATCH_LEDGER_MAX)
		return "too many ledger rows";
	if (b->interfaces_len > BATCH_INTERFACES_MAX)
		return "too many interfaces";
	if (b->own_addresses_len > BATCH_ADDRESSES_MAX)
		return "too many own addresses";
	return NULL;
}

static bool agent_is_valid(const char *agent)
{
	size_t len = strnlen(agent, BATCH_AGENT_MAX);

	return len > 0 && len < BATCH_AGENT_MAX &&
	       len == strspn(agent,
			     "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
}

const char *batch_check_head(const struct batch_head *head)
{
	if (!agent_is_valid(head->agent))
		return "agent is not 1 to 64 characters of [A-Za-z0-9._-]";
	if (head->sequence == 0)
		return "sequence is 0";
	if (head->interval == 0)
		return "interval is 0";
	return NULL;
}

static const char *check_times(int64_t start_us, int64_t end_us)
{
	if (start_us < 0 || end_us > BATCH_TIME_MAX_US)
		return "time is out of range";
	if (end_us < start_us)
		return "end is before start";
	return NULL;
}

static bool vlan_is_valid(uint16_t vlan)
{
	return vlan == 0 || (vlan >= WT_VLAN_PRESENT && vlan <= VLAN_MAX);
}

const char *batch_check_flow(const struct flow *flow)
{
	if (flow->kind > FLOW_FOLD)
		return "unknown kind of row";
	if (!vlan_is_valid(flow->vlan_outer) || !vlan_is_valid(flow->vlan_inner))
		return "VLAN is neither 0 nor 0x1000 and an id";
	if (flow->tcp_flags > TCP_FLAGS_MAX)
		return "TCP flags have more than 12 bits";
	if (flow->dscp > DSCP_MAX)
		return "DSCP is above 63";
	if (flow->packets == 0)
		return "row has no packets";
	if (flow->packets > BATCH_COUNT_MAX || flow->l2_octets > BATCH_COUNT_MAX ||
	    flow->l3_octets > BATCH_COUNT_MAX)
		return "row counts more than 2^48";
	return check_times(flow->start_us, flow->end_us);
}

/* Names become labels and JSON keys: printable ASCII that nobody has to escape. */
bool batch_name_is_valid(const char *name, size_t size)
{
	size_t len = strnlen(name, size);

	if (len == 0 || len == size)
		return false;
	for (const char *c = name; *c; c++)
		if (*c < 0x20 || *c > 0x7e || *c == '"' || *c == '\\')
			return false;
	return true;
}

const char *batch_check_ledger(const struct ledger_row *row)
{
	if (row->interval == 0)
		return "ledger's interval is 0";
	if (row->point >= WT_POINTS && row->point != POINT_RECORDS &&
	    (row->point < WT_SIGNAL_POINT || row->point >= WT_SIGNAL_POINT + WT_SIGNALS))
		return "ledger's point is unknown";
	if (row->counts_len > LEDGER_COUNTS_MAX)
		return "too many counts in a ledger row";
	for (size_t i = 0; i < row->counts_len; i++) {
		const struct ledger_count *count = &row->counts[i];

		if (!batch_name_is_valid(count->name, LEDGER_NAME_MAX))
			return "ledger count's name is not 1 to 47 printable characters";
		if (count->packets > BATCH_COUNT_MAX || count->octets > BATCH_COUNT_MAX)
			return "ledger counts more than 2^48";
	}
	return check_times(row->start_us, row->end_us);
}

/* Length of the UTF-8 sequence at c (RFC 3629), 0 when there is none. */
static size_t utf8_len(const unsigned char *c)
{
	size_t len = c[0] < 0x80 ? 1 : c[0] < 0xc2 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;

	if (c[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) ||
	    (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f))
		return 0;
	return len;
}

/* C0, DEL and C1 (0xc2 0x80 … 0x9f): terminals obey them. */
static bool is_control(const unsigned char *c)
{
	return c[0] < 0x20 || c[0] == 0x7f || (c[0] == 0xc2 && c[1] < 0xa0);
}

bool batch_copy_text(const char *from, char *to, size_t size)
{
	const unsigned char *c = (const unsigned char *)from;
	size_t at = 0;

	while (*c) {
		size_t len = utf8_len(c);
		bool is_clean = len > 0 && !is_control(c);
		size_t step = len > 0 ? len : 1;

		if (at + (is_clean ? step : 1) >= size)
			return false;
		if (is_clean)
			memcpy(to + at, c, step);
		else
			to[at] = '?';
		at += is_clean ? step : 1;
		c += step;
	}
	to[at] = '\0';
	return true;
}
