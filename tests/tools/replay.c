/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * replay DEV FILE.pcap…: sends every frame of the captures, in order and as fast as it goes, by
 * AF_PACKET. One line of JSON a file says what was in it and what was sent; frames shorter than an
 * Ethernet header or longer than the MTU cannot be sent and are counted. Exit 1 when anything else
 * could not.
 */
#include <byteswap.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/tools/lib/raw.h"
#include "user/lib/cleanup.h"

#define CAPTURE_MAX (256 << 10) /* longest frame any capture has: libpcap's own limit */
#define MAGIC_US 0xa1b2c3d4
#define MAGIC_NS 0xa1b23c4d

struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, snaplen, link;
};

struct record_header {
	uint32_t sec, fraction, captured, original;
};

struct counts {
	uint64_t packets, sent, sent_bytes, too_short, too_long, failed;
	bool truncated; /* the file ends inside a record */
};

static int read_file_header(FILE *f, bool *ret_swapped)
{
	struct file_header h;

	if (fread(&h, sizeof(h), 1, f) != 1)
		return -ENODATA;
	*ret_swapped = h.magic == bswap_32(MAGIC_US) || h.magic == bswap_32(MAGIC_NS);
	if (!*ret_swapped && h.magic != MAGIC_US && h.magic != MAGIC_NS)
		return -EPROTONOSUPPORT;
	return 0;
}

/* 1: a frame, 0: the end, -errno: the file is no longer one. */
static int read_frame(FILE *f, bool swapped, uint8_t *frame, size_t *ret_bytes)
{
	struct record_header h;
	size_t n = fread(&h, 1, sizeof(h), f);

	if (n == 0)
		return 0;
	if (n < sizeof(h))
		return -ENODATA;
	*ret_bytes = swapped ? bswap_32(h.captured) : h.captured;
	if (*ret_bytes > CAPTURE_MAX)
		return -EMSGSIZE;
	return fread(frame, 1, *ret_bytes, f) == *ret_bytes ? 1 : -ENODATA;
}

static void send_frame(int fd, const uint8_t *frame, size_t bytes, struct counts *c)
{
	int err = raw_send(fd, frame, bytes);

	c->packets++;
	switch (err) {
	case 0:
		c->sent++;
		c->sent_bytes += bytes;
		break;
	case -EINVAL:
		c->too_short++;
		break;
	case -EMSGSIZE:
		c->too_long++;
		break;
	default:
		fprintf(stderr, "replay: packet %lu: %s\n", (unsigned long)c->packets,
			strerror(-err));
		c->failed++;
	}
}

static int replay(int fd, const char *path)
{
	static uint8_t frame[CAPTURE_MAX];
	struct counts c = {};
	AUTO_FILE FILE *f = fopen(path, "re");
	bool swapped = false;
	size_t bytes;
	int err;

	err = f ? read_file_header(f, &swapped) : -errno;
	if (err) {
		fprintf(stderr, "replay: '%s': %s\n", path, strerror(-err));
		return err;
	}
	while ((err = read_frame(f, swapped, frame, &bytes)) > 0)
		send_frame(fd, frame, bytes, &c);
	c.truncated = err < 0;
	printf("{\"file\": \"%s\", \"packets\": %lu, \"sent\": %lu, \"sent_bytes\": %lu, "
	       "\"too_short\": %lu, \"too_long\": %lu, \"failed\": %lu, \"truncated\": %s}\n",
	       path, c.packets, c.sent, c.sent_bytes, c.too_short, c.too_long, c.failed,
	       c.truncated ? "true" : "false");
	return c.failed ? -EIO : 0;
}

int main(int argc, char **argv)
{
	AUTO_FD int fd = -1;
	int failed = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: replay DEV FILE.pcap...\n");
		return 2;
	}
	fd = raw_open(argv[1]);
	if (fd < 0) {
		fprintf(stderr, "replay: '%s': %s\n", argv[1], strerror(-fd));
		return 1;
	}
	for (int i = 2; i < argc; i++)
		failed += replay(fd, argv[i]) != 0;
	return failed ? 1 : 0;
}
