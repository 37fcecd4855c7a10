/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * hotpath [PEER.o:PROGRAM…]: one IPv4/TCP packet through BPF_PROG_TEST_RUN, the same packet for
 * every program, rounds in turn so that a change of the machine's speed hits all alike. One line
 * of JSON a program: the median of nanoseconds a packet. HOTPATH_REPEAT, HOTPATH_ROUNDS.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/lib/candidate.h"
#include "tests/tools/lib/frame.h"

#define CANDIDATES_MAX 32
#define ROUNDS_MAX 99
#define LOOPBACK 1 /* the device test runs pretend */
#define MEMORY (64 << 20)

static const char *const names[] = {
	"empty_tc",  "parse_tc",  "ours_tc",  "percpu_tc",  "percpu_fine_tc",  "shared_tc",
	"empty_xdp", "parse_xdp", "ours_xdp", "percpu_xdp", "percpu_fine_xdp", "shared_xdp",
};

struct measured {
	struct candidate *c;
	double rounds[ROUNDS_MAX];
};

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

/* By our own clock: the kernel's answer is in whole nanoseconds. */
static int run_once(const struct candidate *c, uint32_t repeat, double *ret_ns)
{
	static uint8_t frame[FRAME_MAX];
	struct frame_spec spec = {
		.bytes = 60,
		.src = 10 << 24 | 1 << 16 | 7,
		.dst = 10 << 24 | 2 << 16 | 1,
		.src_port = 40000,
		.dst_port = 443,
	};
	uint32_t ip_sum, bytes = frame_build(&spec, frame, &ip_sum);
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = bytes,
		    .repeat = repeat);
	double started = now_ns();
	int err = bpf_prog_test_run_opts(c->prog_fd, &opts);

	*ret_ns = (now_ns() - started) / repeat;
	return err;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static uint32_t setting(const char *name, uint32_t otherwise, uint32_t most)
{
	const char *text = getenv(name);
	unsigned long n = text ? strtoul(text, NULL, 0) : otherwise;

	return n && n <= most ? n : otherwise;
}

static void report(struct measured *all, size_t count, uint32_t rounds, uint32_t repeat)
{
	for (size_t i = 0; i < count; i++) {
		struct measured *m = &all[i];

		qsort(m->rounds, rounds, sizeof(m->rounds[0]), by_value);
		printf("{\"bench\": \"hotpath\", \"program\": \"%s\", \"hook\": \"%s\", "
		       "\"ns\": %.2f, \"min\": %.2f, \"max\": %.2f, \"repeat\": %u}\n",
		       m->c->name, m->c->xdp ? "xdp" : "tc", m->rounds[rounds / 2], m->rounds[0],
		       m->rounds[rounds - 1], repeat);
	}
}

static void pin_to_first_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

int main(int argc, char **argv)
{
	static struct measured all[CANDIDATES_MAX];
	uint32_t repeat = setting("HOTPATH_REPEAT", 5000000, UINT32_MAX / 2);
	uint32_t rounds = setting("HOTPATH_ROUNDS", 7, ROUNDS_MAX);
	size_t count = 0, known = sizeof(names) / sizeof(names[0]);
	int err = 0;

	pin_to_first_cpu();
	libbpf_set_print(NULL);
	for (size_t i = 0; i < known + argc - 1 && count < CANDIDATES_MAX; i++) {
		const char *name = i < known ? names[i] : argv[i - known + 1];

		/* What cannot be loaded is said and left out: the others still compare. */
		if (!candidate_open(name, MEMORY, LOOPBACK, &all[count].c))
			count++;
	}
	for (uint32_t r = 0; !err && r < rounds; r++)
		for (size_t i = 0; !err && i < count; i++)
			err = run_once(all[i].c, repeat, &all[i].rounds[r]);
	if (err)
		fprintf(stderr, "hotpath: %s\n", strerror(-err));
	else
		report(all, count, rounds, repeat);
	for (size_t i = 0; i < count; i++)
		candidate_close(all[i].c);
	return err ? 1 : 0;
}
