/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* In: a device's name. Out: its IFLA_STATS64, by one RTM_GETLINK. */
#include "tests/tools/lib/link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "user/lib/cleanup.h"

#define REPLY_BYTES 32768

/* A netlink socket stays in the namespace it was opened in; we come back at once. */
static int socket_in(const char *netns)
{
	AUTO_FD int here = -1;
	AUTO_FD int there = -1;
	AUTO_FD int fd = -1;
	char path[256];

	if (!netns) {
		fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
		return fd < 0 ? -errno : TAKE_FD(fd);
	}
	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	there = open(path, O_RDONLY | O_CLOEXEC);
	if (here < 0 || there < 0 || setns(there, CLONE_NEWNET))
		return -errno;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (setns(here, CLONE_NEWNET) || fd < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int ask(int fd, const char *dev)
{
	struct {
		struct nlmsghdr nh;
		struct ifinfomsg ifi;
		struct rtattr attr;
		char name[16];
	} req = {
		.nh.nlmsg_len = sizeof(req),
		.nh.nlmsg_type = RTM_GETLINK,
		.nh.nlmsg_flags = NLM_F_REQUEST,
		.attr.rta_type = IFLA_IFNAME,
		.attr.rta_len = RTA_LENGTH(sizeof(req.name)),
	};

	if (strlen(dev) >= sizeof(req.name))
		return -ENODEV;
	memcpy(req.name, dev, strlen(dev));
	return send(fd, &req, sizeof(req), 0) < 0 ? -errno : 0;
}

static void copy_counters(const struct rtnl_link_stats64 *s, struct link_counters *ret)
{
	*ret = (struct link_counters){
		.rx_packets = s->rx_packets,
		.rx_bytes = s->rx_bytes,
		.rx_dropped = s->rx_dropped,
		.tx_packets = s->tx_packets,
		.tx_bytes = s->tx_bytes,
		.tx_dropped = s->tx_dropped,
	};
}

int link_counters_read(const char *netns, const char *dev, struct link_counters *ret)
{
	char reply[REPLY_BYTES] __attribute__((aligned(8)));
	struct nlmsghdr *nh = (struct nlmsghdr *)reply;
	struct rtnl_link_stats64 stats;
	AUTO_FD int fd = -1;
	ssize_t n;
	int left;

	fd = socket_in(netns);
	if (fd < 0)
		return fd;
	n = ask(fd, dev);
	if (n < 0)
		return n;
	n = recv(fd, reply, sizeof(reply), 0);
	if (n < 0)
		return -errno;
	if (!NLMSG_OK(nh, n))
		return -EPROTO;
	if (nh->nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)NLMSG_DATA(nh))->error;
	left = IFLA_PAYLOAD(nh);
	for (struct rtattr *a = IFLA_RTA(NLMSG_DATA(nh)); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type != IFLA_STATS64 || RTA_PAYLOAD(a) < sizeof(stats))
			continue;
		memcpy(&stats, RTA_DATA(a), sizeof(stats));
		copy_counters(&stats, ret);
		return 0;
	}
	return -ENODATA;
}
