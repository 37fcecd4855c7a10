// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* One token and the field it is compared with in, a checked value out. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/filter_tree.h"
#include "user/lib/addr.h"
#include "user/lib/suggest.h"
#include "user/lib/timespec.h"
#include "user/lib/units.h"

#define NAMES_MAX 64

/* How the value of a field is written. */
static const struct value_row {
	const char *word; /* what the field is called in messages */
	const char *want;
	uint64_t max;
} value_rows[FIELDS] = {
	[FIELD_ADDRESS] = { "address", "an address (like 10.0.0.1 or 2001:db8::1)", 0 },
	[FIELD_PORT] = { "port", "a port (0 to 65535)", 65535 },
	[FIELD_PROTO] = { "protocol", "a protocol (like tcp, or 0 to 255)", 255 },
	[FIELD_PACKETS] = { "packets", "a number (like 1000 or 1k)", INT64_MAX },
	[FIELD_BYTES] = { "bytes", "a number (like 1000 or 1k)", INT64_MAX },
	[FIELD_DURATION] = { "duration", "milliseconds, or a time (like 250ms or 5s)", INT64_MAX },
	[FIELD_BPS] = { "bps", "bits a second (like 1000 or 10m)", INT64_MAX },
	[FIELD_PPS] = { "pps", "packets a second (like 1000 or 1k)", INT64_MAX },
	[FIELD_BPP] = { "bpp", "bytes a packet (like 64)", INT64_MAX },
	[FIELD_AS] = { "as", "an AS number (like 65001)", UINT32_MAX },
	[FIELD_INTERFACE] = { "interface", "an interface (like eth0 or 2)", UINT32_MAX },
	[FIELD_VLAN] = { "vlan", "a VLAN id (0 to 4095)", 4095 },
	[FIELD_FLAGS] = { "flags", "TCP flags (letters of FSRPAUECN)", 0 },
	[FIELD_DSCP] = { "dscp", "a code point (like ef, or 0 to 63)", 63 },
	[FIELD_TOS] = { "tos", "a type of service (0 to 255)", 255 },
	[FIELD_ETHERTYPE] = { "ethertype", "an ethertype (like arp, 0x0806, or 0 to 65535)",
			      65535 },
	[FIELD_ICMP_TYPE] = { "icmp-type", "an ICMP type (0 to 255)", 255 },
	[FIELD_ICMP_CODE] = { "icmp-code", "an ICMP code (0 to 255)", 255 },
	[FIELD_EXPORTER] = { "exporter", "the name of an exporter", 0 },
	[FIELD_PROCESS] = { "process", "the name of a process", 0 },
	[FIELD_PID] = { "pid", "a process id", UINT32_MAX },
	[FIELD_CGROUP] = { "cgroup", "a cgroup's path (like /system.slice/*)", 0 },
	[FIELD_STATE] = { "state", "a TCP state (like established, or 1 to 12)", 12 },
	[FIELD_ROLE] = { "role", "client, server or unknown", 2 },
	[FIELD_RETRANSMITS] = { "retransmits", "a number (like 3)", INT64_MAX },
	[FIELD_RTT] = { "rtt", "milliseconds, or a time (like 10ms or 1s)", INT64_MAX },
	[FIELD_CONNECT] = { "connect", "milliseconds, or a time (like 10ms or 1s)", INT64_MAX },
	[FIELD_REASON] = { "reason", "a drop reason (like NO_SOCKET)", 0 },
};

static int refuse(struct filter_parser *p, enum filter_field field, const struct token *token)
{
	const char *names[NAMES_MAX], *near = NULL;
	char quoted[FILTER_QUOTE_MAX];

	if (token->kind == TOKEN_END)
		return filter_fail(p, token->position, "%s is missing at the end",
				   value_rows[field].want);
	if (token->kind == TOKEN_WORD)
		near = suggest_nearest(token->text, names, filter_names(field, names, NAMES_MAX));
	if (near)
		return filter_fail(p, token->position, "unknown %s '%s'; did you mean '%s'?",
				   value_rows[field].word, filter_quote(token->text, quoted), near);
	return filter_fail(p, token->position, "'%s' is not %s", filter_quote(token->text, quoted),
			   value_rows[field].want);
}

