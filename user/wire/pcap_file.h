/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The state that pcap.c (both formats, classic records) and pcap_ng.c (blocks) share. */
#ifndef WT_PCAP_FILE_H
#define WT_PCAP_FILE_H

#include "user/wire/pcap.h"

struct pcap_interface {
	uint16_t link_type; /* LINKTYPE_* */
	uint8_t resolution; /* as if_tsresol: n = 10^-n s, 0x80 | n = 2^-n s */
	uint32_t snaplen; /* 0 = none */
	int64_t offset_s;
};

struct pcap {
	FILE *file;
	bool is_ng;
	bool is_swapped; /* the file's (pcapng: section's) byte order is not ours */
	struct pcap_interface *interfaces;
	uint32_t interfaces_len;
	uint32_t section_base; /* first interface of this section: ids start anew in each */
	int64_t last_us; /* of the last packet: simple packet blocks have no time */
	uint8_t keep[PCAP_KEEP_BYTES];
};

uint16_t pcap_u16(const struct pcap *p, const uint8_t *from);
uint32_t pcap_u32(const struct pcap *p, const uint8_t *from);
uint64_t pcap_u64(const struct pcap *p, const uint8_t *from);

/* 1 when len bytes came, 0 when the file had ended, -EBADMSG when it ends within them, -EIO. */
int pcap_read(struct pcap *p, void *to, size_t len);
int pcap_skip(struct pcap *p, uint64_t len); /* 1, or as above */

int pcap_add_interface(struct pcap *p, const struct pcap_interface *interface);

/*
 * Reads captured bytes of packet data and fills in what follows from the interface: 1 or -errno.
 * ticks: in the interface's resolution.
 */
int pcap_take(struct pcap *p, uint32_t interface, uint64_t captured, uint32_t wire_bytes,
	      struct packet *ret);
int64_t pcap_time_us(const struct pcap_interface *interface, uint64_t ticks);

/* The section header at the file's start, whose first 4 bytes are read; then block by block. */
int pcap_ng_open(struct pcap *p, const char **why);
int pcap_ng_next(struct pcap *p, struct packet *ret, const char **why);

#endif
