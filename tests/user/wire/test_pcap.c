// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* pcap.h: both formats in both byte orders, and files that are cut, damaged or hostile. */
#include "user/wire/pcap.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "user/wire/batch.h"

/* A file under construction. */
struct image {
	uint8_t bytes[4096];
	size_t len;
	bool is_big;
};

static void put(struct image *f, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		f->bytes[f->len++] = (uint8_t)(value >> 8 * (f->is_big ? bytes - 1 - i : i));
}

static void put_bytes(struct image *f, const void *from, size_t len)
{
	memcpy(f->bytes + f->len, from, len);
	f->len += len;
}

static void classic_header(struct image *f, uint32_t magic, uint32_t link_type)
{
	put(f, magic, 4);
	put(f, 2, 2);
	put(f, 4, 2);
	put(f, 0, 8);
	put(f, 65535, 4);
	put(f, link_type, 4);
}

static void classic_packet(struct image *f, uint32_t seconds, uint32_t fraction, uint32_t captured,
			   uint32_t wire)
{
	put(f, seconds, 4);
	put(f, fraction, 4);
	put(f, captured, 4);
	put(f, wire, 4);
	for (uint32_t i = 0; i < captured; i++)
		f->bytes[f->len++] = (uint8_t)(i + 1);
}

static void ng_section(struct image *f)
{
	put(f, 0x0a0d0d0a, 4);
	put(f, 28, 4);
	put(f, 0x1a2b3c4d, 4);
	put(f, 1, 2);
	put(f, 0, 2);
	put(f, UINT64_MAX, 8);
	put(f, 28, 4);
}

/* resolution < 0: none given; offset_s 0: none given */
static void ng_interface(struct image *f, uint16_t link_type, uint32_t snaplen, int resolution,
			 int64_t offset_s)
{
	uint32_t len = 20 + (resolution >= 0 ? 8 : 0) + (offset_s ? 12 : 0) + 4;

	put(f, 1, 4);
	put(f, len, 4);
	put(f, link_type, 2);
	put(f, 0, 2);
	put(f, snaplen, 4);
	if (resolution >= 0) {
		put(f, 9, 2);
		put(f, 1, 2);
		put_bytes(f, (uint8_t[]){ (uint8_t)resolution, 0, 0, 0 }, 4);
	}
	if (offset_s) {
		put(f, 14, 2);
		put(f, 8, 2);
		put(f, (uint64_t)offset_s, 8);
	}
	put(f, 0, 4);
	put(f, len, 4);
}

static void ng_packet(struct image *f, uint32_t type, uint32_t interface, uint64_t ticks,
		      uint32_t captured, uint32_t wire)
{
	uint32_t padded = (captured + 3) & ~3u, len = 32 + padded;

	put(f, type, 4);
	put(f, len, 4);
	if (type == 6) {
		put(f, interface, 4);
	} else {
		put(f, interface, 2);
		put(f, 0, 2);
	}
	put(f, ticks >> 32, 4);
	put(f, ticks & UINT32_MAX, 4);
	put(f, captured, 4);
	put(f, wire, 4);
	memset(f->bytes + f->len, 0x55, padded);
	f->len += padded;
	put(f, len, 4);
}

static void ng_simple(struct image *f, uint32_t captured, uint32_t wire)
{
	uint32_t padded = (captured + 3) & ~3u, len = 16 + padded;

	put(f, 3, 4);
	put(f, len, 4);
	put(f, wire, 4);
	memset(f->bytes + f->len, 0x66, padded);
	f->len += padded;
	put(f, len, 4);
}

static void ng_other(struct image *f, uint32_t type)
{
	put(f, type, 4);
	put(f, 16, 4);
	put(f, 0xdeadbeef, 4);
	put(f, 16, 4);
}

struct result {
	struct packet packets[16];
	size_t len;
	int err; /* of the last call, 0 = clean end */
	const char *why;
};

static void read_all(const struct image *f, struct result *r)
{
	AUTO_FILE FILE *file =
		f->len ? fmemopen((void *)f->bytes, f->len, "r") : fopen("/dev/null", "r");
	AUTO(pcap_close) struct pcap *p = NULL;
	struct packet packet;

	memset(r, 0, sizeof(*r));
	r->err = pcap_open(file, &p, &r->why);
	if (r->err)
		return;
	while ((r->err = pcap_next(p, &packet, &r->why)) > 0) {
		cr_assert_lt(r->len, ARRAY_LEN(r->packets));
		cr_assert_lt(packet.interface, pcap_interfaces(p));
		r->packets[r->len++] = packet;
	}
}

