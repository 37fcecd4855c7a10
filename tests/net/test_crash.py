#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""Killed anywhere, the ledger still balances to the packet; other people's hooks are not touched."""
import os
import signal
import sys
import threading

from ledger import agent_status, audit
from rig import run_test

PACKETS = 300_000


def network(rig):
    a, b = rig.netns("a"), rig.netns("b")
    rig.veth(a, "v0", b, "v1")
    return a, b


def flood(rig, a, b, **options):
    options = {"packets": PACKETS, "flows": 1000, **options}
    return rig.flood(a, "v0", b, "v1", **options)["packets"]


def kill_agent(rig, agent):
    """kill -9 of attacher and shipper both, shipper first or last by turns."""
    shipper = agent_status(rig)["shipper_pid"]
    os.kill(shipper, signal.SIGKILL)
    agent.kill()
    rig.wait_until(lambda: not os.path.exists(f"/proc/{shipper}"), "the shipper to be gone")


def shipper_killed(rig):
    a, b = network(rig)
    rig.collector()
    agent = rig.agent(b, ["v1"], interval="200ms")
    sent = 0
    for _ in range(3):
        sent += flood(rig, a, b)
        old = agent_status(rig)["shipper_pid"]
        os.kill(old, signal.SIGKILL)
        rig.wait_until(lambda: has_new_shipper(rig, old), "a new shipper")
    sent += flood(rig, a, b)
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    total = audit(rig, direction="ingress")
    rig.equal(total["stored"], sent, "packets stored")


def has_new_shipper(rig, old):
    try:
        return agent_status(rig)["shipper_pid"] != old
    except (OSError, ValueError):
        return False


def agent_killed_with_pins(rig):
    """Hooks go on counting while no agent lives, and the next one adopts it all."""
    for number, hook in enumerate(("tcx", "clsact", "xdp")):
        a, b = rig.netns(f"a{number}"), rig.netns(f"b{number}")
        rig.veth(a, "v0", b, "v1")
        if not rig.collector_ns:
            rig.collector()
        agent_id, sent = f"pinned-{number}", 0
        for _ in range(3):
            agent = rig.agent(b, ["v1"], hook=hook, interval="100ms", pin=True, agent_id=agent_id)
            sent += flood(rig, a, b)
            agent.kill()
            rig.wait_until(lambda: not shipper_alive(rig, agent_id), "the shipper to end")
            sent += flood(rig, a, b)
        agent = rig.agent(b, ["v1"], hook=hook, interval="100ms", pin=True, agent_id=agent_id)
        sent += flood(rig, a, b)
        rig.check("adopted" in agent.log(), f"{hook}: adopted: {agent.log()}")
        rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
        total = audit(rig, agent=agent_id, direction="ingress")
        rig.equal(total["seen"], sent, f"{hook}: packets seen")
        rig.equal(total["lost"], 0, f"{hook}: packets lost")
        rig.check(not os.path.exists(rig.pin_dir()) or not os.listdir(rig.pin_dir()),
                  f"{hook}: no pin is left")


def shipper_alive(rig, agent_id):
    try:
        agent_status(rig, agent_id)
        return True
    except (OSError, ValueError):
        return False


def killed_while_collector_is_away(rig):
    """What waits in the spool survives too, and is stored once."""
    a, b = network(rig)
    collector = rig.collector()
    agent = rig.agent(b, ["v1"], interval="100ms", pin=True)
    sent = flood(rig, a, b)
    collector.stop()
    sent += flood(rig, a, b, flows=5000)
    rig.wait_until(lambda: agent_status(rig)["spool"]["bytes"] > 0, "batches to wait")
    kill_agent(rig, agent)
    sent += flood(rig, a, b)
    rig.collector()
    agent = rig.agent(b, ["v1"], interval="100ms", pin=True)
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    total = audit(rig, direction="ingress")
    rig.equal(total["seen"], sent, "packets seen")
    rig.equal(total["lost"], 0, "packets lost")


def killed_under_load(rig):
    """kill -9 in the middle of harvests and posts, five times in one flood."""
    a, b = network(rig)
    rig.collector()
    agent = rig.agent(b, ["v1"], interval="50ms", pin=True)
    result = {}
    flood_thread = threading.Thread(target=lambda: result.update(
        rig.flood(a, "v0", b, "v1", packets=3_000_000, flows=20000, pps=500000, seconds=60)))
    flood_thread.start()
    for _ in range(5):
        before = agent_status(rig)["intervals"]
        rig.wait_until(lambda: agent_status(rig)["intervals"] > before, "a harvest")
        kill_agent(rig, agent)
        agent = rig.agent(b, ["v1"], interval="50ms", pin=True)
    flood_thread.join()
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    total = audit(rig, direction="ingress")
    rig.equal(total["seen"], result["packets"], "packets seen")
    rig.equal(total["lost"], 0, "packets lost")


