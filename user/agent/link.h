/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The host's network interfaces, and the news about them (rtnetlink). */
#ifndef WT_LINK_H
#define WT_LINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/lib/cleanup.h"

#define LINKS_MAX 16384

struct link {
	uint32_t ifindex;
	char name[IF_NAMESIZE];
	char kind[16]; /* "veth", "vlan", "bridge", …; "" for hardware */
	bool is_up; /* administratively */
	bool is_loopback;
	bool has_ethernet; /* frames begin with an Ethernet header */
	bool peer_elsewhere; /* its other end is in another network namespace */
	uint32_t lower; /* IFLA_LINK in this namespace, 0 = none */
	uint32_t master; /* bridge or bond it is a port of, 0 = none */
};

struct links {
	struct link *at;
	size_t len;
};

/* A socket that becomes readable when an interface appears, vanishes or changes. fd or -errno. */
int links_watch(void);
/* Reads all news away; what changed is for links_list() to tell. */
void links_drain(int fd);

/* A socket for link_dump() whose answers are waited for, not for ever. fd or -errno. */
int link_socket(void);

struct nlmsghdr;

/* One RTM_GETLINK dump: each() for every RTM_NEWLINK, until it returns non-zero. 0 or -errno. */
int link_dump(int fd, int (*each)(void *arg, struct nlmsghdr *h), void *arg);
/* The same of RTM_GETQDISC and RTM_NEWQDISC, of all interfaces. */
int link_dump_qdiscs(int fd, int (*each)(void *arg, struct nlmsghdr *h), void *arg);

/* 0 with a malloc'd list, or -errno. */
int links_list(struct links *ret);
void links_free(struct links *l);

#endif
