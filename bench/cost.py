#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""What the agent costs a host: iperf3 and 64-byte packets a second through a veth with the agent
off and on (tc, XDP), in turn, in percent; CPU seconds of agent and collector for a million
records from harvest to stored. One line of JSON each.

COST_SECONDS (4) an iperf3 run, COST_ROUNDS (3), COST_PACKETS (4,000,000) a flood.
"""
import json
import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/net"))
from rig import run_test  # noqa: E402

SECONDS = os.environ.get("COST_SECONDS", "4")
ROUNDS = int(os.environ.get("COST_ROUNDS", "3"))
PACKETS = int(os.environ.get("COST_PACKETS", "4000000"))
HOOKS = (None, "tc", "xdp")
STORED = "wiretally_collector_rows_total"


def network(rig):
    a, b = rig.netns("a"), rig.netns("b")
    rig.veth(a, "v0", b, "v1", "10.0.0.1/24", "10.0.0.2/24")
    rig.collector()
    return a, b


def iperf_gbps(rig, a, b):
    server = b.start("iperf3", "iperf3", "-s", "-1", "-B", "10.0.0.2")
    rig.wait_until(lambda: ":5201 " in b.run("ss", "-ltn"), "iperf3 listens")
    r = a.json("iperf3", "-c", "10.0.0.2", "-t", SECONDS, "-J")
    server.wait()
    return r["end"]["sum_received"]["bits_per_second"] / 1e9


def flood_mpps(rig, a, b):
    sent = rig.flood(a, "v0", b, "v1", packets=PACKETS, flows=16384, size=60, lossy=True)
    return sent["check"]["rx_packets"] / sent["seconds"] / 1e6


def compare(rig, what, unit, measure):
    """Every round has all three in turn: a slow minute slows all of them."""
    a, b = network(rig)
    got = {hook: [] for hook in HOOKS}
    for _ in range(ROUNDS):
        for hook in HOOKS:
            agent = rig.agent(b, ["v1"], hook=hook) if hook else None
            got[hook].append(measure(rig, a, b))
            if agent:
                rig.equal(agent.stop(), 0, "agent's exit code")
    off = statistics.median(got[None])
    for hook in HOOKS[1:]:
        on = statistics.median(got[hook])
        print(json.dumps({"bench": what, "hook": hook, "unit": unit, "off": round(off, 3),
                          "on": round(on, 3), "cost_percent": round(100 * (1 - on / off), 2)}))


def iperf(rig):
    rig.need("iperf3")
    compare(rig, "iperf3", "Gbit/s", iperf_gbps)


def pps(rig):
    compare(rig, "64-byte packets", "Mpps", flood_mpps)


def seen(rig):
    lines = rig.http("/metrics").splitlines()
    return sum(float(x.split()[-1]) for x in lines if x.startswith("wiretally_seen_packets_total{"))


def records(rig):
    """A flood whose flows are nearly all new: paced, so that none folds."""
    a, b = network(rig)
    collector = rig.processes[-1]
    agent = rig.agent(b, ["v1"], interval="1s")
    before = agent.cpu_seconds(), collector.cpu_seconds()
    sent = rig.flood(a, "v0", b, "v1", packets=2000000, flows=1000000, pps=400000, lossy=True)
    arrived = sent["check"]["rx_packets"]
    rig.wait_until(lambda: seen(rig) >= arrived, "all packets stored", pause=0.5)
    rig.wait_stored()
    used = agent.cpu_seconds() - before[0], collector.cpu_seconds() - before[1]
    rows = rig.metric(STORED)
    rig.equal(agent.stop(), 0, "agent's exit code")
    print(json.dumps({"bench": "records", "rows": int(rows), "packets": sent["packets"],
                      "agent_cpu_s_per_million": round(used[0] / rows * 1e6, 3),
                      "collector_cpu_s_per_million": round(used[1] / rows * 1e6, 3)}))


if __name__ == "__main__":
    run_test(iperf, pps, records)