/* Decimal, or hex with 0x. strtoull() alone takes blanks and signs. */
static bool plain_number(const char *text, uint64_t *ret)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hex ? text + 2 : text;

	if (!*digits || digits[strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789")])
		return false;
	errno = 0;
	*ret = strtoull(digits, NULL, hex ? 16 : 10);
	return !errno;
}

static bool duration_value(const char *text, uint64_t *ret)
{
	int64_t us;

	if (plain_number(text, ret)) {
		/* as nfdump counts it */
		*ret = *ret > INT64_MAX / 1000 ? UINT64_MAX : *ret * 1000;
		return true;
	}
	if (timespec_parse_duration(text, &us))
		return false;
	*ret = (uint64_t)us;
	return true;
}

static bool flags_value(const char *text, uint64_t *ret)
{
	/* bit 0 upwards: RFC 9293 section 3.1, and AE, once NS (RFC 3540) */
	static const char letters[] = "FSRPAUECN";

	*ret = 0;
	for (const char *c = text; *c; c++) {
		const char *letter = strchr(letters, toupper((unsigned char)*c));

		if (!letter)
			return false;
		*ret |= 1u << (letter - letters);
	}
	return *text != '\0';
}

static bool number_value(enum filter_field field, const char *text, uint64_t *ret)
{
	int named;

	switch (field) {
	case FIELD_PACKETS:
	case FIELD_RETRANSMITS:
	case FIELD_BYTES:
	case FIELD_BPS:
	case FIELD_PPS:
	case FIELD_BPP:
		return !units_parse_count(text, ret);
	case FIELD_DURATION:
	case FIELD_RTT:
	case FIELD_CONNECT:
		return duration_value(text, ret);
	case FIELD_FLAGS:
		return flags_value(text, ret);
	default:
		named = filter_name_find(field, text);
		if (named < 0)
			return plain_number(text, ret);
		*ret = (uint64_t)named;
		return true;
	}
}

static int address_value(struct filter_parser *p, const struct token *token,
			 struct filter_value *ret)
{
	char quoted[FILTER_QUOTE_MAX];
	int err = addr_net_parse(token->text, ret->first, ret->last);

	if (err == -ERANGE)
		return filter_fail(p, token->position,
				   "the mask of '%s' is longer than its address",
				   filter_quote(token->text, quoted));
	return err ? refuse(p, FIELD_ADDRESS, token) : 0;
}

static int name_value(struct filter_parser *p, enum filter_field field, const struct token *token,
		      struct filter_value *ret)
{
	size_t len = strlen(token->text);

	if (!len && field != FIELD_EXPORTER)
		return refuse(p, field, token);
	if (len > FILTER_NAME_MAX)
		return filter_fail(p, token->position, "a name is longer than %d characters",
				   FILTER_NAME_MAX);
	ret->name = token->text;
	return 0;
}

static bool is_name(enum filter_field field, const struct token *token)
{
	uint64_t number;

	if (field == FIELD_EXPORTER || field == FIELD_PROCESS || field == FIELD_CGROUP ||
	    field == FIELD_REASON)
		return true;
	return field == FIELD_INTERFACE &&
	       (token->kind == TOKEN_STRING || !plain_number(token->text, &number));
}

int filter_value_parse(struct filter_parser *p, enum filter_field field, struct filter_value *ret)
{
	const struct token *token = &p->tokens[p->at];

	memset(ret, 0, sizeof(*ret));
	if (token->kind != TOKEN_WORD && token->kind != TOKEN_STRING)
		return refuse(p, field, token);
	p->at++;
	if (field == FIELD_ADDRESS)
		return address_value(p, token, ret);
	if (is_name(field, token))
		return name_value(p, field, token, ret);
	if (!number_value(field, token->text, &ret->number))
		return refuse(p, field, token);
	if (field != FIELD_FLAGS && ret->number > value_rows[field].max)
		return refuse(p, field, token);
	return 0;
}

int filter_mask_parse(struct filter_parser *p, const struct token *addr, struct filter_value *value)
{
	const struct token *mask = &p->tokens[p->at++];
	char quoted[FILTER_QUOTE_MAX];

	switch (addr_mask_parse(addr->text, mask->text, value->first, value->last)) {
	case 0:
		return 0;
	case -EDOM:
		return filter_fail(p, mask->position, "the mask '%s' has holes",
				   filter_quote(mask->text, quoted));
	default:
		return filter_fail(p, mask->position, "'%s' is not an IPv4 mask (like 255.255.0.0)",
				   filter_quote(mask->text, quoted));
	}
}
