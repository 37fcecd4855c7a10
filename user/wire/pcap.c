// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A capture file in, packets out: what both formats share, and draft-ietf-opsawg-pcap. */
#include "user/wire/pcap.h"

#include <byteswap.h>
#include <errno.h>
#include <string.h>

#include "user/wire/batch.h"
#include "user/wire/pcap_file.h"

#define MAGIC_US 0xa1b2c3d4
#define MAGIC_NS 0xa1b23c4d
#define MAGIC_NG 0x0a0d0d0a /* a palindrome: byte order comes later */
#define HEADER_BYTES 24
#define RECORD_BYTES 16

#define LINKTYPE_NULL 0
#define LINKTYPE_ETHERNET 1
#define LINKTYPE_RAW_BSD 12
#define LINKTYPE_RAW_OPENBSD 14
#define LINKTYPE_RAW 101
#define LINKTYPE_LOOP 108
#define LINKTYPE_LINUX_SLL 113
#define LINKTYPE_IPV4 228
#define LINKTYPE_IPV6 229
#define LINKTYPE_LINUX_SLL2 276

uint16_t pcap_u16(const struct pcap *p, const uint8_t *from)
{
	uint16_t value;

	memcpy(&value, from, sizeof(value));
	return p->is_swapped ? bswap_16(value) : value;
}

uint32_t pcap_u32(const struct pcap *p, const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return p->is_swapped ? bswap_32(value) : value;
}

uint64_t pcap_u64(const struct pcap *p, const uint8_t *from)
{
	uint64_t value;

	memcpy(&value, from, sizeof(value));
	return p->is_swapped ? bswap_64(value) : value;
}

int pcap_read(struct pcap *p, void *to, size_t len)
{
	size_t got = fread(to, 1, len, p->file);

	if (got == len)
		return 1;
	if (ferror(p->file))
		return -EIO;
	return got == 0 ? 0 : -EBADMSG;
}

int pcap_skip(struct pcap *p, uint64_t len)
{
	uint8_t waste[4096];

	while (len > 0) {
		size_t step = len < sizeof(waste) ? len : sizeof(waste);
		int got = pcap_read(p, waste, step);

		if (got <= 0)
			return got ? got : -EBADMSG;
		len -= step;
	}
	return 1;
}

