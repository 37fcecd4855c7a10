// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* /proc/net/snmp, netstat, snmp6 and softnet_stat: a table says what of them we tell, and how. */
#include "user/agent/mib.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/cleanup.h"

#define SOFTNET_DROPPED 1 /* columns */
#define SOFTNET_TIME_SQUEEZE 2
#define SOFTNET_CPU 12 /* from 5.13 on; before, the line's number */

static const struct {
	const char *group; /* "Tcp"; NULL: of snmp6 */
	const char *field;
	const char *name;
} counters[] = {
	{ "Tcp", "ActiveOpens", "tcp/active_opens" },
	{ "Tcp", "PassiveOpens", "tcp/passive_opens" },
	{ "Tcp", "AttemptFails", "tcp/attempt_fails" },
	{ "Tcp", "EstabResets", "tcp/established_resets" },
	{ "Tcp", "InSegs", "tcp/segments_received" },
	{ "Tcp", "OutSegs", "tcp/segments_sent" },
	{ "Tcp", "RetransSegs", "tcp/retransmitted_segments" },
	{ "Tcp", "InErrs", "tcp/bad_segments" },
	{ "Tcp", "OutRsts", "tcp/resets_sent" },
	{ "TcpExt", "TCPRetransFail", "tcp/retransmits_failed" },
	{ "TcpExt", "ListenOverflows", "tcp/listen_overflows" },
	{ "TcpExt", "ListenDrops", "tcp/listen_drops" },
	{ "TcpExt", "SyncookiesSent", "tcp/syncookies_sent" },
	{ "TcpExt", "SyncookiesRecv", "tcp/syncookies_received" },
	{ "TcpExt", "SyncookiesFailed", "tcp/syncookies_failed" },
	{ "TcpExt", "TCPReqQFullDrop", "tcp/request_queue_drops" },
	{ "TcpExt", "TCPReqQFullDoCookies", "tcp/request_queue_cookies" },
	{ "TcpExt", "TCPTimeouts", "tcp/timeouts" },
	{ "TcpExt", "TCPSynRetrans", "tcp/syn_retransmits" },
	{ "TcpExt", "TCPLostRetransmit", "tcp/lost_retransmits" },
	{ "TcpExt", "TCPBacklogDrop", "tcp/backlog_drops" },
	{ "TcpExt", "TCPRcvQDrop", "tcp/receive_queue_drops" },
	{ "TcpExt", "TCPOFODrop", "tcp/out_of_order_drops" },
	{ "TcpExt", "TCPZeroWindowDrop", "tcp/zero_window_drops" },
	{ "TcpExt", "PruneCalled", "tcp/prunes" },
	{ "TcpExt", "TCPAbortOnMemory", "tcp/aborts_memory" },
	{ "TcpExt", "TCPAbortOnTimeout", "tcp/aborts_timeout" },
	{ "TcpExt", "TCPMemoryPressures", "tcp/memory_pressures" },
	{ "Udp", "NoPorts", "udp/no_ports" },
	{ "Udp", "InErrors", "udp/bad_datagrams" },
	{ "Udp", "RcvbufErrors", "udp/receive_buffer_drops" },
	{ "Udp", "SndbufErrors", "udp/send_buffer_drops" },
	{ "Ip", "InDiscards", "ip/in_discards" },
	{ "Ip", "OutDiscards", "ip/out_discards" },
	{ "Ip", "OutNoRoutes", "ip/no_routes" },
	{ "Ip", "ReasmFails", "ip/reassembly_fails" },
	{ NULL, "Udp6NoPorts", "udp6/no_ports" },
	{ NULL, "Udp6InErrors", "udp6/bad_datagrams" },
	{ NULL, "Udp6RcvbufErrors", "udp6/receive_buffer_drops" },
	{ NULL, "Udp6SndbufErrors", "udp6/send_buffer_drops" },
	{ NULL, "Ip6InDiscards", "ip6/in_discards" },
	{ NULL, "Ip6OutDiscards", "ip6/out_discards" },
	{ NULL, "Ip6OutNoRoutes", "ip6/no_routes" },
	{ NULL, "Ip6ReasmFails", "ip6/reassembly_fails" },
};

