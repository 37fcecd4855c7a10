// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Valid batches with a balanced ledger, to a file or to a collector's Unix socket. Every batch is
 * an interval of its own; sequence and interval count up from the ones given. One line a batch:
 * "<sequence> <status> <reply>". Exits 1 when a batch was not answered with 200.
 */
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "user/lib/addr.h"
#include "user/lib/options.h"
#include "user/wire/batch.h"

#define AT(field) offsetof(struct plan, field)
#define RETRIES_MAX 600 /* of 429 and 503, 100 ms each */

struct plan {
	const char *agent, *host, *instance, *exporter, *socket, *out, *source, *own, *name;
	uint64_t sequence, interval, rows, batches, interfaces, missing, at_us, seed, hosts;
	bool plain, no_ledger, quiet, retry, lost, help;
};

static const struct option_row rows[] = {
	{ "agent", 'a', OPTION_TEXT, AT(agent), "ID", "gen", .help = "agent id" },
	{ "host", 0, OPTION_TEXT, AT(host), "NAME", "genhost", .help = "host name" },
	{ "instance", 'i', OPTION_TEXT, AT(instance), "HEX", "00",
	  .help = "instance, padded with 0" },
	{ "exporter", 'e', OPTION_TEXT, AT(exporter), "NAME", "", .help = "file, else live" },
	{ "socket", 's', OPTION_TEXT, AT(socket), "PATH", NULL, .help = "POST there" },
	{ "out", 'o', OPTION_TEXT, AT(out), "FILE", NULL, .help = "write the last body there" },
	{ "source", 0, OPTION_TEXT, AT(source), "ADDR", NULL, .help = "source of every row" },
	{ "own", 0, OPTION_TEXT, AT(own), "ADDR", NULL, .help = "the agent's own address" },
	{ "interface", 0, OPTION_TEXT, AT(name), "NAME", "eth", .help = "names: eth0, eth1…" },
	{ "sequence", 'q', OPTION_NUMBER, AT(sequence), "N", "1", .help = "of the first batch" },
	{ "interval", 0, OPTION_NUMBER, AT(interval), "N", "1", .help = "of the first batch" },
	{ "rows", 'r', OPTION_NUMBER, AT(rows), "N", "1000", .help = "a batch" },
	{ "batches", 'b', OPTION_NUMBER, AT(batches), "N", "1", .help = "how many" },
	{ "interfaces", 0, OPTION_NUMBER, AT(interfaces), "N", "2", .help = "rows go round" },
	{ "missing", 0, OPTION_NUMBER, AT(missing), "N", "0",
	  .help = "rows the ledger has too many" },
	{ "at", 0, OPTION_NUMBER, AT(at_us), "US", NULL, .help = "wall clock of the rows; now" },
	{ "seed", 0, OPTION_NUMBER, AT(seed), "N", "1", .help = "of addresses and counts" },
	{ "hosts", 0, OPTION_NUMBER, AT(hosts), "N", "65536", .min = 1, .max = 65536,
	  .help = "sources there are; there are 256 destinations" },
	{ "plain", 0, OPTION_FLAG, AT(plain), .help = "no zstd" },
	{ "no-ledger", 0, OPTION_FLAG, AT(no_ledger), .help = "rows only" },
	{ "lost", 0, OPTION_FLAG, AT(lost),
	  .help = "no rows: the ledger says the spool lost them" },
	{ "quiet", 0, OPTION_FLAG, AT(quiet), .help = "print only what was not 200" },
	{ "retry", 0, OPTION_FLAG, AT(retry), .help = "again after 429, 503 and lost connections" },
	{ "help", 'h', OPTION_FLAG, AT(help), .help = "print this" },
};

