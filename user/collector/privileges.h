/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* From root to nobody in particular, for good. */
#ifndef WT_PRIVILEGES_H
#define WT_PRIVILEGES_H

#include <stdbool.h>
#include <sys/types.h>

struct identity {
	uid_t uid;
	gid_t gid;
	bool is_change; /* false: we are not root and stay who we are */
};

/*
 * Whom to become: name, or when it is NULL "wiretally" if there is such a user, else "nobody".
 * Only root can become another: 0; -EPERM when we are not and name is somebody else's; -ENOENT.
 * Errors are logged.
 */
int privileges_find(const char *name, struct identity *ret);

/*
 * Groups, uid, gid, every capability, and no way back (no_new_privs). Before the first thread.
 * 0 or -errno, logged.
 */
int privileges_drop(const struct identity *id);

#endif
