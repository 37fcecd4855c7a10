/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What a process may do, and giving it up. */
#ifndef WT_PRIVILEGE_H
#define WT_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

/* CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON (or CAP_SYS_ADMIN for the first and last). */
bool privilege_is_enough(void);

/*
 * The attacher after start-up: nothing but those three, and what it takes to start another
 * shipper as another user; no_new_privs. With with_admin it keeps CAP_SYS_ADMIN and CAP_SYS_PTRACE
 * too: libxdp finds programs by id, to detach them; sockets of other network namespaces are swept
 * from within. 0 or -errno.
 */
int privilege_keep_bpf(bool with_admin);

/* name, else "wiretally", else "nobody". 0, or -ENOENT when a given name does not exist. */
int privilege_user(const char *name, uid_t *uid, gid_t *gid);

/* The shipper: that user, no capability, no_new_privs, no core dumps. 0 or -errno. */
int privilege_drop_all(uid_t uid, gid_t gid);

#endif
