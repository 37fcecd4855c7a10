/* SPDX-License-Identifier: GPL-2.0 */
/* The parts of the kernel's structs that drop programs read; as core.bpf.h. */
#ifndef WIRETALLY_CORE_SKB_BPF_H
#define WIRETALLY_CORE_SKB_BPF_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

/* The kernel's possible_net_t and atomic_t: CO-RE goes by the members' names, not by the types'. */
struct possible_net {
	struct net *net;
};

struct net_device {
	int ifindex;
	struct possible_net nd_net;
};

struct sock_common {
	unsigned short skc_family;
	struct possible_net skc_net;
};

struct sock {
	struct sock_common __sk_common;
};

struct atomic {
	int counter;
};

struct refcount_struct {
	struct atomic refs;
};

struct sk_buff {
	struct sk_buff *next;
	struct net_device *dev;
	struct sock *sk;
	unsigned int len;
	int skb_iif;
	__be16 protocol;
	__u16 network_header;
	unsigned int tail; /* offsets from head */
	unsigned int end;
	unsigned char *head;
	struct refcount_struct users;
};

struct skb_shared_info {
	unsigned short gso_segs;
};

#pragma clang attribute pop

#define WT_AF_INET 2
#define WT_AF_INET6 10

#endif
