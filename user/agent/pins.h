/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Pins under bpffs, so that tables and links outlive a killed agent:
 *   DIR/v<ABI>/maps/<name>  DIR/v<ABI>/progs/<name>  DIR/v<ABI>/links/<ifindex>-in|out
 */
#ifndef WT_PINS_H
#define WT_PINS_H

#include <stdbool.h>
#include <stdint.h>

#include "user/agent/iface.h"
#include "user/agent/kernel.h"

#define PINS_DIR_DEFAULT "/sys/fs/bpf/wiretally"
#define PINS_PATH_MAX 256

struct pins {
	char dir[PINS_PATH_MAX]; /* "" = no bpffs: nothing is pinned */
};

/*
 * dir "none", or no bpffs at its parent: pins->dir is "" and *why says which (static). 0 or -errno.
 */
int pins_open(const char *dir, struct pins *pins, const char **why);

/* All maps and programs of k. */
int pins_save(const struct pins *p, const struct kernel *k);

/*
 * What another agent left. 0 with *ret; -ENOENT when there is nothing (complete); -EPROTO when
 * what is there is of another ABI.
 */
int pins_adopt(const struct pins *p, struct kernel **ret);

/* Where a map is pinned; "" without pins. */
void pins_map_path(const struct pins *p, enum table_map map, char path[PINS_PATH_MAX + 64]);

int pins_save_link(const struct pins *p, int link_fd, uint32_t ifindex, bool ingress);
int pins_adopt_link(const struct pins *p, uint32_t ifindex, bool ingress); /* fd or -errno */
void pins_drop_link(const struct pins *p, uint32_t ifindex, bool ingress);

/* Unpins links of interfaces that are not in the list: another configuration's. */
void pins_keep_links(const struct pins *p, const struct iface_list *keep);

/* Removes every pin of ours, of any ABI. Returns how many files went, or -errno. */
int pins_remove(const char *dir);

#endif