/* A stretch of the text. */
struct span {
	const char *at;
	size_t len;
};

static bool span_is(struct span s, const char *word)
{
	return strlen(word) == s.len && !memcmp(s.at, word, s.len);
}

/* The next word of a line, which is cut off. Empty at its end. */
static struct span next_word(struct span *line)
{
	struct span word;

	while (line->len && isblank((unsigned char)*line->at))
		line->at++, line->len--;
	word = (struct span){ line->at, 0 };
	while (line->len && !isblank((unsigned char)*line->at))
		line->at++, line->len--, word.len++;
	return word;
}

/* The next line without its end; false behind the last. */
static bool next_line(const char **text, struct span *line)
{
	const char *end = strchrnul(*text, '\n');

	if (!**text)
		return false;
	*line = (struct span){ *text, end - *text };
	*text = *end ? end + 1 : end;
	return true;
}

/* Digits of that base alone. */
static bool read_number(struct span word, int base, uint64_t *ret)
{
	char digits[24], *end;

	if (!word.len || word.len >= sizeof(digits) || !isxdigit((unsigned char)*word.at))
		return false;
	memcpy(digits, word.at, word.len);
	digits[word.len] = '\0';
	errno = 0;
	*ret = strtoull(digits, &end, base);
	return !*end && !errno;
}

static void tell(const char *group, size_t group_len, struct span field, struct span value,
		 mib_fn *each, void *arg)
{
	uint64_t number;

	for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
		const char *wanted = counters[i].group;

		if (!wanted != !group || !span_is(field, counters[i].field))
			continue;
		if (wanted && !span_is((struct span){ group, group_len }, wanted))
			continue;
		if (read_number(value, 10, &number))
			each(arg, counters[i].name, number);
		return;
	}
}

void mib_parse_pairs(const char *text, mib_fn *each, void *arg)
{
	struct span names, values;

	while (next_line(&text, &names) && next_line(&text, &values)) {
		struct span group = next_word(&names), again = next_word(&values);
		struct span field = next_word(&names), value = next_word(&values);

		if (group.len < 2 || group.at[group.len - 1] != ':' || group.len != again.len ||
		    memcmp(group.at, again.at, group.len))
			continue;
		for (; field.len && value.len;
		     field = next_word(&names), value = next_word(&values))
			tell(group.at, group.len - 1, field, value, each, arg);
	}
}

void mib_parse_lines(const char *text, mib_fn *each, void *arg)
{
	struct span line;

	while (next_line(&text, &line)) {
		struct span field = next_word(&line), value = next_word(&line);

		tell(NULL, 0, field, value, each, arg);
	}
}

/* False for a line that is too short or not of numbers. */
static bool parse_cpu(struct span line, uint32_t nth, struct softnet *to)
{
	*to = (struct softnet){ .cpu = nth };
	for (int column = 0; column <= SOFTNET_CPU; column++) {
		struct span word = next_word(&line);
		uint64_t number;

		if (!word.len)
			return column > SOFTNET_TIME_SQUEEZE;
		if (!read_number(word, 16, &number) || number > UINT32_MAX)
			return false;
		if (column == SOFTNET_DROPPED)
			to->dropped = number;
		else if (column == SOFTNET_TIME_SQUEEZE)
			to->time_squeeze = number;
		else if (column == SOFTNET_CPU)
			to->cpu = number;
	}
	return true;
}

size_t softnet_parse(const char *text, struct softnet *to, size_t max)
{
	struct span line;
	uint32_t nth = 0;
	size_t len = 0;

	while (len < max && next_line(&text, &line))
		if (parse_cpu(line, nth++, &to[len]))
			len++;
	return len;
}
