// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * pcapng (draft-ietf-opsawg-pcapng), block by block:
 *
 *	| type 4 | total length 4 | body … | total length 4 |     padded to 4 bytes
 *
 * Blocks other than headers, interfaces and packets are passed over.
 */
#include "user/wire/pcap.h"

#include <errno.h>
#include <string.h>

#include "user/wire/pcap_file.h"

#define BLOCK_SECTION 0x0a0d0d0a
#define BLOCK_INTERFACE 1
#define BLOCK_OLD_PACKET 2
#define BLOCK_SIMPLE_PACKET 3
#define BLOCK_PACKET 6
#define BLOCK_FRAME_BYTES 12 /* type and the two lengths */

#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define OPTION_END 0
#define OPTION_TSRESOL 9
#define OPTION_TSOFFSET 14
#define OPTIONS_BYTES_MAX 4096 /* of an interface: a description may be long, not longer */

struct block {
	uint32_t type;
	uint32_t body; /* bytes, without type and lengths */
	uint32_t left; /* of these, not yet read */
};

static int damaged(const char **why, const char *what)
{
	*why = what;
	return -EBADMSG;
}

static int read_body(struct pcap *p, struct block *block, void *to, uint32_t len)
{
	int got;

	if (len > block->left)
		return -EBADMSG;
	got = pcap_read(p, to, len);
	block->left -= len;
	return got ? got : -EBADMSG;
}

/* To the next block, by way of the second length, which must repeat the first. */
static int end_block(struct pcap *p, struct block *block, const char **why)
{
	uint8_t length[4];
	int got = pcap_skip(p, block->left);

	if (got > 0)
		got = pcap_read(p, length, sizeof(length));
	if (got <= 0)
		return got ? got : -EBADMSG;
	if (pcap_u32(p, length) != block->body + BLOCK_FRAME_BYTES)
		return damaged(why, "a block's two lengths differ");
	return 1;
}

static int set_body(struct block *block, uint32_t total, const char **why)
{
	if (total < BLOCK_FRAME_BYTES || total % 4)
		return damaged(why, "a block's length is impossible");
	if (total > PCAP_RECORD_MAX)
		return damaged(why, "a block is too large: the file is damaged");
	block->body = block->left = total - BLOCK_FRAME_BYTES;
	return 1;
}

/* The section header's byte order is in its body, and its length before it. */
static int begin_section(struct pcap *p, const uint8_t length[4], const char **why)
{
	struct block block = { .type = BLOCK_SECTION };
	uint8_t head[16]; /* magic, version, section length */
	uint32_t magic;
	int got;

	got = pcap_read(p, head, sizeof(head));
	if (got <= 0)
		return got ? got : -EBADMSG;
	p->is_swapped = false;
	magic = pcap_u32(p, head);
	p->is_swapped = magic != BYTE_ORDER_MAGIC;
	if (pcap_u32(p, head) != BYTE_ORDER_MAGIC)
		return damaged(why, "a section's byte order is unknown");
	if (pcap_u16(p, head + 4) != 1)
		return damaged(why, "unknown version of the pcapng format");
	got = set_body(&block, pcap_u32(p, length), why);
	if (got <= 0)
		return got;
	if (block.left < sizeof(head))
		return damaged(why, "a section's header is too short");
	block.left -= sizeof(head);
	p->section_base = p->interfaces_len;
	return end_block(p, &block, why);
}

int pcap_ng_open(struct pcap *p, const char **why)
{
	uint8_t length[4];
	int got;

	*why = "cut in the file's header";
	got = pcap_read(p, length, sizeof(length));
	if (got > 0)
		got = begin_section(p, length, why);
	if (got > 0)
		return 0;
	return got ? got : -EBADMSG;
}

static void take_option(const struct pcap *p, uint16_t code, uint16_t len, const uint8_t *value,
			struct pcap_interface *interface)
{
	if (code == OPTION_TSRESOL && len == 1)
		interface->resolution = value[0];
	if (code == OPTION_TSOFFSET && len == 8)
		interface->offset_s = (int64_t)pcap_u64(p, value);
}

