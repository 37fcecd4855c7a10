/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Packets at full generator speed without hardware: flood --dev IF redirects frames of known flows
 * into a veth and says in JSON, to the packet, what it sent. The other end must have an XDP program
 * or GRO on (ethtool -K PEER gro on), or the kernel drops them all. See --help.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "tests/tools/lib/flood_report.h"
#include "tests/tools/lib/flood_options.h"
#include "tests/tools/lib/frame.h"
#include "tests/tools/lib/link.h"
#include "tests/tools/lib/object.h"
#include "tests/tools/lib/tuples.h"
#include "user/lib/cleanup.h"

#define CHUNK 65536 /* packets a system call: between two the clock and signals are looked at */
#define SAMPLES (1u << 22)
#define SETTLE_MS 2000 /* the receiver has this long to take what is queued */

static volatile sig_atomic_t stopped;

struct flood {
	struct flood_options o;
	struct bpf_object *obj;
	struct flood_tuple *tuples;
	uint64_t *counts;
	uint64_t *samples;
	struct flood_state *states;
	uint8_t frame[FRAME_MAX];
	size_t frame_bytes;
	int prog_fd;
};

struct worker {
	struct flood *f;
	pthread_t thread;
	int cpu;
	uint64_t packets; /* to send; UINT64_MAX: until the time is up */
	int err;
};

static void on_signal(int sig)
{
	stopped = 1;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* The live frames' constants, by name: the object has no skeleton. */
static int set_constants(struct flood *f, uint32_t ip_sum)
{
	struct {
		const char *name;
		uint32_t value;
	} constants[] = {
		{ "to_ifindex", if_nametoindex(f->o.dev) },
		{ "flows", f->o.flows },
		{ "samples", f->o.mode == FLOOD_ZIPF ? SAMPLES : 0 },
		{ "elephants", f->o.elephants },
		{ "elephant_every", f->o.elephant_every },
		{ "ip_sum", ip_sum },
		{ "is_ipv6", f->o.ipv6 },
		{ "random_source", f->o.mode == FLOOD_RANDOM_SOURCE },
		{ "count_flows", f->o.counts_path != NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(constants); i++)
		if (object_set_constant(f->obj, constants[i].name, constants[i].value))
			return -ENOENT;
	return constants[0].value ? 0 : -ENODEV;
}

static void *map_memory(struct bpf_object *obj, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, name);
	size_t bytes;
	void *p;

	if (!map)
		return NULL;
	bytes = ((size_t)bpf_map__value_size(map) + 7) / 8 * 8 * bpf_map__max_entries(map);
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	return p == MAP_FAILED ? NULL : p;
}

static int resize(struct bpf_object *obj, const char *name, uint32_t entries)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, name);

	return map ? bpf_map__set_max_entries(map, entries) : -ENOENT;
}

static void fill_tuples(struct flood *f)
{
	if (f->o.mode == FLOOD_COLLIDE)
		tuples_collide(f->tuples, f->o.flows, f->o.family);
	else
		tuples_plain(f->tuples, f->o.flows);
	tuples_elephants(f->tuples + f->o.flows, f->o.elephants);
	if (f->o.mode == FLOOD_ZIPF)
		tuples_zipf(f->samples, SAMPLES, f->o.flows, f->o.seed);
}

static int flood_load(struct flood *f)
{
	struct frame_spec spec = { .bytes = f->o.frame_bytes, .ipv6 = f->o.ipv6, .udp = f->o.udp };
	uint32_t all = f->o.flows + f->o.elephants, ip_sum;
	int err;

	f->frame_bytes = frame_build(&spec, f->frame, &ip_sum);
	err = object_open_beside(&f->obj);
	if (!err)
		err = set_constants(f, ip_sum);
	if (!err)
		err = resize(f->obj, "tuples", all);
	if (!err)
		err = resize(f->obj, "counts", all);
	if (!err && f->o.mode == FLOOD_ZIPF)
		err = resize(f->obj, "drawn", SAMPLES);
	if (!err)
		err = bpf_object__load(f->obj);
	if (err)
		return err;
	f->tuples = map_memory(f->obj, "tuples");
	f->counts = map_memory(f->obj, "counts");
	f->samples = map_memory(f->obj, "drawn");
	f->states = map_memory(f->obj, "states");
	if (!f->tuples || !f->counts || !f->samples || !f->states)
		return -ENOMEM;
	fill_tuples(f);
	f->prog_fd = bpf_program__fd(bpf_object__find_program_by_name(f->obj, "flood"));
	return 0;
}

