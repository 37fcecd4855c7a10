/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Whether a flow's ports say something: TCP, UDP, DCCP, SCTP or UDP-Lite, not a later fragment. */
#ifndef WT_FLOW_PORTS_H
#define WT_FLOW_PORTS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "user/wire/flow.h"

static inline bool flow_has_ports(uint8_t proto, uint8_t flags)
{
	static const bool has[UINT8_MAX + 1] = {
		[IPPROTO_TCP] = true,  [IPPROTO_UDP] = true,	 [IPPROTO_DCCP] = true,
		[IPPROTO_SCTP] = true, [IPPROTO_UDPLITE] = true,
	};

	return has[proto] & !(flags & FLOW_LATER_FRAGMENT);
}

#endif
