// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Map, program and link descriptors to files under bpffs and back. */
#include "user/agent/pins.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <bpf/bpf.h>

#include "user/lib/log.h"

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

static int make_dir(const char *dir, const char *below)
{
	char path[PINS_PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s%s", dir, below);
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

int pins_open(const char *dir, struct pins *pins, const char **why)
{
	char parent[PINS_PATH_MAX];
	int err;

	pins->dir[0] = '\0';
	*why = "asked not to";
	if (!strcmp(dir, "none"))
		return 0;
	if (snprintf(parent, sizeof(parent), "%s", dir) >= (int)sizeof(parent) - 8)
		return -ENAMETOOLONG;
	*strrchr(parent, '/') = '\0';
	*why = "no bpffs is mounted there";
	if (!is_bpffs(parent) && !is_bpffs(dir))
		return 0;
	snprintf(pins->dir, sizeof(pins->dir), "%.200s/v%d", dir, WT_ABI_VERSION);
	err = make_dir(dir, "");
	if (!err)
		err = make_dir(pins->dir, "");
	if (!err)
		err = make_dir(pins->dir, "/maps");
	if (!err)
		err = make_dir(pins->dir, "/progs");
	return err ? err : make_dir(pins->dir, "/links");
}

static void map_path(const struct pins *p, int map, char path[PINS_PATH_MAX + 64])
{
	snprintf(path, PINS_PATH_MAX + 64, "%s/maps/%s", p->dir, table_map_names[map]);
}

void pins_map_path(const struct pins *p, enum table_map map, char path[PINS_PATH_MAX + 64])
{
	path[0] = '\0';
	if (p->dir[0])
		map_path(p, map, path);
}

static void prog_path(const struct pins *p, int prog, char path[PINS_PATH_MAX + 64])
{
	snprintf(path, PINS_PATH_MAX + 64, "%s/progs/%s", p->dir, kernel_prog_names[prog]);
}

static void link_path(const struct pins *p, uint32_t ifindex, bool ingress,
		      char path[PINS_PATH_MAX + 64])
{
	snprintf(path, PINS_PATH_MAX + 64, "%s/links/%u-%s", p->dir, ifindex,
		 ingress ? "in" : "out");
}

static int pin(int fd, const char *path)
{
	unlink(path);
	return bpf_obj_pin(fd, path) ? -errno : 0;
}

int pins_save(const struct pins *p, const struct kernel *k)
{
	char path[PINS_PATH_MAX + 64];
	int err = 0;

	for (int prog = 0; prog < PROGS && !err && p->dir[0]; prog++) {
		prog_path(p, prog, path);
		if (k->progs[prog] >= 0)
			err = pin(k->progs[prog], path);
	}
	/* The state comes last: with it, the set is complete. */
	for (int map = 0; map < MAPS && !err && p->dir[0]; map++) {
		map_path(p, map, path);
		if (map != MAP_STATE)
			err = pin(k->maps[map], path);
	}
	map_path(p, MAP_STATE, path);
	return err || !p->dir[0] ? err : pin(k->maps[MAP_STATE], path);
}

/* Descriptors of a complete set. */
static int adopt_fds(const struct pins *p, struct kernel *k)
{
	char path[PINS_PATH_MAX + 64];

	for (int map = 0; map < MAPS; map++) {
		map_path(p, map, path);
		k->maps[map] = bpf_obj_get(path);
		if (k->maps[map] < 0)
			return -ENOENT;
	}
	for (int prog = 0; prog < PROGS; prog++) {
		prog_path(p, prog, path);
		k->progs[prog] = bpf_obj_get(path);
		if (k->progs[prog] < 0 && prog != PROG_XDP)
			return -ENOENT;
	}
	return 0;
}

int pins_adopt(const struct pins *p, struct kernel **ret)
{
	AUTO(kernel_free) struct kernel *k = calloc(1, sizeof(*k));
	AUTO(tables_free) struct tables *t = NULL;
	int err;

	if (!k)
		return -ENOMEM;
	if (!p->dir[0])
		return -ENOENT;
	for (int i = 0; i < MAPS; i++)
		k->maps[i] = -1;
	for (int i = 0; i < PROGS; i++)
		k->progs[i] = -1;
	err = adopt_fds(p, k);
	if (!err)
		err = tables_open(k->maps, NULL, &t);
	if (err)
		return err;
	k->options.geometry = t->geometry;
	k->options.netns = t->state->netns;
	k->options.inner = t->state->inner;
	memcpy(k->instance, t->state->instance, sizeof(k->instance));
	memcpy(k->secret, t->state->secret, sizeof(k->secret));
	*ret = TAKE(k);
	return 0;
}

int pins_save_link(const struct pins *p, int link_fd, uint32_t ifindex, bool ingress)
{
	char path[PINS_PATH_MAX + 64];

	link_path(p, ifindex, ingress, path);
	return p->dir[0] ? pin(link_fd, path) : 0;
}

int pins_adopt_link(const struct pins *p, uint32_t ifindex, bool ingress)
{
	struct bpf_link_info info = { 0 };
	__u32 len = sizeof(info);
	char path[PINS_PATH_MAX + 64];
	AUTO_FD int fd = -1;

	link_path(p, ifindex, ingress, path);
	fd = p->dir[0] ? bpf_obj_get(path) : -1;
	if (fd < 0)
		return -ENOENT;
	/* An interface that vanished leaves a link to nothing; its number may be another's now. */
	if (bpf_link_get_info_by_fd(fd, &info, &len) || info.tcx.ifindex != ifindex) {
		unlink(path);
		return -ENOENT;
	}
	return TAKE_FD(fd);
}

void pins_drop_link(const struct pins *p, uint32_t ifindex, bool ingress)
{
	char path[PINS_PATH_MAX + 64];

	link_path(p, ifindex, ingress, path);
	if (p->dir[0])
		unlink(path);
}

void pins_keep_links(const struct pins *p, const struct iface_list *keep)
{
	char path[PINS_PATH_MAX + 64];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/links", p->dir);
	dir = p->dir[0] ? opendir(path) : NULL;
	while (dir && (entry = readdir(dir))) {
		uint32_t ifindex = strtoul(entry->d_name, NULL, 10);
		bool kept = entry->d_name[0] == '.';

		for (uint32_t slot = 1; slot < GEOMETRY_SLOTS_MAX && !kept; slot++)
			kept = ifindex && keep->at[slot].ifindex == ifindex;
		if (!kept)
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

static int removed;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	if (type == FTW_DP ? rmdir(path) : unlink(path))
		return -1;
	removed += type != FTW_DP;
	return 0;
}

int pins_remove(const char *dir)
{
	removed = 0;
	if (!strcmp(dir, "none") || access(dir, F_OK))
		return 0;
	if (nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT))
		return -errno;
	return removed;
}