Test(pcap, classic)
{
	static const struct {
		uint32_t magic;
		bool is_big;
		uint32_t fraction;
	} kinds[] = { { 0xa1b2c3d4, false, 123456 },
		      { 0xa1b2c3d4, true, 123456 },
		      { 0xa1b23c4d, false, 123456789 },
		      { 0xa1b23c4d, true, 123456789 } };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct image f = { .is_big = kinds[i].is_big };
		struct result r;

		classic_header(&f, kinds[i].magic, 1);
		classic_packet(&f, 1700000000, kinds[i].fraction, 60, 1514);
		classic_packet(&f, UINT32_MAX, 0, 0, 0);
		read_all(&f, &r);
		cr_expect_eq(r.err, 0, "kind %zu: %s", i, r.why);
		cr_assert_eq(r.len, 2, "kind %zu", i);
		cr_expect_eq(r.packets[0].time_us, 1700000000123456, "kind %zu", i);
		cr_expect_eq(r.packets[0].captured, 60);
		cr_expect_eq(r.packets[0].wire_bytes, 1514);
		cr_expect_eq(r.packets[0].link, PACKET_ETHERNET);
		cr_expect_eq(r.packets[1].time_us, 4294967295000000, "times after 2038");
	}
}

Test(pcap, keeps_the_first_bytes_and_skips_the_rest)
{
	struct image f = { 0 };
	struct result r;

	classic_header(&f, 0xa1b2c3d4, 1);
	classic_packet(&f, 1, 0, 3000, 3000);
	classic_packet(&f, 2, 0, 5, 5);
	read_all(&f, &r);
	cr_expect_eq(r.err, 0, "%s", r.why);
	cr_assert_eq(r.len, 2);
	cr_expect_eq(r.packets[0].captured, PCAP_KEEP_BYTES);
	cr_expect_eq(r.packets[1].captured, 5);
	cr_expect_eq(r.packets[1].time_us, 2000000);
}

Test(pcap, link_types)
{
	static const struct {
		uint32_t type;
		enum packet_link link;
		uint16_t cooked_bytes, cooked_type;
		uint8_t bytes[20];
	} links[] = {
		{ 1, PACKET_ETHERNET },
		{ 0x14000001, PACKET_ETHERNET }, /* with length of FCS */
		{ 101, PACKET_RAW_IP },
		{ 12, PACKET_RAW_IP },
		{ 14, PACKET_RAW_IP },
		{ 228, PACKET_RAW_IP },
		{ 229, PACKET_RAW_IP },
		{ 0, PACKET_COOKED, 4, 0x0800, { 2, 0, 0, 0 } },
		{ 0, PACKET_COOKED, 4, 0x0800, { 0, 0, 0, 2 } },
		{ 0, PACKET_COOKED, 4, 0x86dd, { 30, 0, 0, 0 } },
		{ 108, PACKET_COOKED, 4, 0x86dd, { 0, 0, 0, 24 } },
		{ 108, PACKET_COOKED, 4, 0, { 0, 0, 0, 99 } },
		{ 113, PACKET_COOKED, 16, 0x0800, { [14] = 8, 0 } },
		{ 276, PACKET_COOKED, 20, 0x86dd, { 0x86, 0xdd } },
		{ 147, PACKET_UNKNOWN_LINK },
	};

	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		struct image f = { 0 };
		struct result r;

		classic_header(&f, 0xa1b2c3d4, links[i].type);
		classic_packet(&f, 1, 0, 20, 20);
		memcpy(f.bytes + f.len - 20, links[i].bytes, 20);
		read_all(&f, &r);
		cr_assert_eq(r.len, 1, "link %zu", i);
		cr_expect_eq(r.packets[0].link, links[i].link, "link %zu", i);
		cr_expect_eq(r.packets[0].cooked_bytes, links[i].cooked_bytes, "link %zu", i);
		cr_expect_eq(r.packets[0].cooked_type, links[i].cooked_type, "link %zu", i);
	}
}

