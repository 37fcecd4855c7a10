// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Two dumps a look: links with their statistics, then root and ingress qdiscs with theirs. */
#include "user/agent/host_links.h"

#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "user/agent/host_table.h"
#include "user/agent/link.h"
#include "user/lib/log.h"
#include "user/wire/signal.h"

struct named {
	uint32_t ifindex;
	bool from_zero; /* its counters, those that are not known yet */
	char name[IF_NAMESIZE];
};

struct look {
	uint32_t len;
	struct named at[HOST_LINKS_MAX];
};

struct host_links {
	int fd;
	struct host_table *table;
	uint32_t netns;
	uint32_t newest; /* the highest ifindex of looks before: what is above it is new */
	bool is_full; /* in this look */
	struct look now;
	struct look before;
};

static const struct {
	const char *name;
	size_t at;
} statistics[] = {
#define STATISTIC(field) { #field, offsetof(struct rtnl_link_stats64, field) }
	STATISTIC(rx_dropped),	 STATISTIC(tx_dropped),	      STATISTIC(rx_errors),
	STATISTIC(tx_errors),	 STATISTIC(rx_missed_errors), STATISTIC(rx_over_errors),
	STATISTIC(rx_nohandler), STATISTIC(collisions),
#undef STATISTIC
};

int host_links_open(struct host_links **ret)
{
	struct host_links *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->fd = link_socket();
	if (l->fd < 0) {
		int err = l->fd;

		free(l);
		return err;
	}
	*ret = l;
	return 0;
}

void host_links_close(struct host_links *l)
{
	if (!l)
		return;
	close_fd(l->fd);
	free(l);
}

/* A name that may stand in a count's name, else "if7". */
static void name_link(struct named *to, const char *name, size_t len)
{
	bool is_plain = len > 0;

	for (size_t i = 0; i < len && name[i]; i++)
		is_plain &= name[i] > ' ' && name[i] < 0x7f && name[i] != '"' && name[i] != '\\';
	if (is_plain && *name)
		snprintf(to->name, sizeof(to->name), "%.*s", (int)len, name);
	else
		snprintf(to->name, sizeof(to->name), "if%u", to->ifindex);
}

static const struct named *find_link(const struct look *look, uint32_t ifindex)
{
	for (uint32_t i = 0; i < look->len; i++)
		if (look->at[i].ifindex == ifindex)
			return &look->at[i];
	return NULL;
}

/* New, or known by that name. One that was renamed has counted under another name until now. */
static bool counts_from_zero(const struct host_links *l, const struct named *link)
{
	const struct named *before = find_link(&l->before, link->ifindex);

	if (host_table_is_first(l->table))
		return false;
	return before ? !strcmp(before->name, link->name) : link->ifindex > l->newest;
}

static void count(struct host_links *l, const struct named *link, uint32_t tag, const char *kind,
		  const char *what, uint64_t value)
{
	char name[HOST_COUNT_NAME_MAX];

	snprintf(name, sizeof(name), "%s/%s/%s", kind, link->name, what);
	host_table_counter(l->table, l->netns, tag, name, value, link->from_zero);
}

static int take_link(void *arg, struct nlmsghdr *h)
{
	struct host_links *l = arg;
	struct ifinfomsg *info = NLMSG_DATA(h);
	int len = h->nlmsg_len - NLMSG_LENGTH(sizeof(*info));
	struct rtnl_link_stats64 now = { 0 };
	struct named *link = &l->now.at[l->now.len];

	if (l->now.len == HOST_LINKS_MAX) {
		l->is_full = true;
		return 0;
	}
	*link = (struct named){ .ifindex = info->ifi_index };
	name_link(link, "", 0);
	for (struct rtattr *a = IFLA_RTA(info); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		size_t bytes = RTA_PAYLOAD(a);

		if (a->rta_type == IFLA_IFNAME)
			name_link(link, RTA_DATA(a), bytes);
		else if (a->rta_type == IFLA_STATS64)
			memcpy(&now, RTA_DATA(a), bytes < sizeof(now) ? bytes : sizeof(now));
	}
	link->from_zero = counts_from_zero(l, link);
	for (size_t i = 0; i < ARRAY_LEN(statistics); i++) {
		uint64_t value;

		memcpy(&value, (const uint8_t *)&now + statistics[i].at, sizeof(value));
		count(l, link, link->ifindex, "nic", statistics[i].name, value);
	}
	l->now.len++;
	return 0;
}

static bool take_queue(struct rtattr *stats, struct gnet_stats_queue *ret)
{
	int len = RTA_PAYLOAD(stats);

	for (struct rtattr *a = RTA_DATA(stats); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type != TCA_STATS_QUEUE || RTA_PAYLOAD(a) < sizeof(*ret))
			continue;
		memcpy(ret, RTA_DATA(a), sizeof(*ret));
		return true;
	}
	return false;
}

/* The root has its children's drops in its own. */
static int take_qdisc(void *arg, struct nlmsghdr *h)
{
	struct host_links *l = arg;
	struct tcmsg *tc = NLMSG_DATA(h);
	int len = h->nlmsg_len - NLMSG_LENGTH(sizeof(*tc));
	const struct named *link = find_link(&l->now, tc->tcm_ifindex);
	struct gnet_stats_queue queue;
	bool is_root = tc->tcm_parent == TC_H_ROOT;

	if (!link || (!is_root && tc->tcm_parent != TC_H_INGRESS))
		return 0;
	for (struct rtattr *a = TCA_RTA(tc); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if ((a->rta_type & NLA_TYPE_MASK) != TCA_STATS2 || !take_queue(a, &queue))
			continue;
		/* another handle is another qdisc, which counts from 0 */
		count(l, link, tc->tcm_handle ^ link->ifindex, "qdisc",
		      is_root ? "drops" : "ingress_drops", queue.drops);
		if (is_root)
			count(l, link, tc->tcm_handle ^ link->ifindex, "qdisc", "overlimits",
			      queue.overlimits);
	}
	return 0;
}

static void remember(struct host_links *l)
{
	l->before = l->now;
	for (uint32_t i = 0; i < l->now.len; i++)
		if (l->now.at[i].ifindex > l->newest)
			l->newest = l->now.at[i].ifindex;
}

void host_links_look(struct host_links *l, struct host_table *table, uint32_t netns)
{
	static bool said;
	int err;

	l->table = table;
	l->netns = netns;
	l->now.len = 0;
	l->is_full = false;
	err = link_dump(l->fd, take_link, l);
	if (!err)
		err = link_dump_qdiscs(l->fd, take_qdisc, l);
	if (!err)
		remember(l);
	if (!err && l->is_full)
		err = -E2BIG;
	if (err && !said) {
		said = true;
		log_warn("drops of interfaces are not all counted: %s", strerror(-err));
	}
}
