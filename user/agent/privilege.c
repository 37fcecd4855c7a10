// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Capabilities checked at start, and dropped as soon as they have done their work. */
#include "user/agent/privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "user/lib/cleanup.h"

static bool has(cap_t caps, cap_value_t cap)
{
	cap_flag_value_t value = CAP_CLEAR;

	return !cap_get_flag(caps, cap, CAP_EFFECTIVE, &value) && value == CAP_SET;
}

bool privilege_is_enough(void)
{
	cap_t caps = cap_get_proc();
	bool admin, enough;

	if (!caps)
		return false;
	admin = has(caps, CAP_SYS_ADMIN);
	enough = has(caps, CAP_NET_ADMIN) && (admin || has(caps, CAP_BPF)) &&
		 (admin || has(caps, CAP_PERFMON));
	cap_free(caps);
	return enough;
}

static int set_caps(const cap_value_t *keep, int len)
{
	cap_t caps = cap_init();
	int err = caps ? 0 : -ENOMEM;

	if (!err && len && cap_set_flag(caps, CAP_PERMITTED, len, keep, CAP_SET))
		err = -errno;
	if (!err && len && cap_set_flag(caps, CAP_EFFECTIVE, len, keep, CAP_SET))
		err = -errno;
	if (!err && cap_set_proc(caps))
		err = -errno;
	cap_free(caps);
	return err;
}

int privilege_keep_bpf(bool with_admin)
{
	static const cap_value_t wanted[] = { CAP_BPF,	  CAP_NET_ADMIN, CAP_PERFMON,	CAP_SETUID,
					      CAP_SETGID, CAP_SYS_ADMIN, CAP_SYS_PTRACE };
	cap_value_t keep[ARRAY_LEN(wanted)];
	cap_t caps = cap_get_proc();
	const int needed = ARRAY_LEN(wanted) - 2; /* without one of these, SYS_ADMIN stands in */
	int wanted_len = with_admin ? ARRAY_LEN(wanted) : needed, len = 0, found = 0;

	if (!caps)
		return -ENOMEM;
	for (int i = 0; i < wanted_len; i++) {
		if (!has(caps, wanted[i]))
			continue;
		keep[len++] = wanted[i];
		found += i < needed;
	}
	cap_free(caps);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return found == needed ? set_caps(keep, len) : 0;
}

int privilege_user(const char *name, uid_t *uid, gid_t *gid)
{
	const struct passwd *pw = getpwnam(name ? name : "wiretally");

	if (!pw && !name)
		pw = getpwnam("nobody");
	if (!pw)
		return -ENOENT;
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	return 0;
}

int privilege_drop_all(uid_t uid, gid_t gid)
{
	int err;

	if (geteuid() == 0 &&
	    (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid)))
		return -errno;
	err = set_caps(NULL, 0);
	if (err)
		return err;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return -errno;
	return 0;
}
