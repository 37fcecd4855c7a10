/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * tapsend DEV PAYLOAD GSO_SIZE [COUNT [6]]: TCP super-packets through a tap device with a
 * virtio-net header, as a virtual machine sends them: tc ingress sees gso_size set and gso_segs 0.
 * DEV: ip tuntap add dev DEV mode tap vnet_hdr. Prints what that is on the wire as JSON.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "tests/tools/lib/frame.h"
#include "user/lib/cleanup.h"

static int tap_open(const char *dev)
{
	struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	AUTO_FD int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", dev);
	if (ioctl(fd, TUNSETIFF, &req))
		return -errno;
	return TAKE_FD(fd);
}

static int tap_send(int fd, const struct frame_spec *spec, uint8_t *frame, size_t gso_size)
{
	size_t headers = frame_headers(spec);
	struct virtio_net_hdr vnet = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = spec->ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = headers,
		.gso_size = gso_size,
		.csum_start = headers - 20,
		.csum_offset = 16,
	};
	struct iovec parts[] = {
		{ .iov_base = &vnet, .iov_len = sizeof(vnet) },
		{ .iov_base = frame, .iov_len = spec->bytes },
	};

	return writev(fd, parts, ARRAY_LEN(parts)) < 0 ? -errno : 0;
}

static void report(const struct frame_spec *spec, size_t payload, size_t gso_size, size_t count)
{
	size_t segments = (payload + gso_size - 1) / gso_size;

	printf("{\"skbs\": %zu, \"packets\": %zu, \"bytes\": %zu, \"skb_bytes\": %zu}\n", count,
	       count * segments, count * (payload + segments * frame_headers(spec)),
	       count * spec->bytes);
}

int main(int argc, char **argv)
{
	static uint8_t frame[FRAME_MAX];
	struct frame_spec spec = {
		.src = 10 << 24 | 1,
		.dst = 10 << 24 | 2,
		.src_port = 40000,
		.dst_port = 443,
		.ipv6 = argc > 5,
	};
	size_t payload, gso_size, count;
	AUTO_FD int fd = -1;
	uint32_t ip_sum;
	int err = 0;

	if (argc < 4) {
		fprintf(stderr, "usage: tapsend DEV PAYLOAD GSO_SIZE [COUNT [6]]\n");
		return 2;
	}
	payload = strtoul(argv[2], NULL, 0);
	gso_size = strtoul(argv[3], NULL, 0);
	count = argc > 4 ? strtoul(argv[4], NULL, 0) : 1;
	spec.bytes = frame_headers(&spec) + payload;
	if (!gso_size || spec.bytes > FRAME_MAX - sizeof(struct virtio_net_hdr))
		return 2;
	frame_build(&spec, frame, &ip_sum);
	fd = tap_open(argv[1]);
	if (fd < 0)
		err = fd;
	for (size_t i = 0; !err && i < count; i++)
		err = tap_send(fd, &spec, frame, gso_size);
	if (err) {
		fprintf(stderr, "tapsend: '%s': %s\n", argv[1], strerror(-err));
		return 1;
	}
	report(&spec, payload, gso_size, count);
	return 0;
}
