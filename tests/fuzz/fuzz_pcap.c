// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Bytes as a capture file: read to its end or its damage, every packet parsed. */
#include <stdlib.h>

#include "user/wire/batch.h"
#include "user/wire/packet.h"
#include "user/wire/pcap.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_packet(const struct pcap *pcap, const struct packet *packet)
{
	struct packet_parsed parsed;
	volatile uint8_t sum = 0;

	if (packet->interface >= pcap_interfaces(pcap) || packet->captured > PCAP_KEEP_BYTES ||
	    packet->time_us < 0 || packet->time_us > BATCH_TIME_MAX_US)
		abort();
	for (size_t i = 0; i < packet->captured; i++)
		sum += packet->bytes[i];
	packet_parse(packet, true, &parsed);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO_FILE FILE *file = len ? fmemopen((void *)bytes, len, "r") : NULL;
	AUTO(pcap_close) struct pcap *pcap = NULL;
	struct packet packet;
	const char *why;
	int got;

	if (!file)
		return 0;
	got = pcap_open(file, &pcap, &why);
	if (got < 0) {
		if (!why)
			abort();
		return 0;
	}
	while ((got = pcap_next(pcap, &packet, &why)) > 0)
		check_packet(pcap, &packet);
	if (got < 0 && !why)
		abort();
	return 0;
}