static int take_interface(struct pcap *p, struct block *block, const char **why)
{
	struct pcap_interface interface = { .resolution = 6 };
	uint8_t head[8], options[OPTIONS_BYTES_MAX];
	uint32_t len, at = 0;
	int got = read_body(p, block, head, sizeof(head));

	if (got <= 0)
		return got;
	interface.link_type = pcap_u16(p, head);
	interface.snaplen = pcap_u32(p, head + 4);
	len = block->left < sizeof(options) ? block->left : sizeof(options);
	got = len ? read_body(p, block, options, len) : 1;
	if (got <= 0)
		return got;
	while (at + 4 <= len) {
		uint16_t code = pcap_u16(p, options + at),
			 value_len = pcap_u16(p, options + at + 2);

		at += 4;
		if (code == OPTION_END || value_len > len - at)
			break;
		take_option(p, code, value_len, options + at, &interface);
		at += (value_len + 3u) & ~3u;
	}
	got = pcap_add_interface(p, &interface);
	if (got == -EBADMSG)
		*why = "too many interfaces";
	return got ? got : 1;
}

/* EPB: interface 4, time 8, captured 4, wire 4. OPB: interface 2, drops 2, then the same. */
static int take_packet(struct pcap *p, struct block *block, struct packet *ret, const char **why)
{
	uint8_t head[20];
	uint32_t interface, captured;
	uint64_t ticks;
	int got = read_body(p, block, head, sizeof(head));

	if (got <= 0)
		return got;
	interface = block->type == BLOCK_PACKET ? pcap_u32(p, head) : pcap_u16(p, head);
	if (interface >= p->interfaces_len - p->section_base)
		return damaged(why, "a packet of an interface that was not described");
	captured = pcap_u32(p, head + 12);
	if (captured > block->left)
		return damaged(why, "a packet is longer than its block");
	block->left -= captured;
	interface += p->section_base;
	got = pcap_take(p, interface, captured, pcap_u32(p, head + 16), ret);
	if (got <= 0)
		return got;
	ticks = (uint64_t)pcap_u32(p, head + 4) << 32 | pcap_u32(p, head + 8);
	p->last_us = ret->time_us = pcap_time_us(&p->interfaces[interface], ticks);
	return 1;
}

/* SPB: wire 4, data. Of the section's first interface, cut at its snaplen, without a time. */
static int take_simple(struct pcap *p, struct block *block, struct packet *ret, const char **why)
{
	uint32_t captured, wire, interface = p->section_base;
	uint8_t head[4];
	int got = read_body(p, block, head, sizeof(head));

	if (got <= 0)
		return got;
	if (interface == p->interfaces_len)
		return damaged(why, "a packet of an interface that was not described");
	captured = wire = pcap_u32(p, head);
	if (p->interfaces[interface].snaplen && captured > p->interfaces[interface].snaplen)
		captured = p->interfaces[interface].snaplen;
	if (captured > block->left)
		captured = block->left;
	block->left -= captured;
	got = pcap_take(p, interface, captured, wire, ret);
	if (got > 0)
		ret->time_us = p->last_us;
	return got;
}

/* 1: *is_packet says whether *ret is one; 0: the end; else -errno. */
static int next_block(struct pcap *p, struct packet *ret, bool *is_packet, const char **why)
{
	struct block block;
	uint8_t head[8];
	int got = pcap_read(p, head, sizeof(head));

	*is_packet = false;
	if (got <= 0)
		return got;
	block.type = pcap_u32(p, head);
	if (block.type == BLOCK_SECTION)
		return begin_section(p, head + 4, why);
	got = set_body(&block, pcap_u32(p, head + 4), why);
	if (got <= 0)
		return got;
	if (block.type == BLOCK_INTERFACE) {
		got = take_interface(p, &block, why);
	} else if (block.type == BLOCK_PACKET || block.type == BLOCK_OLD_PACKET) {
		got = take_packet(p, &block, ret, why);
		*is_packet = true;
	} else if (block.type == BLOCK_SIMPLE_PACKET) {
		got = take_simple(p, &block, ret, why);
		*is_packet = true;
	}
	return got > 0 ? end_block(p, &block, why) : got;
}

int pcap_ng_next(struct pcap *p, struct packet *ret, const char **why)
{
	bool is_packet = false;
	int got = 1;

	while (got > 0 && !is_packet) {
		*why = "cut in the middle of a block";
		got = next_block(p, ret, &is_packet, why);
	}
	return got;
}
