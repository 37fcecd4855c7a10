/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * foreign DEV: attaches foreign.bpf.o through libxdp, beside what is there. Says "ready", prints its
 * count for every line it reads, detaches when its input ends.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <xdp/libxdp.h>

#include "tests/tools/lib/object.h"

static unsigned long long seen(struct bpf_object *obj)
{
	unsigned long long value = 0;
	unsigned int zero = 0;

	bpf_map__lookup_elem(bpf_object__find_map_by_name(obj, "foreign_seen"), &zero, sizeof(zero),
			     &value, sizeof(value), 0);
	return value;
}

int main(int argc, char **argv)
{
	DECLARE_LIBXDP_OPTS(xdp_program_opts, opts, 0);
	int ifindex = argc == 2 ? if_nametoindex(argv[1]) : 0, err;
	struct xdp_program *prog;
	struct bpf_object *obj;
	char line[16];

	if (!ifindex || object_open_beside(&obj)) {
		fprintf(stderr, "foreign: no such interface, or no foreign.bpf.o beside me\n");
		return 2;
	}
	opts.obj = obj;
	opts.prog_name = "foreign_xdp";
	prog = xdp_program__create(&opts);
	err = libxdp_get_error(prog);
	if (!err)
		err = xdp_program__attach(prog, ifindex, XDP_MODE_NATIVE, 0);
	if (err) {
		fprintf(stderr, "foreign: %s: %s\n", argv[1], strerror(-err));
		return 1;
	}
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		printf("%llu\n", seen(xdp_program__bpf_obj(prog)));
		fflush(stdout);
	}
	err = xdp_program__detach(prog, ifindex, XDP_MODE_NATIVE, 0);
	if (err)
		fprintf(stderr, "foreign: detach: %s\n", strerror(-err));
	xdp_program__close(prog);
	return !!err;
}
