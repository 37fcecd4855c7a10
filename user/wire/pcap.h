/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Capture files, packet by packet: pcap (both byte orders, µs and ns) and pcapng (sections of
 * either byte order, several interfaces, if_tsresol and if_tsoffset). Own code, because libpcap
 * gives neither the interface of a packet nor files whose interfaces differ.
 *
 * Memory is bounded: of each packet only the first PCAP_KEEP_BYTES are kept.
 */
#ifndef WT_PCAP_H
#define WT_PCAP_H

#include <stdint.h>
#include <stdio.h>

#include "user/lib/cleanup.h"
#include "user/wire/packet.h"

#define PCAP_KEEP_BYTES (PACKET_BYTES_NEEDED + 256)
#define PCAP_RECORD_MAX (64u << 20) /* captured bytes of one packet; a pcapng block's length */
#define PCAP_INTERFACES_MAX 4096 /* a file */

struct pcap;

/*
 * Reads the file's header. The stream is borrowed until pcap_close() and need not be seekable.
 * 0; -EBADMSG with *why (static) when it is no capture file; -EIO; -ENOMEM.
 */
int pcap_open(FILE *file, struct pcap **ret, const char **why);
void pcap_close(struct pcap *p);
DEFINE_AUTO(pcap_close, struct pcap *);

/*
 * 1 and the next packet, whose bytes live until the next call; 0 at the end; -EBADMSG with *why
 * where the file is cut or damaged (packets before that are good), -EIO, -ENOMEM.
 */
int pcap_next(struct pcap *p, struct packet *ret, const char **why);

/* How many interfaces have been described so far: ids in packets are below. At least 1. */
uint32_t pcap_interfaces(const struct pcap *p);

#endif
