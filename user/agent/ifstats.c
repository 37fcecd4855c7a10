// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* rtnetlink's link statistics in, differences per interface slot out. */
#include "user/agent/ifstats.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "user/agent/link.h"

struct look {
	uint32_t ifindex;
	struct rtnl_link_stats64 last;
	struct rtnl_link_stats64 delta;
};

struct ifstats {
	int fd;
	struct look looks[GEOMETRY_SLOTS_MAX];
	const struct iface_list *ifaces; /* of the look under way */
};

int ifstats_open(struct ifstats **ret)
{
	struct ifstats *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->fd = link_socket();
	if (s->fd < 0) {
		int err = s->fd;

		free(s);
		return err;
	}
	*ret = s;
	return 0;
}

void ifstats_close(struct ifstats *s)
{
	if (!s)
		return;
	close_fd(s->fd);
	free(s);
}

static void add_difference(const struct rtnl_link_stats64 *now,
			   const struct rtnl_link_stats64 *before, struct rtnl_link_stats64 *delta)
{
	const __u64 *a = (const __u64 *)now, *b = (const __u64 *)before;
	__u64 *d = (__u64 *)delta;

	for (size_t i = 0; i < sizeof(*now) / sizeof(__u64); i++)
		d[i] += a[i] >= b[i] ? a[i] - b[i] : 0;
}

static void note(struct look *look, uint32_t ifindex, const struct rtnl_link_stats64 *now)
{
	if (look->ifindex == ifindex)
		add_difference(now, &look->last, &look->delta);
	else
		memset(&look->delta, 0, sizeof(look->delta));
	look->ifindex = ifindex;
	look->last = *now;
}

static int take_link(void *arg, struct nlmsghdr *h)
{
	struct ifstats *s = arg;
	struct ifinfomsg *info = NLMSG_DATA(h);
	int len = h->nlmsg_len - NLMSG_LENGTH(sizeof(*info));
	struct rtnl_link_stats64 now = { 0 };
	bool found = false;

	for (struct rtattr *a = IFLA_RTA(info); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type != IFLA_STATS64)
			continue;
		memcpy(&now, RTA_DATA(a),
		       RTA_PAYLOAD(a) < sizeof(now) ? RTA_PAYLOAD(a) : sizeof(now));
		found = true;
	}
	for (uint32_t slot = 1; found && slot < GEOMETRY_SLOTS_MAX; slot++)
		if (s->ifaces->at[slot].ifindex == (uint32_t)info->ifi_index)
			note(&s->looks[slot], info->ifi_index, &now);
	return 0;
}

int ifstats_look(struct ifstats *s, const struct iface_list *ifaces)
{
	s->ifaces = ifaces;
	return link_dump(s->fd, take_link, s);
}

void ifstats_add(const struct ifstats *s, uint32_t slot, struct agent_ledger *ledger)
{
	const struct look *look = &s->looks[slot];
	const struct rtnl_link_stats64 *d = &look->delta;
	bool egress = ledger->point == WT_POINT_EGRESS;

	if (look->ifindex != ledger->ifindex || ledger->point > WT_POINT_EGRESS)
		return;
	ledger->counts[COUNT_KERNEL_PACKETS].packets += egress ? d->tx_packets : d->rx_packets;
	ledger->counts[COUNT_KERNEL_PACKETS].l2_bytes += egress ? d->tx_bytes : d->rx_bytes;
	ledger->counts[COUNT_KERNEL_DROPPED].packets += egress ? d->tx_dropped : d->rx_dropped;
	ledger->counts[COUNT_KERNEL_ERRORS].packets += egress ? d->tx_errors : d->rx_errors;
}

void ifstats_reset(struct ifstats *s)
{
	for (size_t slot = 0; slot < GEOMETRY_SLOTS_MAX; slot++)
		memset(&s->looks[slot].delta, 0, sizeof(s->looks[slot].delta));
}
