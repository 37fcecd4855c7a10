// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* rtnetlink dumps in, a list of interfaces out. */
#include "user/agent/link.h"

#include <errno.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

int links_watch(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	AUTO_FD int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return -errno;
	return TAKE_FD(fd);
}

void links_drain(int fd)
{
	char buffer[8192];

	/* ENOBUFS means news was missed: the list that follows has it all the same. */
	while (recv(fd, buffer, sizeof(buffer), 0) > 0 || errno == ENOBUFS)
		errno = 0;
}

static void take_kind(struct link *link, struct rtattr *info)
{
	int len = RTA_PAYLOAD(info);

	for (struct rtattr *a = RTA_DATA(info); RTA_OK(a, len); a = RTA_NEXT(a, len))
		if (a->rta_type == IFLA_INFO_KIND)
			snprintf(link->kind, sizeof(link->kind), "%.*s", (int)RTA_PAYLOAD(a),
				 (const char *)RTA_DATA(a));
}

static uint32_t rta_u32(const struct rtattr *a)
{
	uint32_t value = 0;

	if (RTA_PAYLOAD(a) >= sizeof(value))
		memcpy(&value, RTA_DATA(a), sizeof(value));
	return value;
}

static void parse_link(struct nlmsghdr *h, struct link *link)
{
	struct ifinfomsg *info = NLMSG_DATA(h);
	int len = h->nlmsg_len - NLMSG_LENGTH(sizeof(*info));

	*link = (struct link){
		.ifindex = info->ifi_index,
		.is_up = info->ifi_flags & IFF_UP,
		.is_loopback = info->ifi_flags & IFF_LOOPBACK,
		.has_ethernet = info->ifi_type == ARPHRD_ETHER || info->ifi_type == ARPHRD_LOOPBACK,
	};
	for (struct rtattr *a = IFLA_RTA(info); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		switch (a->rta_type & NLA_TYPE_MASK) {
		case IFLA_IFNAME:
			snprintf(link->name, sizeof(link->name), "%.*s", (int)RTA_PAYLOAD(a),
				 (const char *)RTA_DATA(a));
			break;
		case IFLA_LINKINFO:
			take_kind(link, a);
			break;
		case IFLA_LINK:
			link->lower = rta_u32(a);
			break;
		case IFLA_MASTER:
			link->master = rta_u32(a);
			break;
		case IFLA_LINK_NETNSID:
			link->peer_elsewhere = true;
			break;
		}
	}
	if (link->peer_elsewhere || !strcmp(link->kind, "veth"))
		link->lower = 0; /* a veth's peer is beside it, not below */
}

/* Of every family, RTM_GET… is 2 above RTM_NEW…, which the answers are. */
static int dump(int fd, uint16_t type, int (*each)(void *arg, struct nlmsghdr *h), void *arg)
{
	struct {
		struct nlmsghdr h;
		union {
			struct ifinfomsg info;
			struct tcmsg tc;
		};
	} ask = {
		.h = { .nlmsg_len = sizeof(ask),
		       .nlmsg_type = type,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
	};
	char buffer[32768];

	if (type == RTM_GETLINK)
		ask.h.nlmsg_len = NLMSG_LENGTH(sizeof(ask.info));
	if (send(fd, &ask, ask.h.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		ssize_t got = recv(fd, buffer, sizeof(buffer), 0);
		int len = got, err = 0;

		if (got < 0)
			return -errno;
		for (struct nlmsghdr *h = (void *)buffer; NLMSG_OK(h, len);
		     h = NLMSG_NEXT(h, len)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return -EIO;
			if (h->nlmsg_type == type - 2)
				err = each(arg, h);
			if (err)
				return err;
		}
	}
}

int link_dump(int fd, int (*each)(void *arg, struct nlmsghdr *h), void *arg)
{
	return dump(fd, RTM_GETLINK, each, arg);
}

int link_dump_qdiscs(int fd, int (*each)(void *arg, struct nlmsghdr *h), void *arg)
{
	return dump(fd, RTM_GETQDISC, each, arg);
}

int link_socket(void)
{
	struct timeval patience = { .tv_sec = 2 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

struct growing {
	struct links links;
	size_t cap;
};

static int add_link(void *arg, struct nlmsghdr *h)
{
	struct growing *g = arg;
	struct links *l = &g->links;

	if (l->len == LINKS_MAX)
		return -E2BIG;
	if (l->len == g->cap) {
		size_t more = g->cap ? g->cap * 2 : 16;
		struct link *at = reallocarray(l->at, more, sizeof(*at));

		if (!at)
			return -ENOMEM;
		l->at = at;
		g->cap = more;
	}
	parse_link(h, &l->at[l->len++]);
	return 0;
}

int links_list(struct links *ret)
{
	AUTO_FD int fd = link_socket();
	struct growing g = { 0 };
	int err;

	if (fd < 0)
		return fd;
	err = link_dump(fd, add_link, &g);
	if (err) {
		links_free(&g.links);
		return err;
	}
	*ret = g.links;
	return 0;
}

void links_free(struct links *l)
{
	if (!l)
		return;
	free(l->at);
	l->at = NULL;
	l->len = 0;
}
