#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""fan_out.py PORT TO…: datagrams that come to PORT go to every port TO, each sender's from a port
of its own, not faster than small buffers take them. Prints "ready"; on SIGTERM "sent N", when
nothing is left."""
import signal
import socket
import sys
import time

SO_RCVBUFFORCE = 33
PAUSE = 0.0005  # s; a socket's usual 208 KiB are some ninety datagrams


def listen(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    s.bind(("127.0.0.1", port))
    s.settimeout(0.1)
    return s


def main(port, to):
    incoming, outgoing, sent, ending = listen(port), {}, 0, []
    signal.signal(signal.SIGTERM, lambda *_: ending.append(True))
    print("ready", flush=True)
    while True:
        try:
            data, sender = incoming.recvfrom(65535)
        except socket.timeout:
            if ending:
                break
            continue
        out = outgoing.setdefault(sender, socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        for t in to:
            out.sendto(data, ("127.0.0.1", t))
        sent += 1
        time.sleep(PAUSE)
    print("sent", sent, flush=True)


main(int(sys.argv[1]), [int(p) for p in sys.argv[2:]])
