#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""The collector is away: batches wait on the agent's disk, whatever happens to the agent meanwhile,
and what cannot wait has a name and a number."""
import glob
import itertools
import os
import signal
import subprocess
import sys
import time

from ledger import agent_status, audit, settled
from rig import run_test

PACKETS = 200_000
AWAY = int(os.environ.get("AWAY", "0"))  # seconds; 600 is a slow afternoon of the network


def network(rig):
    a, b = rig.netns("a"), rig.netns("b")
    rig.veth(a, "v0", b, "v1")
    return a, b


def flood(rig, a, b, **options):
    options = {"packets": PACKETS, "flows": 20_000, **options}
    return rig.flood(a, "v0", b, "v1", **options)["packets"]


def disk(rig, agent_id="test-agent"):
    return agent_status(rig, agent_id)["disk_spool"]


def looked(rig):
    """Without pins nobody can know what came after the last look before a kill."""
    before = agent_status(rig)["looks"]
    rig.wait_until(lambda: agent_status(rig)["looks"] > before + 1, "the shipper to look")


def on_disk(rig, agent_id="test-agent"):
    """The interval is over, and all of it has left memory."""
    before = agent_status(rig, agent_id)["intervals"]
    rig.wait_until(lambda: agent_status(rig, agent_id)["intervals"] > before + 1, "an interval")
    rig.wait_until(lambda: agent_status(rig, agent_id)["spool"]["bytes"] == 0 and
                   disk(rig, agent_id)["batches"] > 0, "all to be on the disk", timeout=60)


def delivered(rig, agent_id="test-agent"):
    rig.wait_until(lambda: disk(rig, agent_id)["batches"] == 0, "the disk spool to be sent",
                   timeout=60)
    settled(rig)


def kill(rig, agent, agent_id="test-agent"):
    shipper = agent_status(rig, agent_id)["shipper_pid"]
    os.kill(shipper, signal.SIGKILL)
    agent.kill()
    rig.wait_until(lambda: not os.path.exists(f"/proc/{shipper}"), "the shipper to be gone")


def waits_on_disk(rig):
    """Everything arrives, in order and once, when the collector is back."""
    a, b = network(rig)
    collector = rig.collector()
    agent = rig.agent(b, ["v1"], interval="100ms")
    sent = flood(rig, a, b)
    collector.kill()
    end = time.monotonic() + AWAY
    for i in itertools.count():
        sent += flood(rig, a, b, packets=PACKETS if i < 3 else 2000)
        if i >= 2 and time.monotonic() > end:
            break
    on_disk(rig)
    rig.collector()
    delivered(rig)
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    total = audit(rig, direction="ingress")
    rig.equal((total["seen"], total["lost"]), (sent, 0), "packets seen, lost")
    rig.equal(glob.glob(f"{rig.tmp}/spool/test-agent/*"), [], "files that are left")


def survives_a_kill(rig):
    """kill -9 without pins, as often as you like, the last batch cut off: the disk still has the
    rest, and what the tables held is lost/agent_crash."""
    a, b = network(rig)
    collector = rig.collector()
    agent = rig.agent(b, ["v1"], interval="100ms")
    sent = flood(rig, a, b)
    collector.kill()
    for _ in range(3):
        sent += flood(rig, a, b)
        rig.wait_until(lambda: disk(rig)["batches"] > 0, "batches on the disk", timeout=60)
        looked(rig)
        kill(rig, agent)
        agent = rig.agent(b, ["v1"], interval="100ms")
    kill(rig, agent)
    newest = sorted(glob.glob(f"{rig.tmp}/spool/test-agent/*.spool"))[-1]
    with open(newest, "ab") as f:
        f.write(b"PRSTWTSR half a record")
    agent = rig.agent(b, ["v1"], interval="100ms")
    rig.check("cut off" in agent.log(), f"it says so: {agent.log()}")
    rig.collector()
    delivered(rig)
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    total = audit(rig, direction="ingress")
    rig.equal(total["seen"], sent, "packets seen, all told")
    rig.check(total["stored"] + total["stored_fold"] >= 2 * PACKETS, f"most were stored: {total}")


def has_a_limit(rig):
    """Over it the oldest batches lose their rows, by name and number."""
    a, b = network(rig)
    collector = rig.collector()
    agent = rig.agent(b, ["v1"], "--spool-disk", "1M", interval="100ms")
    collector.kill()
    sent = 0
    while disk(rig)["given_up"] == 0:
        sent += flood(rig, a, b, flows=60_000)
        rig.check(sent < 50 * PACKETS, "it never fills")
        on_disk(rig)
    rig.check(disk(rig)["bytes"] <= 1 << 20, f"its limit holds: {disk(rig)}")
    rig.collector()
    delivered(rig)
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    total = audit(rig, direction="ingress")
    rig.equal(total["seen"], sent, "packets seen")
    rig.check(total["lost"] > 0, f"some are lost/spool_full: {total}")


def disk_is_full(rig):
    """Then they wait in memory, as long as it lasts; nothing stops."""
    a, b = network(rig)
    spool = f"{rig.tmp}/small"
    os.mkdir(spool)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k,mode=0755", "tmpfs", spool],
                   check=True)
    try:
        collector = rig.collector()
        agent = rig.agent(b, ["v1"], "--spool-dir", spool, interval="100ms")
        collector.kill()
        sent = 0
        while "No space left" not in agent.log():
            sent += flood(rig, a, b, flows=60_000)
            rig.check(sent < 50 * PACKETS, "it never fills")
            rig.wait_until(lambda: agent_status(rig)["ship"]["retries"] > 0, "it to be away")
        rig.collector()
        delivered(rig)
        rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
        total = audit(rig, direction="ingress")
        rig.equal(total["seen"], sent, "packets seen")
    finally:
        subprocess.run(["umount", spool], check=False)


TESTS = (waits_on_disk, survives_a_kill, has_a_limit, disk_is_full)

if __name__ == "__main__":
    run_test(*[t for t in TESTS if t.__name__ in (sys.argv[1:] or [x.__name__ for x in TESTS])])
