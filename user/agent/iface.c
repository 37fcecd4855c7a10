// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The attacher's list in, a batch's out. */
#include "user/agent/iface.h"

#include <stdio.h>

size_t iface_list_watched(const struct iface_list *list,
			  struct watched_interface to[GEOMETRY_SLOTS_MAX])
{
	size_t len = 0;

	for (uint32_t slot = 1; slot < GEOMETRY_SLOTS_MAX; slot++) {
		const struct iface *iface = &list->at[slot];
		struct watched_interface *named = &to[len];

		if (!iface->ifindex || !iface->name[0])
			continue; /* nothing to tell, or not told yet */
		*named = (struct watched_interface){ .index = iface->ifindex,
						     .netns = iface->netns };
		snprintf(named->name, sizeof(named->name), "%s", iface->name);
		snprintf(named->hook, sizeof(named->hook), "%s", iface->hook);
		len++;
	}
	return len;
}
