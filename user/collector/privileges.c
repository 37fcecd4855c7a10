// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A user's name in; afterwards the process is that user and can be nobody else. */
#include "user/collector/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/lib/log.h"

static const struct passwd *default_user(void)
{
	const struct passwd *pw = getpwnam("wiretally");

	return pw ? pw : getpwnam("nobody");
}

int privileges_find(const char *name, struct identity *ret)
{
	const struct passwd *pw = name ? getpwnam(name) : default_user();

	*ret = (struct identity){ geteuid(), getegid(), false };
	if (geteuid() != 0) {
		if (!name || (pw && pw->pw_uid == geteuid()))
			return 0;
		log_error("--user %s: only root can become another user", name);
		return -EPERM;
	}
	if (!pw) {
		log_error("user '%s' does not exist", name ? name : "nobody");
		return -ENOENT;
	}
	*ret = (struct identity){ pw->pw_uid, pw->pw_gid, true };
	if (!pw->pw_uid)
		log_warn("stays root, since --user %s asks for it: it needs no privilege", name);
	return 0;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[2] = {};

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
		return -errno;
	return syscall(SYS_capset, &header, none) ? -errno : 0;
}

/* EINVAL: no such capability in this kernel. */
static void drop_bounding_set(void)
{
	for (int cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno == EINVAL)
			return;
}

static int become(const struct identity *id)
{
	int death_signal = 0;

	/* the kernel forgets it with the old uid (commit_creds()), whoever started us does not */
	prctl(PR_GET_PDEATHSIG, &death_signal);
	drop_bounding_set();
	if (setgroups(0, NULL) || setresgid(id->gid, id->gid, id->gid) ||
	    setresuid(id->uid, id->uid, id->uid) ||
	    prctl(PR_SET_PDEATHSIG, (unsigned long)death_signal))
		return -errno;
	if (id->uid && (!setuid(0) || getuid() != id->uid || geteuid() != id->uid))
		return -EPERM;
	return 0;
}

int privileges_drop(const struct identity *id)
{
	int err = id->is_change ? become(id) : 0;

	if (!err)
		err = drop_capabilities();
	if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err = -errno;
	if (err)
		log_error("drop privileges: %s", strerror(-err));
	return err;
}
