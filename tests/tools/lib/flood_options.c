/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* In: argv. Out: checked options. One row an option. */
#include "tests/tools/lib/flood_options.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tools/lib/frame.h"
#include "tests/tools/lib/tuples.h"
#include "user/lib/cleanup.h"

enum kind { TEXT, FLAG, NUMBER32, NUMBER64, MODE };

static const struct row {
	const char *name;
	enum kind kind;
	size_t offset;
	uint64_t min, max;
	const char *help;
} rows[] = {
#define AT(field) offsetof(struct flood_options, field)
	{ "dev", TEXT, AT(dev), 0, 0, "IF       redirect into this veth (required)" },
	{ "packets", NUMBER64, AT(packets), 0, 1ULL << 40, "N    stop after N packets" },
	{ "seconds", NUMBER64, AT(seconds), 1, 86400, "S    stop after S seconds (10)" },
	{ "flows", NUMBER32, AT(flows), 1, TUPLES_FLOWS_MAX, "N      distinct flows (1)" },
	{ "mode", MODE, AT(mode), 0, 0, "M       uniform, zipf, random-source or collide" },
	{ "family", NUMBER32, AT(family), 0, TUPLES_FAMILIES, "1-20  of collide (0: all in turn)" },
	{ "size", NUMBER64, AT(frame_bytes), 0, FRAME_LIVE_MAX, "BYTES   frame without FCS (60)" },
	{ "ipv6", FLAG, AT(ipv6), 0, 0, "        IPv6 instead of IPv4" },
	{ "udp", FLAG, AT(udp), 0, 0, "         UDP instead of TCP" },
	{ "elephants", NUMBER32, AT(elephants), 0, TUPLES_ELEPHANTS_MAX, "K  known flows besides" },
	{ "every", NUMBER32, AT(elephant_every), 2, 1 << 30, "M      1 in M is theirs (100)" },
	{ "seed", NUMBER64, AT(seed), 0, UINT64_MAX, "S       of random sources and Zipf draws" },
	{ "pps", NUMBER64, AT(pps), 0, 1ULL << 32, "N        at most so many packets a second" },
	{ "counts", TEXT, AT(counts_path), 0, 0, "FILE  write each flow's packets as CSV" },
	{ "check-dev", TEXT, AT(check_dev), 0, 0, "IF  the other end: report what arrived" },
	{ "check-netns", TEXT, AT(check_netns), 0, 0, "NS  where the other end is" },
	{ "batch", NUMBER32, AT(batch), 1, 256, "N      frames at a time (64)" },
	{ "cpu", NUMBER32, AT(cpu), 0, FLOOD_CPUS - 1, "N        first CPU that sends (0)" },
	{ "threads", NUMBER32, AT(threads), 1, FLOOD_CPUS, "N    CPUs that send (1)" },
#undef AT
};

static const char *const modes[] = {
	[FLOOD_UNIFORM] = "uniform",
	[FLOOD_ZIPF] = "zipf",
	[FLOOD_RANDOM_SOURCE] = "random-source",
	[FLOOD_COLLIDE] = "collide",
};

static void help(void)
{
	puts("flood --dev IF [options]: send packets of known flows as fast as it goes\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		printf("  --%s %s\n", rows[i].name, rows[i].help);
}

static int set_number(const struct row *row, const char *text, char *to)
{
	uint64_t n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || *end || end == text || *text == '-' || n < row->min || n > row->max)
		return -EINVAL;
	if (row->kind == NUMBER32)
		*(uint32_t *)to = n;
	else
		*(uint64_t *)to = n;
	return 0;
}

static int set_mode(const char *text, enum flood_mode *to)
{
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		if (strcmp(text, modes[i]))
			continue;
		*to = i;
		return 0;
	}
	return -EINVAL;
}

static int set_option(const struct row *row, const char *text, struct flood_options *o)
{
	char *to = (char *)o + row->offset;

	switch (row->kind) {
	case TEXT:
		*(const char **)to = text;
		return 0;
	case FLAG:
		*(bool *)to = true;
		return 0;
	case MODE:
		return set_mode(text, (enum flood_mode *)to);
	default:
		return set_number(row, text, to);
	}
}

static const struct row *find_row(const char *arg)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (!strncmp(arg, "--", 2) && !strcmp(arg + 2, rows[i].name))
			return &rows[i];
	return NULL;
}

static int check(const struct flood_options *o)
{
	const char *what = NULL;

	if (!o->dev)
		what = "--dev is missing";
	else if (o->cpu + o->threads > FLOOD_CPUS)
		what = "--cpu and --threads name too many CPUs";
	else if (o->mode == FLOOD_COLLIDE && o->flows > TUPLES_COLLIDE_MAX)
		what = "--mode collide has at most 65536 flows";
	else if (o->mode == FLOOD_RANDOM_SOURCE && o->counts_path)
		what = "--counts: random sources are not counted one by one";
	if (!what)
		return 0;
	fprintf(stderr, "flood: %s\n", what);
	return -EINVAL;
}

int flood_options_parse(int argc, char **argv, struct flood_options *ret)
{
	struct flood_options o = {
		.flows = 1,
		.frame_bytes = 60,
		.elephant_every = 100,
		.batch = 64,
		.threads = 1,
		.seconds = 10,
		.seed = 1,
	};

	for (int i = 1; i < argc; i++) {
		const struct row *row = find_row(argv[i]);
		const char *text = "";

		if (!strcmp(argv[i], "--help")) {
			help();
			exit(0);
		}
		if (row && row->kind != FLAG)
			text = i + 1 < argc ? argv[++i] : "";
		if (row && !strcmp(row->name, "packets") && o.seconds == 10)
			o.seconds = 86400; /* the count decides, unless --seconds follows */
		if (!row || set_option(row, text, &o)) {
			fprintf(stderr, "flood: bad option '%s %s', see --help\n", argv[i], text);
			return -EINVAL;
		}
	}
	if (check(&o))
		return -EINVAL;
	*ret = o;
	return 0;
}
