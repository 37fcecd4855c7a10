#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""vmlinux.py BZIMAGE VMLINUX: the ELF kernel inside a bzImage. QEMU starts that one at once (PVH);
in software, a kernel that unpacks itself takes a second more."""
import lzma
import struct
import subprocess
import sys

SETUP_SECTS, HEADER_MAGIC, PAYLOAD = 0x1f1, 0x202, 0x248


def unpack(payload):
    if payload[:6] == b"\xfd7zXZ\0":
        return lzma.LZMADecompressor().decompress(payload)
    tool = "zstd" if payload[:4] == b"\x28\xb5\x2f\xfd" else "lz4"
    # The last four bytes are the length: to the tool they are rubbish.
    return subprocess.run([tool, "-dcq"], input=payload[:-4], stdout=subprocess.PIPE,
                          check=False).stdout


def main(source, target):
    with open(source, "rb") as f:
        image = f.read()
    if image[HEADER_MAGIC:HEADER_MAGIC + 4] != b"HdrS":
        sys.exit(f"{source}: not a bzImage")
    offset, length = struct.unpack_from("<II", image, PAYLOAD)
    start = ((image[SETUP_SECTS] or 4) + 1) * 512 + offset
    kernel = unpack(image[start:start + length])
    if kernel[:4] != b"\x7fELF":
        sys.exit(f"{source}: its payload does not unpack to an ELF file")
    with open(target, "wb") as f:
        f.write(kernel)


if __name__ == "__main__":
    main(*sys.argv[1:])
