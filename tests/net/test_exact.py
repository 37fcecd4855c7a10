#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""Exactness at full generator speed: what was sent is stored, folded or named lost, to the packet.

SCALE=1 (the default) is CI's size; SCALE=5 sends 5 M packets of 1 M flows and floods for 30 s.
"""
import json
import os
import signal
import sys

from urllib.parse import quote

from ledger import agent_status, audit, shipped
from rig import run_test

SCALE = int(os.environ.get("SCALE", "1"))
PACKETS = 1_000_000 * SCALE
FLOWS = 200_000 * SCALE


def network(rig):
    a, b = rig.netns("a"), rig.netns("b")
    rig.veth(a, "v0", b, "v1")
    rig.collector()
    return a, b


def expect_all(rig, agent, sent):
    rig.equal(agent.stop(timeout=60), 0, f"agent's exit code: {agent.log()}")
    total = audit(rig, interface="v1", direction="ingress")
    rig.equal(total["seen"], sent["packets"], "packets seen")
    rig.equal(total["seen_octets"], sent["bytes"], "octets seen")
    return total


def default_table(rig):
    a, b = network(rig)
    agent = rig.agent(b, ["v1"])
    sent = rig.flood(a, "v0", b, "v1", packets=PACKETS, flows=FLOWS)
    expect_all(rig, agent, sent)


def enough_memory(rig):
    """No packet folds and none is lost when there is room; every flow has its row."""
    a, b = network(rig)
    agent = rig.agent(b, ["v1"], memory="2G", interval="3600s")
    sent = rig.flood(a, "v0", b, "v1", packets=PACKETS, flows=FLOWS)
    total = expect_all(rig, agent, sent)
    rig.equal(total["lost"], 0, "lost")
    rig.equal(total["folded"], 0, "folded")
    rig.equal(total["stored"], sent["packets"], "stored")


def harvest_every_50_ms(rig):
    a, b = network(rig)
    agent = rig.agent(b, ["v1"], interval="50ms")
    sent = rig.flood(a, "v0", b, "v1", packets=PACKETS, flows=1000)
    rig.check(agent_status(rig)["intervals"] >= 2, "epochs were flipped under load")
    total = expect_all(rig, agent, sent)
    rig.equal(total["stored"], sent["packets"], "a thousand flows fit")


def every_hook(rig):
    """tcx, clsact and XDP see the same packets."""
    for number, hook in enumerate(("tcx", "clsact", "xdp")):
        a, b = rig.netns(f"a{number}"), rig.netns(f"b{number}")
        rig.veth(a, "v0", b, "v1")
        if not rig.collector_ns:
            rig.collector()
        agent = rig.agent(b, ["v1"], hook=hook, agent_id=f"by-{hook}")
        want = {"xdp": "xdp+tcx"}.get(hook, hook)
        rig.equal(agent_status(rig, f"by-{hook}")["interfaces"][0]["hook"], want, "hook in use")
        sent = rig.flood(a, "v0", b, "v1", packets=PACKETS // 10, flows=1000)
        rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
        total = audit(rig, agent=f"by-{hook}", direction="ingress")
        rig.equal(total["stored"], sent["packets"], f"stored through {hook}")
        left = b.run("tc", "filter", "show", "dev", "v1", "ingress") + b.run(
            "ip", "link", "show", "dev", "v1") + b.run("tc", "qdisc", "show", "dev", "v1")
        rig.check("wt_" not in left and "xdp" not in left and "clsact" not in left,
                  f"{hook}: nothing stays behind: {left}")


def flood_of_random_sources(rig):
    """Memory stays fixed, totals exact, and known elephants keep exact records."""
    a, b = network(rig)
    agent = rig.agent(b, ["v1"], interval="1s")
    sent = flood_random(rig, a, b, 6 * SCALE)
    rss_kb = max(agent.rss_kb(pid) for pid in [agent.pid, *agent.children()])
    rig.check(rss_kb < 30 * 1024, f"RSS without maps is {rss_kb} kB, above 30 MiB")
    shipped(rig)  # a stop waits 10 s for the collector, then leaves the rest for the next start
    arrived = sent["check"]["rx_packets"]
    rig.equal(agent.stop(timeout=60), 0, f"agent's exit code: {agent.log()}")
    total = audit(rig, interface="v1", direction="ingress")
    rig.equal(total["seen"], arrived, "packets seen")
    if total["lost"] == 0 and arrived == sent["packets"]:
        for e in sent["elephants"]:
            expect_elephant(rig, e)


def flood_random(rig, a, b, seconds):
    return rig.flood(a, "v0", b, "v1", mode="random-source", seconds=seconds, elephants=4,
                     every=50, packets=2_000_000_000, lossy=True)


def flood_while_nobody_drains(rig):
    """With the lanes full new flows fold, and what has a row keeps it."""
    a, b = network(rig)
    agent = rig.agent(b, ["v1"], interval="3600s")
    shipper = agent_status(rig)["shipper_pid"]
    os.kill(shipper, signal.SIGSTOP)
    sent = flood_random(rig, a, b, 3)
    os.kill(shipper, signal.SIGCONT)
    arrived = sent["check"]["rx_packets"]
    rig.equal(agent.stop(timeout=60), 0, f"agent's exit code: {agent.log()}")
    total = audit(rig, interface="v1", direction="ingress")
    rig.equal(total["seen"], arrived, "packets seen")
    rig.check(total["folded"] > 0, f"a flood of new flows folds: {total}")
    if arrived == sent["packets"]:
        for e in sent["elephants"]:
            expect_elephant(rig, e)


def expect_elephant(rig, e):

    query = quote(f"src ip {e['src']} and src port {e['src_port']} and dst port {e['dst_port']}")
    top = json.loads(rig.http(f"/v1/top?by=src&last=all&filter={query}"))
    rig.equal(top["total"]["packets"], e["packets"], f"packets of elephant {e}")


TESTS = [default_table, enough_memory, harvest_every_50_ms, every_hook, flood_of_random_sources,
         flood_while_nobody_drains]

if __name__ == "__main__":
    run_test(*[t for t in TESTS if t.__name__ in (sys.argv[1:] or [x.__name__ for x in TESTS])])