def killed_without_pins(rig):
    """The tables are gone; the loss has a name and a number."""
    a, b = network(rig)
    rig.collector()
    agent = rig.agent(b, ["v1"], interval="3600s")
    sent = flood(rig, a, b)
    looks = agent_status(rig)["looks"]
    rig.wait_until(lambda: agent_status(rig)["looks"] > looks + 1, "the shipper to look")
    kill_agent(rig, agent)
    agent = rig.agent(b, ["v1"], interval="100ms")
    sent += flood(rig, a, b)
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    total = audit(rig, direction="ingress")
    rig.equal(total["seen"], sent, "packets seen")
    rig.equal(total["lost"], PACKETS, "packets lost/agent_crash")


def collector_killed(rig):
    """kill -9 of the collector at random points: nothing lost, nothing twice."""
    a, b = network(rig)
    collector = rig.collector()
    agent = rig.agent(b, ["v1"], interval="50ms")
    sent = 0
    for _ in range(4):
        sent += flood(rig, a, b, flows=3000)
        collector.kill()
        sent += flood(rig, a, b, flows=3000)
        collector = rig.collector()
    rig.equal(agent.stop(timeout=60), 0, f"agent's exit code: {agent.log()}")
    total = audit(rig, direction="ingress")
    rig.equal(total["seen"], sent, "packets seen")
    rig.equal(total["stored"] + total["stored_fold"], sent, "packets stored")


def killed_twice_without_pins(rig):
    """A loss that was not told yet is told by the third."""
    a, b = network(rig)
    collector = rig.collector()
    agent = rig.agent(b, ["v1"], interval="3600s")
    sent = flood(rig, a, b)
    looks = agent_status(rig)["looks"]
    rig.wait_until(lambda: agent_status(rig)["looks"] > looks + 1, "the shipper to look")
    collector.stop()
    for _ in range(2):
        kill_agent(rig, agent)
        agent = rig.agent(b, ["v1"], interval="100ms")
    rig.collector()
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    total = audit(rig, direction="ingress")
    rig.equal(total["seen"], sent, "packets seen")
    rig.equal(total["lost"], sent, "packets lost/agent_crash")


def stopped_while_collector_is_away(rig):
    """With pins or a disk spool a stop that could not deliver leaves it to the next start; without
    either, it is named."""
    a, b = network(rig)
    collector = rig.collector()
    for pin, disk in ((True, "0"), (False, "64M"), (False, "0")):
        kept, agent_id = pin or disk != "0", f"pin-{pin}-{disk}"
        options = ("--spool-disk", disk)
        agent = rig.agent(b, ["v1"], *options, interval="100ms", pin=pin, agent_id=agent_id)
        sent = flood(rig, a, b)
        rig.wait_until(lambda: audit(rig, agent=agent_id, direction="ingress")["seen"] == sent,
                       "the first flood to be stored")
        collector.stop()
        waiting = flood(rig, a, b)
        rig.equal(agent.stop(timeout=60), 0 if kept else 3, f"exit code: {agent.log()}")
        unseen = flood(rig, a, b)  # no hook is left to see it
        rig.check(unseen > 0, "sent with no agent")
        collector = rig.collector()
        agent = rig.agent(b, ["v1"], *options, interval="100ms", pin=pin, agent_id=agent_id)
        rig.wait_until(lambda: not (agent_status(rig, agent_id)["disk_spool"] or {}).get("batches"),
                       "the disk spool to be empty")
        rig.equal(agent.stop(timeout=60), 0, f"agent's exit code: {agent.log()}")
        total = audit(rig, agent=agent_id, direction="ingress")
        rig.equal(total["seen"], sent + waiting, f"pins {pin}, disk {disk}: packets seen")
        rig.equal(total["lost"], 0 if kept else waiting, f"pins {pin}, disk {disk}: packets lost")


def killed_before_another_version(rig):
    """An upgrade cannot read the old tables: their hooks go, what they held has a number."""
    a, b = network(rig)
    rig.collector()
    agent = rig.agent(b, ["v1"], interval="3600s", pin=True)
    sent = flood(rig, a, b)
    kill_agent(rig, agent)
    sent += flood(rig, a, b)  # the pinned hooks go on counting
    (own,) = os.listdir(rig.pin_dir())
    os.rename(f"{rig.pin_dir()}/{own}", f"{rig.pin_dir()}/v0")
    record = f"{rig.tmp}/run-test-agent/agent.crash"
    with open(record, "rb") as f:
        said = f.read()
    with open(record, "wb") as f:
        f.write(said.replace(f"/{own}/maps/".encode(), b"/v0/maps/"))
    agent = rig.agent(b, ["v1"], interval="100ms", pin=True)
    rig.equal(os.listdir(rig.pin_dir()), [own], "directories of pins")
    lost, more = sent, flood(rig, a, b)
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    total = audit(rig, direction="ingress")
    rig.equal(total["seen"], lost + more, "packets seen")
    rig.equal(total["lost"], lost, "packets lost/agent_crash")


TESTS = [shipper_killed, agent_killed_with_pins, killed_while_collector_is_away,
         killed_under_load, killed_without_pins, killed_twice_without_pins,
         stopped_while_collector_is_away, killed_before_another_version, collector_killed]

if __name__ == "__main__":
    run_test(*[t for t in TESTS if t.__name__ in (sys.argv[1:] or [x.__name__ for x in TESTS])])
