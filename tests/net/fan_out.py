#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""fan_out.py PORT TO…: datagrams that come to PORT go to every port TO, each sender's from a port
of its own. Prints "ready"; on SIGTERM "sent N", when nothing is left."""
import signal
import socket
import sys


def listen(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
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
    print("sent", sent, flush=True)


main(int(sys.argv[1]), [int(p) for p in sys.argv[2:]])
