/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What attacher and shipper say to each other over a SOCK_SEQPACKET pair: one struct a message. */
#ifndef WT_MESSAGE_H
#define WT_MESSAGE_H

#include <stdint.h>

#include "user/agent/iface.h"

enum message_type {
	/* attacher -> shipper */
	MESSAGE_IFACE, /* iface.slot now holds iface; iface.ifindex 0 = the slot is free */
	MESSAGE_FINISH, /* hooks are off: harvest what is left, ship it, exit */
	/* shipper -> attacher */
	MESSAGE_READY,
	MESSAGE_INTERVAL, /* number: intervals closed so far; frees slots of vanished interfaces */
	MESSAGE_GRACE, /* wait for a grace period on my behalf; answered with the same */
};

struct message {
	uint32_t type;
	uint32_t pad;
	uint64_t number;
	struct iface iface;
};

/* 0 or -errno; -EPIPE when the other side is gone, -EAGAIN when nothing is there. */
int message_send(int fd, const struct message *m);
int message_receive(int fd, struct message *m);

#endif
