/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Names of enum wt_refusal for user space: ledger counts ("unparsed/<name>"), metrics, people. */
#ifndef WIRETALLY_REFUSAL_H
#define WIRETALLY_REFUSAL_H

#include "kern/abi.h"

/* Static; "unknown" for numbers that are no refusal. */
static inline const char *wt_refusal_name(enum wt_refusal refusal)
{
	static const char *const names[WT_REFUSALS] = {
		[WT_REFUSED_NONE] = "none",
		[WT_TRUNCATED_ETHERNET] = "truncated ethernet",
		[WT_TRUNCATED_VLAN] = "truncated vlan",
		[WT_TOO_MANY_VLANS] = "too many vlans",
		[WT_TRUNCATED_MPLS] = "truncated mpls",
		[WT_TOO_MANY_MPLS] = "too many mpls",
		[WT_TRUNCATED_IPV4] = "truncated ipv4",
		[WT_BAD_IP_VERSION] = "bad ip version",
		[WT_BAD_IHL] = "bad ihl",
		[WT_BAD_IPV4_LENGTH] = "bad ipv4 length",
		[WT_TRUNCATED_IPV6] = "truncated ipv6",
		[WT_TRUNCATED_EXTENSION] = "truncated extension",
		[WT_TOO_MANY_EXTENSIONS] = "too many extensions",
		[WT_BAD_JUMBOGRAM] = "bad jumbogram",
		[WT_TRUNCATED_TCP] = "truncated tcp",
		[WT_BAD_TCP_OFFSET] = "bad tcp offset",
		[WT_TRUNCATED_UDP] = "truncated udp",
		[WT_TRUNCATED_SCTP] = "truncated sctp",
		[WT_TRUNCATED_ICMP] = "truncated icmp",
		[WT_TRUNCATED_GRE] = "truncated gre",
		[WT_TRUNCATED_VXLAN] = "truncated vxlan",
		[WT_TRUNCATED_GENEVE] = "truncated geneve",
		[WT_UNREADABLE] = "unreadable",
	};

	if ((unsigned int)refusal >= WT_REFUSALS || !names[refusal])
		return "unknown";
	return names[refusal];
}

#endif
