// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Bytes as a packet, by every link and in both of the parser's modes. Whatever comes out must be
 * a row or a named refusal, the same in both modes, and lengths must fit the frame.
 */
#include <stdlib.h>
#include <string.h>

#include "kern/parse.bpf.h"
#include "user/wire/batch.h"
#include "user/wire/batch_check.h"
#include "user/wire/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_row(const struct flow *flow, const struct packet *packet)
{
	if (batch_check_flow(flow) || flow->l3_octets > flow->l2_octets ||
	    flow->l2_octets > packet->wire_bytes)
		abort();
}

static void check_packet(const struct packet *packet)
{
	struct packet_parsed parsed;

	packet_parse(packet, true, &parsed);
	if (parsed.refusal >= PACKET_REFUSALS_MAX || parsed.inner_refusal >= PACKET_REFUSALS_MAX ||
	    strcmp(packet_refusal_name(parsed.refusal), "unknown") == 0)
		abort();
	if (!parsed.refusal)
		check_row(&parsed.outer, packet);
	if (parsed.has_inner && !parsed.inner_refusal)
		check_row(&parsed.inner, packet);
}

static void compare_modes(const uint8_t *bytes, size_t len, uint32_t link)
{
	uint8_t copy[WT_COPY_BYTES] = { 0 };
	struct wt_view direct = { .data = (void *)bytes, .data_end = (void *)(bytes + len) };
	struct wt_view copied = { .data = copy, .copy_len = len < 256 ? (uint32_t)len : 256 };
	struct wt_pkt a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };
	int refusal;

	memcpy(copy, bytes, copied.copy_len);
	refusal = wt_parse(&direct, link, false, &a);
	if (refusal != wt_parse(&copied, link, true, &b))
		abort();
	if (refusal)
		return;
	if (memcmp(&a, &b, sizeof(a)) != 0)
		abort();
	refusal = wt_parse_inner(&direct, false, &a, &c);
	if (refusal != wt_parse_inner(&copied, true, &b, &d))
		abort();
	if (!refusal && memcmp(&c, &d, sizeof(c)) != 0)
		abort();
}

/* The first byte chooses the link, so that one corpus serves all. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct packet packet = { .cooked_bytes = 4, .wire_bytes = 70000 };
	uint8_t choice;

	if (len == 0)
		return 0;
	choice = bytes[0];
	packet.bytes = bytes + 1;
	packet.captured = len - 1;
	packet.link = choice % 4;
	packet.cooked_type = choice & 0x10 ? 0x86dd : choice & 0x20 ? 0x8100 : 0x0800;
	if (choice & 0x80)
		packet.wire_bytes = packet.captured;
	check_packet(&packet);
	compare_modes(packet.bytes, packet.captured, choice % 2);
	return 0;
}
