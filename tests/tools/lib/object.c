/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* In: a BPF object without a skeleton. Out: the same, opened, with its constants set. */
#include "tests/tools/lib/object.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

int object_open_beside(struct bpf_object **ret)
{
	struct bpf_object *obj;
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof(".bpf.o"));

	if (n < 0)
		return -errno;
	strcpy(path + n, ".bpf.o");
	obj = bpf_object__open_file(path, NULL);
	if (!obj)
		return -errno;
	*ret = obj;
	return 0;
}

int object_set_constant(struct bpf_object *obj, const char *name, uint32_t value)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".rodata");
	struct btf *btf = bpf_object__btf(obj);
	int sec = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	const struct btf_type *t = sec > 0 ? btf__type_by_id(btf, sec) : NULL;
	size_t bytes;
	char *memory = map ? bpf_map__initial_value(map, &bytes) : NULL;

	for (int i = 0; t && memory && i < btf_vlen(t); i++) {
		const struct btf_var_secinfo *v = &btf_var_secinfos(t)[i];

		if (strcmp(name, btf__name_by_offset(btf, btf__type_by_id(btf, v->type)->name_off)))
			continue;
		memcpy(memory + v->offset, &value, v->size < 4 ? v->size : 4); /* little-endian */
		return 0;
	}
	return -ENOENT;
}
