// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A capture file in; rows of flows to a sink, and a tally of every packet, out. */
#include "user/cli/import_read.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "user/lib/log.h"
#include "user/wire/pcap.h"

#define POINT_INGRESS 0 /* of proto/wiretally.proto's LedgerRow */
#define POINT_INNER_INGRESS 2
#define PROGRESS_EVERY_PACKETS 65536

struct reader {
	const struct import_source *source;
	struct import_tally *tally;
	struct flowtable *flows;
	FILE *file;
	off_t file_bytes; /* 0: unknown */
	uint64_t packets;
	bool has_shown_progress;
};

static void show_progress(struct reader *r)
{
	off_t at = ftello(r->file);

	if (r->file_bytes > 0 && at > 0)
		fprintf(stderr, "\r%s: %3d %%, %llu packets", r->source->path,
			(int)(at * 100 / r->file_bytes), (unsigned long long)r->packets);
	else
		fprintf(stderr, "\r%s: %llu packets", r->source->path,
			(unsigned long long)r->packets);
	r->has_shown_progress = true;
}

static void end_progress(struct reader *r)
{
	if (r->has_shown_progress)
		fputs("\r\033[K", stderr);
}

static void count(struct import_count *to, const struct flow *flow)
{
	to->packets += flow->packets;
	to->octets += flow->l2_octets;
}

/* One observation: seen, then either a row or a refusal. */
static int observe(struct reader *r, struct import_point *point, const struct flow *flow,
		   int refusal)
{
	count(&point->seen, flow);
	if (refusal) {
		count(&point->refused[refusal], flow);
		return 0;
	}
	count(&point->recorded, flow);
	return flowtable_add(r->flows, flow);
}

static int take_packet(struct reader *r, struct packet *packet)
{
	struct import_tally *tally = r->tally;
	struct packet_parsed parsed;
	int err;

	if (packet->interface >= IMPORT_INTERFACES_MAX)
		packet->interface = IMPORT_INTERFACES_MAX - 1;
	if (!r->packets || packet->time_us < tally->first_us)
		tally->first_us = packet->time_us;
	if (!r->packets || packet->time_us > tally->last_us)
		tally->last_us = packet->time_us;
	packet_parse(packet, r->source->want_inner, &parsed);
	err = observe(r, &tally->points[packet->interface][0], &parsed.outer, parsed.refusal);
	if (!err && parsed.has_inner)
		err = observe(r, &tally->points[packet->interface][1], &parsed.inner,
			      parsed.inner_refusal);
	r->packets++;
	if (r->source->show_progress && r->packets % PROGRESS_EVERY_PACKETS == 0)
		show_progress(r);
	return err;
}

/* What was read before the damage is kept, and the damage is said. */
static int read_packets(struct reader *r)
{
	AUTO(pcap_close) struct pcap *pcap = NULL;
	struct packet packet;
	const char *why;
	int err = 0, got = pcap_open(r->file, &pcap, &why);

	if (got == 0)
		got = 1;
	while (got > 0 && !err) {
		got = pcap_next(pcap, &packet, &why);
		if (got > 0)
			err = take_packet(r, &packet);
	}
	end_progress(r);
	if (got == -EBADMSG)
		log_error("read '%s': %s (after %llu packets)", r->source->path, why,
			  (unsigned long long)r->packets);
	else if (got < 0)
		log_error("read '%s': %s", r->source->path, strerror(-got));
	if (!err)
		err = flowtable_flush(r->flows);
	return err ? err : got;
}

static int count_and_pass_on(void *context, const struct flow *rows, size_t len)
{
	struct reader *r = context;

	r->tally->rows += len;
	return r->source->sink(r->source->context, rows, len);
}

int import_read(const struct import_source *source, struct import_tally *tally)
{
	AUTO(flowtable_free) struct flowtable *flows = NULL;
	AUTO_FILE FILE *opened = NULL;
	struct reader r = { .source = source, .tally = tally, .file = stdin };
	struct stat st;
	int err;

	memset(tally, 0, sizeof(*tally));
	if (strcmp(source->path, "-") != 0) {
		r.file = opened = fopen(source->path, "rbe");
		if (!opened || fstat(fileno(opened), &st) < 0) {
			err = -errno;
			log_error("open '%s': %s", source->path, strerror(-err));
			return err;
		}
		if (S_ISREG(st.st_mode))
			r.file_bytes = st.st_size;
	}
	err = flowtable_new(IMPORT_FLOWS_MAX, count_and_pass_on, &r, &flows);
	if (err) {
		log_error("import '%s': %s", source->path, strerror(-err));
		return err;
	}
	r.flows = flows;
	return read_packets(&r);
}

static void add(struct import_count *to, const struct import_count *what)
{
	to->packets += what->packets;
	to->octets += what->octets;
}

void import_tally_sum(const struct import_tally *tally, int point, struct import_point *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < IMPORT_INTERFACES_MAX; i++) {
		const struct import_point *p = &tally->points[i][point];

		add(&ret->seen, &p->seen);
		add(&ret->recorded, &p->recorded);
		for (size_t j = 0; j < PACKET_REFUSALS_MAX; j++)
			add(&ret->refused[j], &p->refused[j]);
	}
}

static void ledger_count(struct ledger_row *row, const char *prefix, const char *name,
			 const struct import_count *what)
{
	struct ledger_count *to = &row->counts[row->counts_len++];

	snprintf(to->name, sizeof(to->name), "%s%s", prefix, name);
	to->packets = what->packets;
	to->octets = what->octets;
}

static void ledger_row(const struct import_tally *tally, uint32_t interface, int point,
		       struct ledger_row *row)
{
	const struct import_point *p = &tally->points[interface][point];

	*row = (struct ledger_row){ .interval = 1,
				    .start_us = tally->first_us,
				    .end_us = tally->last_us,
				    .ifindex = interface,
				    .point = point ? POINT_INNER_INGRESS : POINT_INGRESS };
	ledger_count(row, "", "seen", &p->seen);
	ledger_count(row, "", "recorded", &p->recorded);
	for (int i = 1; i < PACKET_REFUSALS_MAX; i++)
		if (p->refused[i].packets)
			ledger_count(row, "unparsed/", packet_refusal_name(i), &p->refused[i]);
}

_Static_assert(PACKET_REFUSALS_MAX + 2 <= LEDGER_COUNTS_MAX, "a ledger row holds every refusal");

int import_tally_ledger(const struct import_tally *tally, struct ledger_row **ret)
{
	struct ledger_row *rows =
		calloc((size_t)IMPORT_INTERFACES_MAX * IMPORT_POINTS, sizeof(*rows));
	int len = 0;

	if (!rows)
		return -ENOMEM;
	for (uint32_t i = 0; i < IMPORT_INTERFACES_MAX; i++)
		for (int point = 0; point < IMPORT_POINTS; point++)
			if (tally->points[i][point].seen.packets)
				ledger_row(tally, i, point, &rows[len++]);
	*ret = rows;
	return len;
}
