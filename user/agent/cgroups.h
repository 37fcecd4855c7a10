/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Cgroup ids to paths: the id is the inode number of the directory in cgroup v2's tree. */
#ifndef WT_CGROUPS_H
#define WT_CGROUPS_H

#include <stddef.h>
#include <stdint.h>

#define CGROUPS_MAX 16384 /* more have no path */
#define CGROUPS_LOOK_S 5 /* an unknown id reads the tree again at most this often */

struct cgroups;

/* 0 or -ENOMEM. */
int cgroups_new(struct cgroups **ret);
void cgroups_free(struct cgroups *c);

/* "/system.slice/ssh.service"; the end of it when it is longer than size; "" when unknown. */
void cgroups_path(struct cgroups *c, uint64_t id, char *to, size_t size);

#endif
