// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A configuration in, tables to count in out: a killed agent's, or new ones. */
#include "user/agent/start.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <bpf/libbpf.h>

#include "user/agent/old_pins.h"
#include "user/agent/privilege.h"
#include "user/agent/watch.h"
#include "user/lib/log.h"

static int take_lock(const char *run_dir, int *lock_fd)
{
	char path[256];
	AUTO_FD int fd = -1;

	if (mkdir(run_dir, 0755) && errno != EEXIST) {
		log_error("cannot make '%s': %s", run_dir, strerror(errno));
		return -errno;
	}
	snprintf(path, sizeof(path), "%.200s/agent.lock", run_dir);
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0) {
		log_error("cannot open '%s': %s", path, strerror(errno));
		return -errno;
	}
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		log_error("an agent is running with run directory '%s': stop it first", run_dir);
		return -EBUSY;
	}
	*lock_fd = TAKE_FD(fd);
	return 0;
}

int start_check(const struct config *c, int *lock_fd)
{
	if (!privilege_is_enough()) {
		log_error(
			"needs CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON: run with sudo or give the service these capabilities");
		return -EPERM;
	}
	if (access("/sys/kernel/btf/vmlinux", R_OK)) {
		log_error(
			"this kernel has no BTF (/sys/kernel/btf/vmlinux): it needs CONFIG_DEBUG_INFO_BTF=y");
		return -ENOTSUP;
	}
	if (!c->detach && watch_check(c))
		return -ENODEV;
	return take_lock(c->run_dir, lock_fd);
}

static int online_rows(int *cpus)
{
	/* A row for every CPU id up to the highest one online; ids without a row fold. */
	long online = sysconf(_SC_NPROCESSORS_ONLN), highest = 0;
	AUTO_FILE FILE *f = fopen("/sys/devices/system/cpu/online", "re");
	char text[256] = "", *last;

	*cpus = libbpf_num_possible_cpus();
	if (f && fgets(text, sizeof(text), f)) {
		last = strpbrk(text, "-,") ? text + strlen(text) : text;
		while (last > text && last[-1] != '-' && last[-1] != ',')
			last--;
		highest = strtol(last, NULL, 10);
	}
	return highest + 1 > online ? highest + 1 : online;
}

static int want_geometry(const struct config *c, struct geometry *g)
{
	int cpus, rows = online_rows(&cpus);
	int err = geometry_fit(c->memory_bytes, cpus, rows < cpus ? rows : cpus, c->slots + 1,
			       c->inner, g);

	if (err)
		log_error("--memory is too small for %d CPUs and %llu interfaces", cpus,
			  (unsigned long long)c->slots);
	return err;
}

static bool fits(const struct kernel *k, const struct geometry *g, const struct config *c)
{
	return k->options.netns == kernel_netns() && k->options.inner == c->inner &&
	       !memcmp(&k->options.geometry, g, sizeof(*g));
}

static int load_new(const struct config *c, const struct geometry *g, const struct pins *pins,
		    struct kernel **ret)
{
	struct kernel_options options = {
		.geometry = *g,
		.netns = kernel_netns(),
		.inner = c->inner,
	};
	int err = kernel_load(&options, ret);

	return err ? err : pins_save(pins, *ret);
}

/* own_too: of this version by name, but not by what is in them. */
static void replace_pins(const struct config *c, const struct pins *pins, bool own_too,
			 struct start_before *before)
{
	int found = old_pins_take(c->pin_dir, pins, own_too, before->crash, &before->left);

	if (found > 0)
		log_warn("pins of another version were in the way: replaced%s",
			 before->left.ledgers || !before->crash
				 ? ""
				 : "; what they held is named as far as the crash record knows");
}

int start_kernel(const struct config *c, struct start_before *before, struct pins *pins,
		 struct kernel **ret)
{
	struct geometry g;
	const char *why;
	int err = want_geometry(c, &g);

	if (!err)
		err = pins_open(c->pin_dir, pins, &why);
	if (err)
		return err;
	if (!pins->dir[0])
		log_info("tables are not pinned (%s): they end with this agent", why);
	replace_pins(c, pins, false, before);
	err = pins_adopt(pins, ret);
	before->adopted = !err;
	if (!err && !fits(*ret, &g, c))
		log_warn(
			"going on with the tables of the agent before: its --memory, --inner and --max-interfaces hold until `wiretally detach`");
	if (err == -ENOENT || err == -EPROTO) {
		if (err == -EPROTO)
			replace_pins(c, pins, true, before);
		err = pins_open(c->pin_dir, pins, &why);
		if (!err)
			err = load_new(c, &g, pins, ret);
	}
	if (!err)
		geometry_print(&(*ret)->options.geometry, stderr);
	return err;
}