int pcap_add_interface(struct pcap *p, const struct pcap_interface *interface)
{
	struct pcap_interface *more;

	if (p->interfaces_len == PCAP_INTERFACES_MAX)
		return -EBADMSG;
	more = reallocarray(p->interfaces, p->interfaces_len + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	p->interfaces = more;
	p->interfaces[p->interfaces_len++] = *interface;
	return 0;
}

/* Kept within what a batch can say: a hostile file may claim any 64 bits. */
int64_t pcap_time_us(const struct pcap_interface *interface, uint64_t ticks)
{
	uint8_t n = interface->resolution & 0x7f;
	unsigned __int128 us = (unsigned __int128)ticks * 1000000;
	__int128 ret;

	if (interface->resolution & 0x80)
		us = n < 128 ? us >> n : 0;
	else
		for (; n > 0 && us > 0; n--)
			us /= 10;
	ret = (__int128)us + (__int128)interface->offset_s * 1000000;
	if (ret < 0)
		return 0;
	return ret > BATCH_TIME_MAX_US ? BATCH_TIME_MAX_US : (int64_t)ret;
}

/* BSD's address families for IPv6 differ: macOS 30, FreeBSD 28, the others 24; Linux has 10. */
static uint16_t type_of_family(uint32_t family)
{
	switch (family) {
	case 2:
		return 0x0800;
	case 10:
	case 24:
	case 28:
	case 30:
		return 0x86dd;
	default:
		return 0;
	}
}

static void set_cooked(struct packet *packet, uint16_t bytes, uint16_t type)
{
	packet->link = PACKET_COOKED;
	packet->cooked_bytes = bytes;
	packet->cooked_type = type;
}

/* keep is zeroed behind what was captured, so that a cut pseudo-header reads as type 0. */
static void set_link(const struct pcap *p, uint16_t link_type, struct packet *packet)
{
	const uint8_t *b = p->keep;
	uint32_t family;

	switch (link_type) {
	case LINKTYPE_ETHERNET:
		packet->link = PACKET_ETHERNET;
		break;
	case LINKTYPE_RAW:
	case LINKTYPE_RAW_BSD:
	case LINKTYPE_RAW_OPENBSD:
	case LINKTYPE_IPV4:
	case LINKTYPE_IPV6:
		packet->link = PACKET_RAW_IP;
		break;
	case LINKTYPE_NULL: /* in the byte order of whoever wrote it, LOOP in the network's */
	case LINKTYPE_LOOP:
		family = (uint32_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
		set_cooked(packet, 4, type_of_family(family > 0xffff ? bswap_32(family) : family));
		break;
	case LINKTYPE_LINUX_SLL:
		set_cooked(packet, 16, (uint16_t)(b[14] << 8 | b[15]));
		break;
	case LINKTYPE_LINUX_SLL2:
		set_cooked(packet, 20, (uint16_t)(b[0] << 8 | b[1]));
		break;
	default:
		packet->link = PACKET_UNKNOWN_LINK;
	}
}

int pcap_take(struct pcap *p, uint32_t interface, uint64_t captured, uint32_t wire_bytes,
	      struct packet *ret)
{
	size_t kept = captured < sizeof(p->keep) ? captured : sizeof(p->keep);
	int got = kept ? pcap_read(p, p->keep, kept) : 1;

	if (got > 0)
		got = pcap_skip(p, captured - kept);
	if (got <= 0)
		return got ? got : -EBADMSG;
	memset(p->keep + kept, 0, sizeof(p->keep) - kept);
	*ret = (struct packet){
		.bytes = p->keep, .captured = kept, .wire_bytes = wire_bytes, .interface = interface
	};
	set_link(p, p->interfaces[interface].link_type, ret);
	return 1;
}

static int open_classic(struct pcap *p, uint32_t magic, const char **why)
{
	struct pcap_interface interface = { .resolution = 6 };
	uint8_t header[HEADER_BYTES - 4];
	int got;

	p->is_swapped = magic == bswap_32(MAGIC_US) || magic == bswap_32(MAGIC_NS);
	if (p->is_swapped)
		magic = bswap_32(magic);
	if (magic != MAGIC_US && magic != MAGIC_NS) {
		*why = "neither a pcap nor a pcapng file";
		return -EBADMSG;
	}
	if (magic == MAGIC_NS)
		interface.resolution = 9;
	got = pcap_read(p, header, sizeof(header));
	if (got <= 0) {
		*why = "cut in the file's header";
		return got ? got : -EBADMSG;
	}
	if (pcap_u16(p, header) != 2) {
		*why = "unknown version of the pcap format";
		return -EBADMSG;
	}
	interface.link_type = (uint16_t)pcap_u32(p, header + 16); /* above: length of the FCS */
	return pcap_add_interface(p, &interface);
}

static int next_classic(struct pcap *p, struct packet *ret, const char **why)
{
	const struct pcap_interface *interface = &p->interfaces[0];
	uint8_t record[RECORD_BYTES];
	uint32_t captured, per_second = interface->resolution == 9 ? 1000000000 : 1000000;
	int got = pcap_read(p, record, sizeof(record));

	*why = "cut in the middle of a packet";
	if (got <= 0)
		return got;
	captured = pcap_u32(p, record + 8);
	if (captured > PCAP_RECORD_MAX) {
		*why = "packet is too large: the file is damaged";
		return -EBADMSG;
	}
	got = pcap_take(p, 0, captured, pcap_u32(p, record + 12), ret);
	if (got > 0)
		ret->time_us = pcap_time_us(interface, (uint64_t)pcap_u32(p, record) * per_second +
							       pcap_u32(p, record + 4));
	return got;
}

int pcap_open(FILE *file, struct pcap **ret, const char **why)
{
	AUTO(pcap_close) struct pcap *p = calloc(1, sizeof(*p));
	uint32_t magic;
	int err;

	*why = NULL;
	if (!p)
		return -ENOMEM;
	p->file = file;
	err = pcap_read(p, &magic, sizeof(magic));
	if (err <= 0) {
		*why = "file is empty or too short";
		return err == -EIO ? err : -EBADMSG;
	}
	p->is_ng = magic == MAGIC_NG;
	err = p->is_ng ? pcap_ng_open(p, why) : open_classic(p, magic, why);
	if (err)
		return err;
	*ret = TAKE(p);
	return 0;
}

void pcap_close(struct pcap *p)
{
	if (!p)
		return;
	free(p->interfaces);
	free(p);
}

int pcap_next(struct pcap *p, struct packet *ret, const char **why)
{
	return p->is_ng ? pcap_ng_next(p, ret, why) : next_classic(p, ret, why);
}

uint32_t pcap_interfaces(const struct pcap *p)
{
	return p->interfaces_len ? p->interfaces_len : 1;
}
