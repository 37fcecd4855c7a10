/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The parts of the kernel's structs that TCP programs read. Only names count: the loader finds
 * each field's place in the running kernel's BTF (CO-RE), so what is not read is not here.
 */
#ifndef WIRETALLY_CORE_BPF_H
#define WIRETALLY_CORE_BPF_H

#include <linux/types.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct in6_addr {
	__u8 bytes[16];
};

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	unsigned char skc_ipv6only:1;
	struct {
		struct net *net;
	} skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	struct {
		struct {
			int counter;
		} refs;
	} skc_refcnt;
};

struct sock {
	struct sock_common __sk_common;
	int sk_err;
	__u8 sk_kern_sock:1;
	__u16 sk_type;
	__u16 sk_protocol;
	unsigned long sk_pacing_rate;
	__u32 sk_ack_backlog;
	__u32 sk_max_ack_backlog;
};

struct inet_timewait_sock {
	volatile unsigned char tw_substate;
};

struct inet_sock {
	struct sock sk;
	__be16 inet_sport;
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	__u8 icsk_ca_state:5;
};

struct minmax_sample {
	__u32 t;
	__u32 v;
};

struct minmax {
	struct minmax_sample s[3];
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u64 bytes_received;
	__u64 bytes_acked;
	__u32 segs_out;
	__u32 srtt_us; /* eighths */
	__u32 mdev_us;
	__u32 rttvar_us; /* quarters */
	struct minmax rtt_min;
	__u32 packets_out;
	__u32 lost_out;
	__u32 snd_cwnd;
	__u32 reordering;
	__u32 mss_cache;
	__u32 rate_delivered;
	__u32 rate_interval_us;
	__u32 total_retrans;
};

struct request_sock {
	struct sock_common __req_common;
	struct sock *sk; /* the child, once the handshake is over */
};

struct inet_request_sock {
	struct request_sock req;
};

struct tcp_request_sock {
	struct inet_request_sock req;
	__u64 snt_synack; /* us; the first one */
};

struct tcp_skb_cb {
	__u16 tcp_gso_segs;
};

struct sk_buff {
	unsigned int len;
	char cb[48];
};

struct inode {
	unsigned short i_mode;
};

struct file {
	struct inode *f_inode;
	void *private_data;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct task_struct {
	struct files_struct *files;
};

struct socket {
	enum { WT_SOCKET_STATE } state; /* an enum here because it is one there */
	struct sock *sk;
};

struct bpf_iter__tcp {
	struct sock_common *sk_common;
};

struct udp_sock;

struct bpf_iter__udp {
	struct udp_sock *udp_sk;
	unsigned int uid __attribute__((aligned(8)));
};

struct bpf_iter__bpf_map_elem {
	void *key;
	void *value;
};

struct trace_event_raw_sys_enter {
	unsigned long args[6];
};

struct trace_event_raw_sys_exit {
	long ret;
};

#pragma clang attribute pop

/* include/net/tcp_states.h, linux/net.h, include/linux/socket.h: ABI, or as good as */
enum wt_tcp_state {
	WT_TCP_ESTABLISHED = 1,
	WT_TCP_SYN_SENT,
	WT_TCP_SYN_RECV,
	WT_TCP_FIN_WAIT1,
	WT_TCP_FIN_WAIT2,
	WT_TCP_TIME_WAIT,
	WT_TCP_CLOSE,
	WT_TCP_CLOSE_WAIT,
	WT_TCP_LAST_ACK,
	WT_TCP_LISTEN,
	WT_TCP_CLOSING,
	WT_TCP_NEW_SYN_RECV,
};
#define WT_AF_INET 2
#define WT_AF_INET6 10
#define WT_SOCK_STREAM 1
#define WT_IPPROTO_TCP 6
#define WT_IPPROTO_UDP 17
#define WT_SS_UNCONNECTED 1
#define WT_S_IFMT 0170000
#define WT_S_IFSOCK 0140000
#define WT_CA_RECOVERY 3
#define WT_CA_LOSS 4

#endif
