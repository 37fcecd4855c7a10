/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * dropper DEV HOOK EVERY [keep]: attaches a foreign program that drops every EVERY-th packet (1:
 * all, 0: none) at HOOK: xdp, tc-ingress, tc-egress, tcx-ingress or tcx-egress. Says "ready" on
 * stdout, and on SIGTERM or SIGINT detaches and prints {"seen": N, "dropped": N}. With keep it
 * leaves the program (xdp, tc) attached and returns at once.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/tools/lib/object.h"
#include "user/lib/cleanup.h"

#define TC_HANDLE 0xd0
#define TC_PRIORITY 77 /* behind what asks for the smallest */

struct dropper {
	const char *hook;
	int ifindex;
	struct bpf_object *obj;
	struct bpf_link *link;
	bool tc;
};

static struct bpf_tc_hook tc_hook(const struct dropper *d)
{
	return (struct bpf_tc_hook){
		.sz = sizeof(struct bpf_tc_hook),
		.ifindex = d->ifindex,
		.attach_point = strstr(d->hook, "egress") ? BPF_TC_EGRESS : BPF_TC_INGRESS,
	};
}

static int attach_tc(struct dropper *d, int fd)
{
	struct bpf_tc_hook hook = tc_hook(d);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = fd, .handle = TC_HANDLE, .priority = TC_PRIORITY);
	int err = bpf_tc_hook_create(&hook);

	if (err && err != -EEXIST)
		return err;
	d->tc = true;
	return bpf_tc_attach(&hook, &opts);
}

static int attach_tcx(struct dropper *d, const struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_tcx_opts, opts);

	d->link = bpf_program__attach_tcx(prog, d->ifindex, &opts);
	return d->link ? 0 : -errno;
}

static int attach(struct dropper *d)
{
	bool xdp = !strcmp(d->hook, "xdp");
	struct bpf_program *prog =
		bpf_object__find_program_by_name(d->obj, xdp ? "drop_xdp" : "drop_tc");

	if (!strncmp(d->hook, "tcx-", 4))
		bpf_program__set_expected_attach_type(
			prog, strstr(d->hook, "egress") ? BPF_TCX_EGRESS : BPF_TCX_INGRESS);
	if (bpf_object__load(d->obj))
		return -errno;
	if (xdp)
		return bpf_xdp_attach(d->ifindex, bpf_program__fd(prog),
				      XDP_FLAGS_DRV_MODE | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);
	if (!strncmp(d->hook, "tcx-", 4))
		return attach_tcx(d, prog);
	return attach_tc(d, bpf_program__fd(prog));
}

static void detach(struct dropper *d)
{
	struct bpf_tc_hook hook = tc_hook(d);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY);

	if (d->link)
		bpf_link__destroy(d->link);
	else if (d->tc)
		bpf_tc_detach(&hook, &opts);
	else
		bpf_xdp_detach(d->ifindex, XDP_FLAGS_DRV_MODE, NULL);
}

static void report(const struct dropper *d)
{
	struct bpf_map *map = bpf_object__find_map_by_name(d->obj, "dropper_counts");
	unsigned long long counts[2] = {};

	for (unsigned int i = 0; i < ARRAY_LEN(counts); i++)
		bpf_map__lookup_elem(map, &i, sizeof(i), &counts[i], sizeof(counts[i]), 0);
	printf("{\"seen\": %llu, \"dropped\": %llu}\n", counts[0], counts[1]);
}

static void wait_for_signal(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	puts("ready");
	fflush(stdout);
	sigwait(&set, &sig);
}

int main(int argc, char **argv)
{
	struct dropper d = {};
	bool keep = argc > 4 && !strcmp(argv[4], "keep");
	int err;

	if (argc < 4) {
		fprintf(stderr, "usage: dropper DEV HOOK EVERY [keep]\n");
		return 2;
	}
	d.ifindex = if_nametoindex(argv[1]);
	d.hook = argv[2];
	libbpf_set_print(NULL);
	err = d.ifindex ? object_open_beside(&d.obj) : -ENODEV;
	if (!err)
		err = object_set_constant(d.obj, "every", strtoul(argv[3], NULL, 0));
	if (!err)
		err = attach(&d);
	if (err) {
		fprintf(stderr, "dropper: %s at %s: %s\n", argv[1], d.hook, strerror(-err));
		return 1;
	}
	if (!keep) {
		wait_for_signal();
		detach(&d);
		report(&d);
	}
	bpf_object__close(d.obj);
	return 0;
}