static uint64_t random_state;

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static void make_flow(const struct plan *plan, int64_t at_us, size_t i, struct flow *f)
{
	uint64_t r = random_next();

	*f = (struct flow){
		.ifindex = 2 + (uint32_t)((i / 2) % plan->interfaces),
		.netns = 4026531840u,
		.src_port = (uint16_t)r,
		.dst_port = r & 0x10000 ? 443 : 53,
		.ethertype = 0x0800,
		.proto = r & 0x10000 ? 6 : 17,
		.flags = (uint8_t)(FLOW_COUNTED | (i & 1 ? FLOW_EGRESS : 0)),
		.ttl_min = 60,
		.ttl_max = 64,
		.tcp_flags = r & 0x10000 ? 0x1b : 0,
		.sampling = 1,
		.packets = 1 + (r >> 20 & 15),
		.start_us = at_us - 1000000,
		.end_us = at_us - (int64_t)(r >> 40 & 0xffff),
	};
	f->l3_octets = f->packets * (40 + (r >> 30 & 1023));
	f->l2_octets = f->l3_octets + f->packets * 14;
	addr_parse("10.0.0.0", f->src);
	addr_parse("192.0.2.0", f->dst);
	memcpy(f->src + 13, &(uint16_t){ (uint16_t)((r & 0xffff) % plan->hosts) }, 2);
	f->dst[15] = (uint8_t)(r >> 24);
	if (plan->source)
		addr_parse(plan->source, f->src);
}

static void count(struct ledger_row *l, const char *name, uint64_t packets, uint64_t octets)
{
	struct ledger_count *c = &l->counts[l->counts_len++];

	snprintf(c->name, sizeof(c->name), "%s", name);
	c->packets = packets;
	c->octets = octets;
}

/* The ledger of one interface and direction: what its rows add up to, and three unparsed. */
static void make_ledger(const struct plan *plan, const struct batch *b, int64_t at_us, size_t at,
			struct ledger_row *l)
{
	uint64_t packets = 0, octets = 0;

	*l = (struct ledger_row){ .interval = b->head.interval,
				  .start_us = at_us - 1000000,
				  .end_us = at_us,
				  .ifindex = 2 + (uint32_t)at / 2,
				  .netns = 4026531840u,
				  .point = at & 1 };
	for (size_t i = 0; i < b->flows_len; i++) {
		const struct flow *f = &b->flows[i];

		if (f->ifindex == l->ifindex && (f->flags & FLOW_EGRESS) == (at & 1)) {
			packets += f->packets;
			octets += f->l2_octets;
		}
	}
	packets += plan->missing;
	octets += plan->missing * 60;
	count(l, "seen", packets + 3, octets + 180);
	count(l, "recorded", packets, octets);
	count(l, "folded", 0, 0);
	count(l, "unparsed/bad ihl", 3, 180);
	count(l, "kernel/packets", packets + 3, octets + 180);
	if (plan->lost)
		count(l, "lost/spool_full", packets, octets);
}

static int parse_instance(const char *hex, uint8_t ret[16])
{
	memset(ret, 0, 16);
	for (size_t i = 0; i < 16 && hex[2 * i] && hex[2 * i + 1]; i++)
		if (sscanf(hex + 2 * i, "%2hhx", &ret[i]) != 1)
			return -EINVAL;
	return 0;
}

static int make_batch(const struct plan *plan, uint64_t n, struct batch *b)
{
	int64_t at_us = plan->at_us ? (int64_t)plan->at_us : now_us();

	b->head = (struct batch_head){ .schema = BATCH_SCHEMA,
				       .sequence = plan->sequence + n,
				       .interval = plan->interval + n };
	snprintf(b->head.agent, sizeof(b->head.agent), "%s", plan->agent);
	snprintf(b->head.host, sizeof(b->head.host), "%s", plan->host);
	snprintf(b->head.exporter, sizeof(b->head.exporter), "%s", plan->exporter);
	if (parse_instance(plan->instance, b->head.instance))
		return -EINVAL;
	b->flows_len = plan->rows;
	for (size_t i = 0; i < b->flows_len; i++)
		make_flow(plan, at_us, i, &b->flows[i]);
	if (plan->no_ledger)
		return 0;
	b->ledger_len = 2 * plan->interfaces;
	for (size_t i = 0; i < b->ledger_len; i++)
		make_ledger(plan, b, at_us, i, &b->ledger[i]);
	b->interfaces_len = plan->interfaces;
	for (size_t i = 0; i < plan->interfaces; i++) {
		b->interfaces[i] = (struct watched_interface){ .index = 2 + (uint32_t)i,
							       .netns = 4026531840u,
							       .hook = "tcx" };
		snprintf(b->interfaces[i].name, sizeof(b->interfaces[i].name), "%.9s%u", plan->name,
			 (unsigned int)i);
	}
	b->own_addresses_len = plan->own ? 1 : 0;
	if (plan->own && addr_parse(plan->own, b->own_addresses[0]))
		return -EINVAL;
	if (plan->lost)
		b->flows_len = 0;
	return 0;
}

