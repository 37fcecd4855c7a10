// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* rtnetlink's link statistics in, differences per interface slot out. */
#include "user/agent/ifstats.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

struct look {
	uint32_t ifindex;
	struct rtnl_link_stats64 last;
	struct rtnl_link_stats64 delta;
};

struct ifstats {
	int fd;
	struct look looks[GEOMETRY_SLOTS_MAX];
	char buffer[32768];
};

int ifstats_open(struct ifstats **ret)
{
	struct ifstats *s = calloc(1, sizeof(*s));
	struct timeval patience = { .tv_sec = 1 };

	if (!s)
		return -ENOMEM;
	s->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (s->fd < 0) {
		int err = -errno;

		free(s);
		return err;
	}
	setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
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

static void take_link(struct ifstats *s, const struct iface_list *ifaces, struct nlmsghdr *h)
{
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
		if (ifaces->at[slot].ifindex == (uint32_t)info->ifi_index)
			note(&s->looks[slot], info->ifi_index, &now);
}

int ifstats_look(struct ifstats *s, const struct iface_list *ifaces)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg info;
	} ask = {
		.h = { .nlmsg_len = sizeof(ask),
		       .nlmsg_type = RTM_GETLINK,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
	};

	if (send(s->fd, &ask, sizeof(ask), 0) < 0)
		return -errno;
	for (;;) {
		ssize_t got = recv(s->fd, s->buffer, sizeof(s->buffer), 0);
		int len = got;

		if (got < 0)
			return -errno;
		for (struct nlmsghdr *h = (void *)s->buffer; NLMSG_OK(h, len);
		     h = NLMSG_NEXT(h, len)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return -EIO;
			if (h->nlmsg_type == RTM_NEWLINK)
				take_link(s, ifaces, h);
		}
	}
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
