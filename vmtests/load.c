/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * load OBJECT…: puts every program of BPF objects alone before this kernel's verifier, one line
 * each and the end of the log for those it refuses. Maps that user space sizes get a small size.
 * Which programs a kernel has to take is the agent's to say: this only tells authors, early.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LOG_BYTES (16 << 20)
#define LOG_SHOWN 3000
#define PROGRAMS_MAX 128
#define MAP_ENTRIES 8

static char kernel_log[LOG_BYTES];

static void size_maps(struct bpf_object *obj)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, obj) {
		if (bpf_map__max_entries(map) <= 1 && bpf_map__value_size(map) < 4096 &&
		    !bpf_map__is_internal(map))
			bpf_map__set_max_entries(map, MAP_ENTRIES);
	}
}

static const char *counts(const char *log)
{
	static char line[160];
	const char *at = strstr(log, "processed ");

	snprintf(line, sizeof(line), "%.*s", at ? (int)strcspn(at, "\n") : 0, at ? at : "");
	return line;
}

/* Loads only the n-th program. 1 when there was one, 0 past the last. */
static int load_one(const char *path, int n, int *failed)
{
	struct bpf_object *obj = bpf_object__open_file(path, NULL);
	struct bpf_program *prog, *chosen = NULL;
	size_t len;
	int i = 0, err;

	if (!obj) {
		printf("%s: does not open: %s\n", path, strerror(errno));
		*failed += 1;
		return 0;
	}
	bpf_object__for_each_program(prog, obj) {
		bpf_program__set_autoload(prog, i == n);
		if (i++ == n)
			chosen = prog;
	}
	if (chosen) {
		size_maps(obj);
		kernel_log[0] = 0;
		bpf_program__set_log_buf(chosen, kernel_log, sizeof(kernel_log));
		bpf_program__set_log_level(chosen, 4);
		err = bpf_object__load(obj);
		if (err) { /* once more, with all it has to say */
			bpf_object__close(obj);
			obj = bpf_object__open_file(path, NULL);
			i = 0;
			bpf_object__for_each_program(prog, obj) {
				bpf_program__set_autoload(prog, i == n);
				if (i++ == n)
					chosen = prog;
			}
			size_maps(obj);
			kernel_log[0] = 0;
			bpf_program__set_log_buf(chosen, kernel_log, sizeof(kernel_log));
			bpf_program__set_log_level(chosen, 1);
			err = bpf_object__load(obj);
		}
		printf("%-6s %s: %s (%s): %s %s\n", err ? "REFUSED" : "loaded",
		       strrchr(path, '/') ? strrchr(path, '/') + 1 : path,
		       bpf_program__name(chosen), bpf_program__section_name(chosen),
		       err ? strerror(-err) : "", counts(kernel_log));
		len = strlen(kernel_log);
		if (err)
			printf("%s\n", kernel_log + (len > LOG_SHOWN ? len - LOG_SHOWN : 0));
		*failed += !!err;
	}
	bpf_object__close(obj);
	return !!chosen;
}

int main(int argc, char **argv)
{
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++)
		for (int n = 0; n < PROGRAMS_MAX && load_one(argv[i], n, &failed); n++)
			;
	return !!failed;
}
