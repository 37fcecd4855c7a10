#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""Real traffic: iperf3 and curl, IPv4 and IPv6, with and without segmentation offload, equal to
what the kernel's own counters say: wire packets, not skbs."""
import json
import sys

from ledger import audit
from rig import run_test


def network(rig, gro):
    a, b = rig.netns("a", ipv6=True), rig.netns("b", ipv6=True)
    rig.veth(a, "v0", b, "v1", a_addr=("10.0.0.1/24", "fd00::1/64"),
             b_addr=("10.0.0.2/24", "fd00::2/64"), gro=gro)
    if not gro:
        for ns, dev in ((a, "v0"), (b, "v1")):
            ns.run("ethtool", "-K", dev, "tso", "off", "gso", "off", "gro", "off",
                   "tx-udp-segmentation", "off")
    rig.collector()
    return a, b


def iperf(rig, a, b, *args):
    server = b.start("iperf3-server", "iperf3", "-s", "-1", "--forceflush")
    rig.wait_until(lambda: "listening" in server.log().lower(), "iperf3 to listen")
    result = json.loads(a.run("iperf3", "-J", "-t", "1", *args))
    server.wait()
    return result


def point(rig, direction):
    return audit(rig, interface="v1", direction=direction)


def agent_in_silence(rig, b):
    """An agent that started while nothing moved, and the counters of then: IPv6 has packets of its
    own (MLD) for a while after a link is up."""
    for attempt in range(20):
        agent_id, before = f"try-{attempt}", b.counters("v1")
        agent = rig.agent(b, ["v1"], interval="200ms", agent_id=agent_id)
        if b.counters("v1") == before:
            return agent, agent_id, before
        rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    rig.check(False, "the link was never silent while an agent started")


def same_as_interface_without_offload(rig):
    """One skb is one wire packet: every counter must agree exactly."""
    rig.need("iperf3", "curl")
    a, b = network(rig, gro=False)
    agent, agent_id, before = agent_in_silence(rig, b)
    iperf(rig, a, b, "-c", "10.0.0.2", "-b", "200M")
    iperf(rig, a, b, "-c", "fd00::2", "-b", "200M")
    iperf(rig, a, b, "-c", "10.0.0.2", "-u", "-b", "50M", "-l", "300")
    serve_and_fetch(rig, a, b)
    # Nothing more may move between the two looks: the ends are closed for good.
    a.run("ip", "link", "set", "v0", "down")
    after = b.counters("v1")
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    for direction, side in (("ingress", "rx"), ("egress", "tx")):
        total = audit(rig, agent=agent_id, interface="v1", direction=direction)
        rig.equal(total["seen"], after[side]["packets"] - before[side]["packets"],
                  f"{direction} packets")
        rig.equal(total["seen_octets"], after[side]["bytes"] - before[side]["bytes"],
                  f"{direction} octets")
        rig.equal(total["stored"], total["seen"], f"{direction}: all stored, none folded")


def serve_and_fetch(rig, a, b):
    server = b.start("http", sys.executable, "-u", "-m", "http.server", "8000", "--bind",
                     "10.0.0.2", "--directory", rig.tmp)
    rig.wait_until(lambda: "Serving" in server.log(), "an HTTP server")
    with open(f"{rig.tmp}/file", "wb") as f:
        f.write(b"x" * 1_000_000)
    a.run("curl", "-sSf", "-o", "/dev/null", "http://10.0.0.2:8000/file")
    server.proc.kill()
    server.wait()


def tcp_segments(ns):
    """Segments received by TCP: what the sender put on the wire, GRO undone (RFC 4898's count)."""
    lines = [line.split() for line in ns.run("cat", "/proc/net/snmp").splitlines()
             if line.startswith("Tcp:")]
    return dict(zip(lines[0], lines[1]))


def wire_packets_with_offload(rig):
    """With TSO an skb is up to 64 kB: packets are what the sender's TCP counts as segments."""
    rig.need("iperf3")
    a, b = network(rig, gro=True)
    agent = rig.agent(b, ["v1"], interval="200ms")
    before = int(tcp_segments(a)["OutSegs"])
    skbs = b.counters("v1")["rx"]["packets"]
    iperf(rig, a, b, "-c", "10.0.0.2", "-b", "500M")
    iperf(rig, a, b, "-c", "fd00::2", "-b", "500M")
    sent = int(tcp_segments(a)["OutSegs"]) - before
    sent += int(tcp_segments(a)["RetransSegs"])
    a.run("ip", "link", "set", "v0", "down")
    skbs = b.counters("v1")["rx"]["packets"] - skbs
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    point(rig, "ingress")
    top = json.loads(rig.http("/v1/top?by=proto&last=all&all=1&filter=proto%20tcp%20and%20dst%20port%205201"))
    rig.equal(top["total"]["packets"], sent, "TCP segments of the clients")
    rig.check(sent > 3 * skbs, f"offload was at work: {sent} segments in {skbs} skbs")


TESTS = [same_as_interface_without_offload, wire_packets_with_offload]

if __name__ == "__main__":
    run_test(*[t for t in TESTS if t.__name__ in (sys.argv[1:] or [x.__name__ for x in TESTS])])