/* With --pps: wait until the packets sent so far are due. */
static void pace(uint64_t started_ns, uint64_t sent, uint64_t pps)
{
	uint64_t due = started_ns + sent * 1000000000ULL / pps;
	struct timespec at = { .tv_sec = due / 1000000000, .tv_nsec = due % 1000000000 };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static uint32_t chunk_of(const struct worker *w, uint64_t pps, uint64_t left)
{
	uint64_t chunk = CHUNK;

	if (pps && chunk > pps / 100)
		chunk = pps / 100 + 1;
	return chunk < left ? chunk : left;
}

static int send_chunk(struct flood *f, uint32_t packets)
{
	struct xdp_md ctx = { .data_end = f->frame_bytes };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->frame, .data_size_in = f->frame_bytes,
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = packets,
		    .batch_size = f->o.batch < packets ? f->o.batch : packets,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);

	return bpf_prog_test_run_opts(f->prog_fd, &opts);
}

static void *worker_run(void *arg)
{
	struct worker *w = arg;
	struct flood *f = w->f;
	const volatile __u64 *sent = &f->states[w->cpu].packets;
	uint64_t started = now_ns(), until = started + f->o.seconds * 1000000000ULL;
	uint64_t pps = f->o.pps / f->o.threads;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(w->cpu, &set);
	w->err = -pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	while (!w->err && !stopped && *sent < w->packets && now_ns() < until) {
		w->err = send_chunk(f, chunk_of(w, pps, w->packets - *sent));
		if (w->err == -EINTR)
			w->err = 0;
		if (pps)
			pace(started, *sent, pps);
	}
	return NULL;
}

/* Each worker starts at its own place in the flows, so that together they are as even as one. */
static int flood_run(struct flood *f)
{
	struct worker workers[FLOOD_CPUS] = {};
	uint32_t n = f->o.threads;
	int err = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct worker *w = &workers[i];
		struct flood_state *s = &f->states[f->o.cpu + i];

		*w = (struct worker){ .f = f, .cpu = f->o.cpu + i, .packets = UINT64_MAX };
		if (f->o.packets)
			w->packets = f->o.packets / n + (i < f->o.packets % n);
		s->next = (uint64_t)(f->o.mode == FLOOD_ZIPF ? SAMPLES : f->o.flows) * i / n;
		s->random = f->o.seed + ((uint64_t)i << 56);
		s->elephant = f->o.elephants ? f->o.elephants * i / n : 0;
		if (pthread_create(&w->thread, NULL, worker_run, w))
			return -EAGAIN;
	}
	for (uint32_t i = 0; i < n; i++) {
		pthread_join(workers[i].thread, NULL);
		err = err ?: workers[i].err;
	}
	return err;
}

/* What the far end took, once it has taken all or has had its time. */
static int settle(const struct flood_options *o, const struct link_counters *before, uint64_t sent,
		  struct link_counters *ret)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	uint64_t until = now_ns() + SETTLE_MS * 1000000ULL, want = before->rx_packets + sent;
	int err;

	do {
		err = link_counters_read(o->check_netns, o->check_dev, ret);
		if (err || ret->rx_packets >= want)
			return err;
		nanosleep(&pause, NULL);
	} while (now_ns() < until);
	return 0;
}

static int flood_and_report(struct flood *f)
{
	struct flood_report r = { .o = &f->o, .tuples = f->tuples, .counts = f->counts };
	struct link_counters before = {};
	uint64_t started;
	int err;

	if (f->o.check_dev)
		err = link_counters_read(f->o.check_netns, f->o.check_dev, &before);
	else
		err = 0;
	if (err)
		return err;
	started = now_ns();
	err = flood_run(f);
	r.seconds = (now_ns() - started) / 1e9;
	if (err)
		return err;
	for (uint32_t i = 0; i < FLOOD_CPUS; i++) {
		r.packets += f->states[i].packets;
		r.refused += f->states[i].refused;
	}
	r.frame_bytes = f->frame_bytes;
	if (f->o.check_dev)
		err = settle(&f->o, &before, r.packets, &r.after);
	r.before = before;
	return err ?: flood_report_print(&r);
}

int main(int argc, char **argv)
{
	static struct flood f;
	int err;

	if (flood_options_parse(argc, argv, &f.o))
		return 2;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	libbpf_set_print(NULL);
	err = flood_load(&f);
	if (err)
		fprintf(stderr, "flood: load for '%s': %s\n", f.o.dev, strerror(-err));
	else
		err = flood_and_report(&f);
	if (err)
		fprintf(stderr, "flood: %s\n", strerror(-err));
	bpf_object__close(f.obj);
	return err ? 1 : 0;
}