static void ng_file(struct image *f)
{
	ng_section(f);
	ng_interface(f, 1, 0, -1, 0);
	ng_other(f, 0x0bad);
	ng_interface(f, 101, 10, 9, 0);
	ng_packet(f, 6, 0, 1700000000123456, 60, 1514);
	ng_packet(f, 6, 1, 1700000000123456789, 61, 61);
	ng_packet(f, 2, 1, 1700000001000000000, 0, 9);
	ng_simple(f, 7, 7);
	f->is_big = !f->is_big; /* a second section, in the other order */
	ng_section(f);
	ng_interface(f, 1, 5, 0x80 | 10, 1600000000);
	ng_packet(f, 6, 0, 1536, 3, 3); /* 1.5 s */
	ng_simple(f, 5, 77);
}

static void expect_ng(const struct result *r)
{
	cr_expect_eq(r->err, 0, "%s", r->why);
	cr_assert_eq(r->len, 6);
	cr_expect_eq(r->packets[0].time_us, 1700000000123456);
	cr_expect_eq(r->packets[0].interface, 0);
	cr_expect_eq(r->packets[0].wire_bytes, 1514);
	cr_expect_eq(r->packets[1].time_us, 1700000000123456);
	cr_expect_eq(r->packets[1].interface, 1);
	cr_expect_eq(r->packets[1].link, PACKET_RAW_IP);
	cr_expect_eq(r->packets[1].captured, 61);
	cr_expect_eq(r->packets[2].time_us, 1700000001000000);
	cr_expect_eq(r->packets[2].wire_bytes, 9);
	cr_expect_eq(r->packets[3].time_us, 1700000001000000, "no time of its own");
	cr_expect_eq(r->packets[3].captured, 7);
	cr_expect_eq(r->packets[4].time_us, 1600000001500000, "2^-10 s and an offset");
	cr_expect_eq(r->packets[4].interface, 2, "ids start anew, ours do not");
	cr_expect_eq(r->packets[5].captured, 5, "cut at the interface's snaplen");
	cr_expect_eq(r->packets[5].wire_bytes, 77);
}

Test(pcap, ng_both_orders)
{
	for (int big = 0; big < 2; big++) {
		struct image f = { .is_big = big };
		struct result r;

		ng_file(&f);
		read_all(&f, &r);
		expect_ng(&r);
	}
}

/* Cut at every byte: what came before is there, and a cut is an error except between records. */
Test(pcap, cut_anywhere)
{
	for (int kind = 0; kind < 2; kind++) {
		struct image whole = { 0 }, cut;
		struct result r;
		size_t clean_ends = 0;

		if (kind == 0) {
			classic_header(&whole, 0xa1b2c3d4, 1);
			classic_packet(&whole, 1, 2, 60, 60);
			classic_packet(&whole, 1, 2, 30, 60);
		} else {
			ng_file(&whole);
		}
		for (cut = whole; cut.len > 0; cut.len--) {
			read_all(&cut, &r);
			cr_expect(r.err == 0 || (r.err == -EBADMSG && r.why), "%zu bytes", cut.len);
			clean_ends += r.err == 0;
		}
		cr_expect_eq(clean_ends, kind == 0 ? 3 : 12, "kind %d: %zu", kind, clean_ends);
	}
}

#define BAD(name, reason, statement)                                      \
	do {                                                              \
		struct image f = { 0 };                                   \
		struct result r;                                          \
		statement;                                                \
		read_all(&f, &r);                                         \
		cr_expect_eq(r.err, -EBADMSG, name ": %d", r.err);        \
		cr_expect_str_eq(r.why ? r.why : "(none)", reason, name); \
	} while (0)

