/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* In: counters. Out: JSON and CSV that tests compare with what was stored. */
#include "tests/tools/lib/flood_report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "user/lib/cleanup.h"

static const char *address(char *buf, size_t bytes, bool ipv6, bool is_src, uint32_t a)
{
	if (ipv6)
		snprintf(buf, bytes, "2001:db8:%d::%x:%x", is_src ? 1 : 2, a >> 16, a & 0xffff);
	else
		snprintf(buf, bytes, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
	return buf;
}

static int write_counts(const struct flood_report *r)
{
	uint32_t all = r->o->flows + r->o->elephants;
	char src[40], dst[40];
	AUTO_FILE FILE *f = fopen(r->o->counts_path, "we");

	if (!f)
		return -errno;
	fprintf(f, "src,src_port,dst,dst_port,proto,packets,bytes\n");
	for (uint32_t i = 0; i < all; i++) {
		const struct flood_tuple *t = &r->tuples[i];

		if (!r->counts[i])
			continue;
		fprintf(f, "%s,%u,%s,%u,%d,%" PRIu64 ",%" PRIu64 "\n",
			address(src, sizeof(src), r->o->ipv6, true, t->src), t->src_port,
			address(dst, sizeof(dst), r->o->ipv6, false, t->dst), t->dst_port,
			r->o->udp ? 17 : 6, r->counts[i], r->counts[i] * r->frame_bytes);
	}
	return fflush(f) ? -errno : 0;
}

static void print_elephants(const struct flood_report *r)
{
	char src[40], dst[40];

	printf(", \"elephants\": [");
	for (uint32_t i = 0; i < r->o->elephants; i++) {
		const struct flood_tuple *t = &r->tuples[r->o->flows + i];
		uint64_t packets = r->counts[r->o->flows + i];

		printf("%s{\"src\": \"%s\", \"src_port\": %u, \"dst\": \"%s\", \"dst_port\": %u, "
		       "\"packets\": %" PRIu64 ", \"bytes\": %" PRIu64 "}",
		       i ? ", " : "", address(src, sizeof(src), r->o->ipv6, true, t->src),
		       t->src_port, address(dst, sizeof(dst), r->o->ipv6, false, t->dst),
		       t->dst_port, packets, packets * r->frame_bytes);
	}
	printf("]");
}

static void print_check(const struct flood_report *r)
{
	uint64_t received = r->after.rx_packets - r->before.rx_packets;

	printf(", \"check\": {\"dev\": \"%s\", \"rx_packets\": %" PRIu64 ", \"rx_bytes\": %" PRIu64
	       ", \"rx_dropped\": %" PRIu64 ", \"missing\": %" PRId64 "}",
	       r->o->check_dev, received, r->after.rx_bytes - r->before.rx_bytes,
	       r->after.rx_dropped - r->before.rx_dropped, (int64_t)(r->packets - received));
}

int flood_report_print(const struct flood_report *r)
{
	int err = r->o->counts_path ? write_counts(r) : 0;

	if (err)
		return err;
	printf("{\"packets\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"frame_bytes\": %" PRIu64
	       ", \"refused\": %" PRIu64 ", \"flows\": %u, \"seconds\": %.3f, \"pps\": %.0f",
	       r->packets, r->packets * r->frame_bytes, r->frame_bytes, r->refused, r->o->flows,
	       r->seconds, r->packets / r->seconds);
	print_elephants(r);
	if (r->o->check_dev)
		print_check(r);
	printf("}\n");
	return fflush(stdout) ? -errno : 0;
}
