// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* getifaddrs(3) in, v4-mapped addresses out. */
#include "user/agent/addresses.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "user/wire/batch.h"

static bool take(const struct sockaddr *sa, uint8_t addr[16])
{
	if (sa && sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;

		memset(addr, 0, 10);
		memset(addr + 10, 0xff, 2);
		memcpy(addr + 12, &in->sin_addr, 4);
		return addr[12] != 127 && !(addr[12] == 169 && addr[13] == 254);
	}
	if (sa && sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;

		memcpy(addr, &in6->sin6_addr, 16);
		return !IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) &&
		       !IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr);
	}
	return false;
}

size_t addresses_own(uint8_t (**ret)[16])
{
	struct ifaddrs *all = NULL;
	size_t len = 0;

	*ret = calloc(BATCH_ADDRESSES_MAX, sizeof(**ret));
	if (!*ret || getifaddrs(&all))
		return 0;
	for (struct ifaddrs *a = all; a && len < BATCH_ADDRESSES_MAX; a = a->ifa_next)
		if (take(a->ifa_addr, (*ret)[len]))
			len++;
	freeifaddrs(all);
	return len;
}
