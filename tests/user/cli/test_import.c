// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* import.h against a collector that is a thread here and says what the case wants it to say. */
#include "user/cli/import.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "user/lib/cleanup.h"
#include "user/wire/batch.h"

#define BATCHES_MAX 16
#define BODY_MAX (1u << 20)

struct collector {
	char dir[32], path[64], file[64];
	int listener;
	pthread_t thread;
	const int *statuses; /* to answer, one a request; the last one from then on */
	size_t requests, batches_len;
	struct batch *batches[BATCHES_MAX];
	bool headers_were_right;
};

/* Reads until the header's end, then as much as Content-Length says. */
static size_t read_request(int fd, char *head, size_t head_size, uint8_t *body)
{
	size_t len = 0, want, got;
	char *end = NULL, *length;

	while (!end && len < head_size - 1) {
		ssize_t n = read(fd, head + len, head_size - 1 - len);

		if (n <= 0)
			return 0;
		len += (size_t)n;
		head[len] = '\0';
		end = memmem(head, len, "\r\n\r\n", 4);
	}
	length = strcasestr(head, "content-length:");
	cr_assert(end && length, "no end, or no length: %s", head);
	want = strtoul(length + 15, NULL, 10);
	cr_assert_lt(want, BODY_MAX);
	got = len - (size_t)(end + 4 - head);
	memcpy(body, end + 4, got);
	*end = '\0';
	while (got < want) {
		ssize_t n = read(fd, body + got, want - got);

		if (n <= 0)
			return 0;
		got += (size_t)n;
	}
	return got;
}

static bool headers_are_right(const char *head)
{
	return strncmp(head, "POST /v1/batches HTTP/1.1\r\n", 27) == 0 &&
	       strcasestr(head, "content-type: application/x-protobuf") &&
	       strcasestr(head, "content-encoding: zstd");
}

static void keep_batch(struct collector *c, const uint8_t *body, size_t len)
{
	AUTO_FREE uint8_t *plain = NULL;
	const char *why = "";
	size_t plain_len;

	cr_assert_eq(batch_decompress(body, len, BATCH_BYTES_MAX, &plain, &plain_len), 0);
	cr_assert_lt(c->batches_len, BATCHES_MAX);
	cr_assert_eq(batch_decode(plain, plain_len, &c->batches[c->batches_len++], &why), 0, "%s",
		     why);
}

static void serve(struct collector *c, int fd)
{
	AUTO_FREE uint8_t *body = malloc(BODY_MAX);
	static char head[4096 + 65536];
	char reply[256];
	size_t len;

	while ((len = read_request(fd, head, sizeof(head), body)) > 0) {
		int status = *c->statuses;

		if (c->statuses[1])
			c->statuses++;
		c->requests++;
		c->headers_were_right &= headers_are_right(head);
		if (status == 200)
			keep_batch(c, body, len);
		snprintf(reply, sizeof(reply),
			 "HTTP/1.1 %d X\r\nContent-Length: 8\r\n\r\nbecau\033e.", status);
		cr_assert_eq(write(fd, reply, strlen(reply)), (ssize_t)strlen(reply));
	}
}

static void *run_collector(void *context)
{
	struct collector *c = context;
	int fd;

	while ((fd = accept(c->listener, NULL, NULL)) >= 0) {
		serve(c, fd);
		close(fd);
	}
	return NULL;
}

static void start(struct collector *c, const int *statuses)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	*c = (struct collector){ .statuses = statuses, .headers_were_right = true };
	strcpy(c->dir, "/tmp/wt-import-XXXXXX");
	cr_assert(mkdtemp(c->dir));
	snprintf(c->path, sizeof(c->path), "%s/socket", c->dir);
	snprintf(c->file, sizeof(c->file), "%s/a file.pcap", c->dir);
	strcpy(address.sun_path, c->path);
	c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(c->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(c->listener, 4), 0);
	cr_assert_eq(pthread_create(&c->thread, NULL, run_collector, c), 0);
}

static void stop(struct collector *c)
{
	shutdown(c->listener, SHUT_RDWR);
	pthread_join(c->thread, NULL);
	close(c->listener);
	for (size_t i = 0; i < c->batches_len; i++)
		batch_free(c->batches[i]);
	unlink(c->path);
	unlink(c->file);
	rmdir(c->dir);
}

/* Packets of UDP flows, each of its own; every tenth is cut within its IP header. */
static void write_file(const struct collector *c, uint32_t packets, size_t cut_end)
{
	AUTO_FILE FILE *f = fopen(c->file, "w");
	const uint32_t header[] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1 };
	uint8_t frame[60] = { [12] = 8, 0, 0x45, 0, 0, 46, [22] = 64, 17, [26] = 10, 0, 0, 1, 10 };

	cr_assert(f);
	fwrite(header, sizeof(header), 1, f);
	for (uint32_t i = 0; i < packets; i++) {
		uint32_t record[] = { 1700000000 + i, i, i % 10 == 9 ? 20 : 60, 60 };

		frame[34] = (uint8_t)(i >> 8);
		frame[35] = (uint8_t)i;
		fwrite(record, sizeof(record), 1, f);
		fwrite(frame, record[2], 1, f);
	}
	cr_assert_eq(fflush(f), 0);
	cr_assert_eq(ftruncate(fileno(f), ftell(f) - (long)cut_end), 0);
}

