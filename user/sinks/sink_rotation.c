// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A folder in, without its oldest files out. */
#include "user/sinks/sink_rotation.h"

#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/lib/cleanup.h"

static int is_older(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

void sink_rotation_trim(const char *path, bool (*is_ours)(const char *name, const char *base),
			uint64_t keep)
{
	AUTO_FREE char *copy = strdup(path), *other = strdup(path);
	struct dirent **names;
	uint64_t kept = 0;
	int len = copy && other ? scandir(dirname(copy), &names, NULL, is_older) : -1, fd;

	if (len < 0)
		return;
	fd = open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = len; i-- > 0; free(names[i]))
		if (is_ours(names[i]->d_name, basename(other)) && kept++ >= keep)
			unlinkat(fd, names[i]->d_name, 0);
	free(names);
	close_fd(fd);
}