Test(pcap, damaged_classic)
{
	BAD("empty", "file is empty or too short", (void)0);
	BAD("three bytes", "file is empty or too short", put(&f, 0xa1b2c3, 3));
	BAD("no magic", "neither a pcap nor a pcapng file", put(&f, 0x12345678, 4));
	BAD("gzip", "neither a pcap nor a pcapng file", put(&f, 0x088b1f, 4));
	BAD("header only begun", "cut in the file's header", put(&f, 0xa1b2c3d4, 4));
	BAD("version 3", "unknown version of the pcap format", put(&f, 0xa1b2c3d4, 4);
	    put(&f, 3, 2); f.len = 24);
	BAD("record header cut", "cut in the middle of a packet", classic_header(&f, 0xa1b2c3d4, 1);
	    put(&f, 1, 8));
	BAD("record cut", "cut in the middle of a packet", classic_header(&f, 0xa1b2c3d4, 1);
	    classic_packet(&f, 1, 1, 10, 10); f.len--);
	BAD("record without bytes", "cut in the middle of a packet",
	    classic_header(&f, 0xa1b2c3d4, 1);
	    classic_packet(&f, 1, 1, 10, 10); f.len -= 10);
	BAD("huge record", "packet is too large: the file is damaged",
	    classic_header(&f, 0xa1b2c3d4, 1);
	    put(&f, 1, 8); put(&f, UINT64_MAX, 8));
}

Test(pcap, damaged_ng)
{
	BAD("section begun", "cut in the file's header", ng_section(&f); f.len = 10);
	BAD("section's order", "a section's byte order is unknown", ng_section(&f);
	    f.bytes[8] ^= 1);
	BAD("section's version", "unknown version of the pcapng format", ng_section(&f);
	    f.bytes[12] = 2);
	BAD("section's length too short", "a section's header is too short", ng_section(&f);
	    f.bytes[4] = 24);
	BAD("section's length odd", "a block's length is impossible", ng_section(&f);
	    f.bytes[4] = 29);
	BAD("section's lengths differ", "a block's two lengths differ", ng_section(&f);
	    f.bytes[24] = 32);
	BAD("block's length 0", "a block's length is impossible", ng_section(&f); put(&f, 5, 8));
	BAD("block's length huge", "a block is too large: the file is damaged", ng_section(&f);
	    put(&f, 5, 4); put(&f, 0xfffffffc, 4));
	BAD("block's lengths differ", "a block's two lengths differ", ng_section(&f);
	    ng_other(&f, 99); f.bytes[f.len - 4] = 20);
	BAD("block cut", "cut in the middle of a block", ng_section(&f); ng_other(&f, 99);
	    f.len -= 6);
	BAD("interface too short", "cut in the middle of a block", ng_section(&f); put(&f, 1, 4);
	    put(&f, 12, 4); put(&f, 12, 4));
	BAD("packet without interface", "a packet of an interface that was not described",
	    ng_section(&f);
	    ng_packet(&f, 6, 0, 1, 4, 4));
	BAD("simple packet without interface", "a packet of an interface that was not described",
	    ng_section(&f);
	    ng_simple(&f, 4, 4));
	BAD("interface of the section before", "a packet of an interface that was not described",
	    ng_section(&f);
	    ng_interface(&f, 1, 0, -1, 0); ng_section(&f); ng_packet(&f, 6, 0, 1, 4, 4));
	BAD("packet longer than its block", "a packet is longer than its block", ng_section(&f);
	    ng_interface(&f, 1, 0, -1, 0); ng_packet(&f, 6, 0, 1, 4, 4); f.bytes[f.len - 16] = 9);
}

/* Times that no batch could carry are kept at its bounds. */
Test(pcap, absurd_times)
{
	static const struct {
		int resolution;
		uint64_t ticks;
		int64_t offset_s, want;
	} times[] = {
		{ 0, UINT64_MAX, 0, BATCH_TIME_MAX_US },
		{ 6, UINT64_MAX, INT64_MAX, BATCH_TIME_MAX_US },
		{ 6, UINT64_MAX, INT64_MIN, 0 },
		{ 127, UINT64_MAX, 0, 0 },
		{ 0xff, UINT64_MAX, 0, 0 },
		{ 0x80, 5, 0, 5000000 },
		{ 3, 1500, -1, 500000 },
	};

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		struct image f = { 0 };
		struct result r;

		ng_section(&f);
		ng_interface(&f, 1, 0, times[i].resolution, times[i].offset_s);
		ng_packet(&f, 6, 0, times[i].ticks, 4, 4);
		read_all(&f, &r);
		cr_assert_eq(r.len, 1, "time %zu", i);
		cr_expect_eq(r.packets[0].time_us, times[i].want, "time %zu: %ld", i,
			     (long)r.packets[0].time_us);
	}
}
