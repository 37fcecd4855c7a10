/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* --allow and --deny lists in the programs' longest-prefix map. */
#ifndef WT_CIDR_H
#define WT_CIDR_H

#include <stdint.h>

#include "user/agent/config.h"
#include "user/agent/iface.h"

/* 0, or -EINVAL after an error message that names the network. */
int cidr_check(const struct config *c);

/*
 * Writes the networks that hold for this interface under its slot; *flags: WT_IF_FILTER and
 * WT_IF_ALLOWLIST as that needs. 0 or -errno. And removes them.
 */
int cidr_write(int map_fd, const struct iface *iface, const struct config *c, uint8_t *flags);
void cidr_erase(int map_fd, const struct iface *iface, const struct config *c);

/* Removes every network of every slot: an adopted map holds another configuration's. */
void cidr_clear(int map_fd);

#endif
