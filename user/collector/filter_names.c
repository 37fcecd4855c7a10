// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Names of protocols, code points and ethertypes in, their numbers out, and the way back. */
#include <string.h>
#include <strings.h>

#include "user/collector/filter_tree.h"

/* The first name of a number is the one shown. */
static const struct {
	enum filter_field field;
	const char *name;
	int number;
} names[] = {
	/* IANA protocol numbers */
	{ FIELD_PROTO, "icmp", 1 },
	{ FIELD_PROTO, "igmp", 2 },
	{ FIELD_PROTO, "ipip", 4 },
	{ FIELD_PROTO, "tcp", 6 },
	{ FIELD_PROTO, "egp", 8 },
	{ FIELD_PROTO, "igp", 9 },
	{ FIELD_PROTO, "udp", 17 },
	{ FIELD_PROTO, "dccp", 33 },
	{ FIELD_PROTO, "ipv6", 41 },
	{ FIELD_PROTO, "6in4", 41 },
	{ FIELD_PROTO, "rsvp", 46 },
	{ FIELD_PROTO, "gre", 47 },
	{ FIELD_PROTO, "esp", 50 },
	{ FIELD_PROTO, "ah", 51 },
	{ FIELD_PROTO, "icmp6", 58 },
	{ FIELD_PROTO, "icmpv6", 58 },
	{ FIELD_PROTO, "ipv6-icmp", 58 },
	{ FIELD_PROTO, "eigrp", 88 },
	{ FIELD_PROTO, "ospf", 89 },
	{ FIELD_PROTO, "pim", 103 },
	{ FIELD_PROTO, "vrrp", 112 },
	{ FIELD_PROTO, "l2tp", 115 },
	{ FIELD_PROTO, "sctp", 132 },
	{ FIELD_PROTO, "udplite", 136 },
	/* RFC 2474, 2597, 3246, 5865; "le" (8622) is the sign <= here */
	{ FIELD_DSCP, "cs0", 0 },
	{ FIELD_DSCP, "be", 0 },
	{ FIELD_DSCP, "cs1", 8 },
	{ FIELD_DSCP, "af11", 10 },
	{ FIELD_DSCP, "af12", 12 },
	{ FIELD_DSCP, "af13", 14 },
	{ FIELD_DSCP, "cs2", 16 },
	{ FIELD_DSCP, "af21", 18 },
	{ FIELD_DSCP, "af22", 20 },
	{ FIELD_DSCP, "af23", 22 },
	{ FIELD_DSCP, "cs3", 24 },
	{ FIELD_DSCP, "af31", 26 },
	{ FIELD_DSCP, "af32", 28 },
	{ FIELD_DSCP, "af33", 30 },
	{ FIELD_DSCP, "cs4", 32 },
	{ FIELD_DSCP, "af41", 34 },
	{ FIELD_DSCP, "af42", 36 },
	{ FIELD_DSCP, "af43", 38 },
	{ FIELD_DSCP, "cs5", 40 },
	{ FIELD_DSCP, "va", 44 },
	{ FIELD_DSCP, "ef", 46 },
	{ FIELD_DSCP, "cs6", 48 },
	{ FIELD_DSCP, "cs7", 56 },
	/* include/net/tcp_states.h */
	{ FIELD_STATE, "established", 1 },
	{ FIELD_STATE, "syn-sent", 2 },
	{ FIELD_STATE, "syn-recv", 3 },
	{ FIELD_STATE, "fin-wait-1", 4 },
	{ FIELD_STATE, "fin-wait-2", 5 },
	{ FIELD_STATE, "time-wait", 6 },
	{ FIELD_STATE, "closed", 7 },
	{ FIELD_STATE, "close-wait", 8 },
	{ FIELD_STATE, "last-ack", 9 },
	{ FIELD_STATE, "listen", 10 },
	{ FIELD_STATE, "closing", 11 },
	{ FIELD_STATE, "new-syn-recv", 12 },
	{ FIELD_ROLE, "unknown", 0 },
	{ FIELD_ROLE, "client", 1 },
	{ FIELD_ROLE, "server", 2 },
	{ FIELD_ETHERTYPE, "ipv4", 0x0800 },
	{ FIELD_ETHERTYPE, "ip", 0x0800 },
	{ FIELD_ETHERTYPE, "arp", 0x0806 },
	{ FIELD_ETHERTYPE, "rarp", 0x8035 },
	{ FIELD_ETHERTYPE, "ipv6", 0x86dd },
	{ FIELD_ETHERTYPE, "slow", 0x8809 },
	{ FIELD_ETHERTYPE, "mpls", 0x8847 },
	{ FIELD_ETHERTYPE, "pppoe-discovery", 0x8863 },
	{ FIELD_ETHERTYPE, "pppoe", 0x8864 },
	{ FIELD_ETHERTYPE, "eapol", 0x888e },
	{ FIELD_ETHERTYPE, "lldp", 0x88cc },
	{ FIELD_ETHERTYPE, "macsec", 0x88e5 },
	{ FIELD_ETHERTYPE, "ptp", 0x88f7 },
};

int filter_name_find(enum filter_field field, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (names[i].field == field && !strcasecmp(names[i].name, name))
			return names[i].number;
	}
	return -1;
}

size_t filter_names(enum filter_field field, const char **ret, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(names) && n < size; i++) {
		if (names[i].field == field)
			ret[n++] = names[i].name;
	}
	return n;
}

const char *filter_number_name(enum filter_field field, int64_t number)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (names[i].field == field && names[i].number == number)
			return names[i].name;
	}
	return NULL;
}

const char *filter_proto_name(unsigned int proto)
{
	return filter_number_name(FIELD_PROTO, proto);
}
