/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The real programs, loaded with small tables; packets go in through BPF_PROG_TEST_RUN. */
#ifndef WT_TEST_KERN_FIXTURE_H
#define WT_TEST_KERN_FIXTURE_H

#include <errno.h>
#include <sched.h>
#include <string.h>

#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <linux/bpf.h>

#include "user/agent/kernel.h"
#include "user/agent/tables.h"

#define FIXTURE_IFINDEX 1 /* loopback: BPF_PROG_TEST_RUN wants one that exists */
#define FIXTURE_SLOT 5

struct fixture {
	struct kernel *kernel;
	struct tables *tables;
};

static inline struct wt_if *fixture_interface(struct fixture *f)
{
	return &f->tables->interfaces[FIXTURE_IFINDEX];
}

static inline void fixture_stay_on_one_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
}

static inline struct fixture fixture_load(bool inner, uint64_t memory_bytes)
{
	struct kernel_options options = { .inner = inner, .with_xdp = true, .netns = 77 };
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	struct fixture f = { 0 };

	fixture_stay_on_one_cpu(); /* or one flow has a row per CPU that the test ran on */
	cr_assert_eq(geometry_fit(memory_bytes, cpus, cpus, 8, inner, &options.geometry), 0);
	cr_assert_eq(kernel_load(&options, &f.kernel), 0, "needs root, and a kernel with BPF");
	cr_assert_eq(tables_open(f.kernel->maps, NULL, &f.tables), 0);
	*fixture_interface(&f) = (struct wt_if){
		.ifindex = FIXTURE_IFINDEX,
		.slot = FIXTURE_SLOT,
		.watched = WT_WATCH_INGRESS | WT_WATCH_EGRESS,
	};
	return f;
}

static inline void fixture_free(struct fixture *f)
{
	tables_free(f->tables);
	kernel_free(f->kernel);
}

/* What the hook says; a negative errno when the kernel would not run it. */
static inline int fixture_run(struct fixture *f, enum kernel_prog prog, const void *bytes,
			      size_t len, struct __sk_buff *skb)
{
	struct xdp_md xdp = { .data_end = len, .ingress_ifindex = FIXTURE_IFINDEX };
	struct __sk_buff plain = { .ifindex = FIXTURE_IFINDEX };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = bytes, .data_size_in = len, .repeat = 1);

	if (prog != PROG_XDP) {
		opts.ctx_in = skb ? skb : &plain;
		opts.ctx_size_in = sizeof(plain);
	} else {
		opts.ctx_in = &xdp;
		opts.ctx_size_in = sizeof(xdp);
	}
	if (bpf_prog_test_run_opts(f->kernel->progs[prog], &opts))
		return -errno;
	return opts.retval;
}

/* The ledger of one point, summed over CPUs. */
static inline struct wt_ledger fixture_ledger(struct fixture *f, uint32_t slot, uint32_t point)
{
	struct wt_ledger sum = { 0 };

	for (uint32_t cpu = 0; cpu < f->tables->geometry.cpus; cpu++)
		for (uint32_t epoch = 0; epoch < 2; epoch++) {
			const __u64 *row =
				(void *)tables_ledger(f->tables, cpu, epoch, slot, point);

			for (size_t i = 0; i < sizeof(sum) / sizeof(__u64); i++)
				((__u64 *)&sum)[i] += row[i];
		}
	return sum;
}

/* Rows with (or without) WT_MARK_INNER; the last one found in *ret. */
static inline int fixture_rows(struct fixture *f, bool inner, struct wt_flow *ret)
{
	const struct geometry *g = &f->tables->geometry;
	size_t rows = (size_t)g->rows * 2 * g->sets * 2;
	int found = 0;

	for (size_t i = 0; i < rows; i++) {
		const struct wt_flow *row = &f->tables->table[i];

		if (!row->packets || inner != !!(row->key.mark & WT_MARK_INNER))
			continue;
		*ret = *row;
		found++;
	}
	return found;
}

static inline void fixture_clear(struct fixture *f)
{
	const struct geometry *g = &f->tables->geometry;

	memset(f->tables->table, 0, g->table_bytes);
	memset(f->tables->tags, 0, g->tags_bytes);
	memset(f->tables->lanes, 0, g->lanes_bytes);
	memset(f->tables->ledgers, 0, g->ledgers_bytes);
	for (uint32_t row = 0; row < g->rows; row++)
		f->tables->heads[row].tail = f->tables->heads[row].head;
}

#endif