static int encode(const struct plan *plan, const struct batch *b, uint8_t **ret, size_t *ret_len)
{
	AUTO_FREE uint8_t *plain = NULL;
	size_t len;
	int err = batch_encode(b, &plain, &len);

	if (err)
		return err;
	if (!plan->plain)
		return batch_compress(plain, len, ret, ret_len);
	*ret = TAKE(plain);
	*ret_len = len;
	return 0;
}

struct reply {
	char text[512];
	size_t len;
};

static size_t take_reply(char *bytes, size_t size, size_t n, void *arg)
{
	struct reply *r = arg;
	size_t room = sizeof(r->text) - 1 - r->len;

	memcpy(r->text + r->len, bytes, n < room ? n : room);
	r->len += n < room ? n : room;
	return size * n;
}

/* The HTTP status, 0 when there was no answer. */
static long post(CURL *curl, const uint8_t *body, size_t len, struct reply *reply)
{
	long status = 0;

	memset(reply, 0, sizeof(*reply));
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)len);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
	if (curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static int send_batch(const struct plan *plan, CURL *curl, uint64_t sequence, const uint8_t *body,
		      size_t len)
{
	struct reply reply;
	long status = post(curl, body, len, &reply);

	for (int i = 0; plan->retry && i < RETRIES_MAX; i++) {
		if (status && status != 429 && status != 503)
			break;
		poll(NULL, 0, 100);
		status = post(curl, body, len, &reply);
	}
	if (!plan->quiet || status != 200)
		printf("%" PRIu64 " %ld %s\n", sequence, status, reply.text);
	fflush(stdout);
	return status == 200 ? 0 : -EIO;
}

static int write_out(const char *path, const uint8_t *body, size_t len)
{
	AUTO_FILE FILE *f = fopen(path, "w");

	return f && fwrite(body, 1, len, f) == len ? 0 : -EIO;
}

static CURL *open_curl(const struct plan *plan, struct curl_slist **headers)
{
	CURL *curl = curl_easy_init();

	*headers = curl_slist_append(NULL, "Content-Type: application/x-protobuf");
	*headers = curl_slist_append(*headers, "Expect:");
	if (!plan->plain)
		*headers = curl_slist_append(*headers, "Content-Encoding: zstd");
	curl_easy_setopt(curl, CURLOPT_URL, "http://localhost/v1/batches");
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, plan->socket);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, *headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_reply);
	return curl;
}

static int run(const struct plan *plan, CURL *curl)
{
	AUTO(batch_free) struct batch *b = calloc(1, sizeof(*b));
	int failed = 0;

	b->flows = calloc(plan->rows + 1, sizeof(*b->flows));
	b->ledger = calloc(2 * plan->interfaces, sizeof(*b->ledger));
	b->interfaces = calloc(plan->interfaces, sizeof(*b->interfaces));
	b->own_addresses = calloc(1, sizeof(*b->own_addresses));
	for (uint64_t n = 0; n < plan->batches; n++) {
		AUTO_FREE uint8_t *body = NULL;
		size_t len = 0;

		if (make_batch(plan, n, b) || encode(plan, b, &body, &len)) {
			fprintf(stderr, "batchgen: these options make no valid batch\n");
			return -EINVAL;
		}
		if (plan->out && write_out(plan->out, body, len))
			return -EIO;
		if (curl && send_batch(plan, curl, plan->sequence + n, body, len))
			failed = -EIO;
	}
	return failed;
}

int main(int argc, char **argv)
{
	struct curl_slist *headers = NULL;
	struct option_error error;
	struct plan plan = {};
	CURL *curl = NULL;
	int rest, err;

	if (options_parse(rows, ARRAY_LEN(rows), &plan, argc, argv, &rest, &error)) {
		fprintf(stderr, "batchgen: %s\n", error.message);
		return 2;
	}
	if (plan.help) {
		options_help(rows, ARRAY_LEN(rows), stdout);
		return 0;
	}
	random_state = plan.seed * 0x9e3779b97f4a7c15u + 1;
	if (plan.socket)
		curl = open_curl(&plan, &headers);
	err = run(&plan, curl);
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	return err ? 1 : 0;
}
