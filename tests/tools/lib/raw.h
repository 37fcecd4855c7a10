/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Frames into an interface by AF_PACKET: through the qdisc and tc egress, as any sender's. */
#ifndef WT_TEST_RAW_H
#define WT_TEST_RAW_H

#include <stddef.h>

/* A raw socket bound to dev, or -errno. */
int raw_open(const char *dev);

/*
 * Sends one frame, waiting out a full device queue. 0 or -errno: -EMSGSIZE above the MTU, -EINVAL
 * for less than an Ethernet header.
 */
int raw_send(int fd, const void *frame, size_t bytes);

#endif
