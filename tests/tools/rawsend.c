/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * rawsend DEV BYTES [COUNT]: IPv4/TCP frames of BYTES by AF_PACKET. A long one arrives with only
 * its first 14 bytes linear. Prints what it sent as JSON.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tools/lib/frame.h"
#include "tests/tools/lib/raw.h"
#include "user/lib/cleanup.h"

int main(int argc, char **argv)
{
	static uint8_t frame[FRAME_MAX];
	struct frame_spec spec = {
		.src = 10 << 24 | 1,
		.dst = 10 << 24 | 2,
		.src_port = 40000,
		.dst_port = 443,
	};
	size_t count;
	AUTO_FD int fd = -1;
	uint32_t ip_sum;
	int err = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: rawsend DEV BYTES [COUNT]\n");
		return 2;
	}
	spec.bytes = strtoul(argv[2], NULL, 0);
	count = argc > 3 ? strtoul(argv[3], NULL, 0) : 1;
	spec.bytes = frame_build(&spec, frame, &ip_sum);
	fd = raw_open(argv[1]);
	if (fd < 0)
		err = fd;
	for (size_t i = 0; !err && i < count; i++)
		err = raw_send(fd, frame, spec.bytes);
	if (err) {
		fprintf(stderr, "rawsend: '%s': %s\n", argv[1], strerror(-err));
		return 1;
	}
	printf("{\"packets\": %zu, \"frame_bytes\": %zu, \"bytes\": %zu}\n", count, spec.bytes,
	       count * spec.bytes);
	return 0;
}