static int import_it(const struct collector *c, const char *option)
{
	char *argv[] = { "import",	  "--socket",	  (char *)c->path,
			 (char *)c->file, (char *)option, NULL };

	cr_redirect_stdout();
	cr_redirect_stderr();
	return cmd_import(option ? 5 : 4, argv);
}

static const struct ledger_count *count_of(const struct batch *b, const char *name)
{
	static const struct ledger_count none;

	for (size_t i = 0; i < b->ledger[0].counts_len; i++)
		if (strcmp(b->ledger[0].counts[i].name, name) == 0)
			return &b->ledger[0].counts[i];
	return &none;
}

Test(import, everything_is_sent_once)
{
	static const int statuses[] = { 200, 0 };
	struct collector c;
	uint64_t packets = 0;

	start(&c, statuses);
	write_file(&c, 30000, 0);
	cr_assert_eq(import_it(&c, NULL), 0);
	cr_expect(c.headers_were_right);
	cr_assert_geq(c.batches_len, 3);
	for (size_t i = 0; i < c.batches_len; i++) {
		const struct batch *b = c.batches[i];

		cr_expect_eq(b->head.sequence, i + 1);
		cr_expect_eq(b->head.interval, 1);
		cr_expect_str_eq(b->head.exporter, "a file.pcap");
		cr_expect_eq(strncmp(b->head.agent, "import-", 7), 0);
		cr_expect_arr_eq(b->head.instance, c.batches[0]->head.instance, 16);
		cr_expect_eq(b->ledger_len, i == c.batches_len - 1, "ledger in the last one");
		for (size_t j = 0; j < b->flows_len; j++) {
			packets += b->flows[j].packets;
			cr_assert_eq(b->flows[j].flags, FLOW_COUNTED);
		}
	}
	cr_expect_eq(packets, 27000);
	cr_expect_eq(count_of(c.batches[c.batches_len - 1], "seen")->packets, 30000);
	cr_expect_eq(count_of(c.batches[c.batches_len - 1], "seen")->octets, 30000 * 60);
	cr_expect_eq(count_of(c.batches[c.batches_len - 1], "recorded")->packets, 27000);
	cr_expect_eq(count_of(c.batches[c.batches_len - 1], "unparsed/truncated ipv4")->packets,
		     3000);
	stop(&c);
}

Test(import, waits_while_the_collector_is_busy)
{
	static const int statuses[] = { 503, 429, 200, 0 };
	struct collector c;

	start(&c, statuses);
	write_file(&c, 10, 0);
	cr_expect_eq(import_it(&c, NULL), 0);
	cr_expect_eq(c.requests, 3);
	cr_expect_eq(c.batches_len, 1);
	stop(&c);
}

Test(import, a_refusal_is_final)
{
	static const int refusals[][2] = { { 400, 0 }, { 409, 0 }, { 413, 0 }, { 500, 0 } };

	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		struct collector c;

		start(&c, refusals[i]);
		write_file(&c, 10, 0);
		cr_expect_eq(import_it(&c, NULL), 1, "%d", refusals[i][0]);
		cr_expect_eq(c.requests, 1, "%d", refusals[i][0]);
		stop(&c);
	}
}

Test(import, cut_file_is_imported_as_far_as_it_goes)
{
	static const int statuses[] = { 200, 0 };
	struct collector c;

	start(&c, statuses);
	write_file(&c, 5, 1);
	cr_expect_eq(import_it(&c, NULL), 1);
	cr_assert_eq(c.batches_len, 1);
	cr_expect_eq(count_of(c.batches[0], "seen")->packets, 4);
	cr_expect_eq(c.batches[0]->flows_len, 4);
	stop(&c);
}

Test(import, no_collector_no_file_no_arguments)
{
	static const int statuses[] = { 200, 0 };
	struct collector c, nobody = { .path = "/tmp/wt-import-nobody", .file = "/dev/null" };
	char *no_file[] = { "import", NULL }, *unknown[] = { "import", "--no-such", "x", NULL };

	start(&c, statuses);
	cr_expect_eq(import_it(&c, NULL), 1, "there is no such file");
	cr_expect_eq(c.requests, 0);
	write_file(&c, 0, 0);
	cr_expect_eq(import_it(&c, NULL), 0, "an empty capture has nothing to send");
	cr_expect_eq(c.requests, 0);
	strcpy(nobody.file, c.file);
	write_file(&c, 1, 0);
	cr_expect_eq(import_it(&nobody, NULL), 1, "nobody listens");
	cr_expect_eq(import_it(&nobody, "--print"), 0, "and nobody has to");
	cr_expect_eq(cmd_import(1, no_file), 2);
	cr_expect_eq(cmd_import(3, unknown), 2);
	stop(&c);
}
