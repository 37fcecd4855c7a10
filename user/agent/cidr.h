/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* --allow and --deny lists in the programs' longest-prefix map. */
#ifndef WT_CIDR_H
#define WT_CIDR_H

#include <stdint.h>

#include "user/agent/config.h"

/* 0, or -EINVAL after an error message that names the network. */
int cidr_check(const struct config *c);

/* Writes, removes all of c's networks for one interface slot. 0 or -errno. */
int cidr_write(int map_fd, uint32_t slot, const struct config *c);
void cidr_erase(int map_fd, uint32_t slot, const struct config *c);

/* Removes every network of every slot: an adopted map holds another configuration's. */
void cidr_clear(int map_fd);

#endif
