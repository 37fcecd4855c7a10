# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""Flows on this kernel: which hook auto takes, that every packet is counted and in the ledger, and
XDP beside somebody else's program."""
import json
import os
import subprocess

from ledger import agent_status, audit
from rig import BUILD

TRAFFIC = f"{BUILD}/vmtests/traffic"
FOREIGN = f"{BUILD}/vmtests/foreign"


def network(rig, ipv6=False, offload=True):
    a, b = rig.netns("a", ipv6=ipv6), rig.netns("b", ipv6=ipv6)
    addresses = [("10.0.0.1/24", "fd00::1/64"), ("10.0.0.2/24", "fd00::2/64")]
    if not ipv6:
        addresses = [pair[:1] for pair in addresses]
    rig.veth(a, "v0", b, "v1", a_addr=addresses[0], b_addr=addresses[1], gro=offload)
    if not offload:
        for ns, dev in ((a, "v0"), (b, "v1")):
            ns.run("ethtool", "-K", dev, "tso", "off", "gso", "off", "gro", "off")
    return a, b


def serve(rig, ns, *args):
    server = ns.start("server", TRAFFIC, *args)
    rig.wait_until(lambda: "listening" in server.log() or not server.alive(), "a server")
    rig.check(server.alive(), f"the server ended: {server.log()}")
    return server


def send(ns, count, size, parallel, host="10.0.0.2", port=7000):
    """A dict for each connection: what its socket said when both had closed."""
    return json.loads(ns.run(TRAFFIC, "send", host, str(port), str(count), str(size),
                             str(parallel), timeout=120))


def some_of_everything(rig, a, b):
    server = serve(rig, b, "serve", "10.0.0.2", "7000")
    send(a, 20, 100_000, 4)
    a.run("ping", "-q", "-c", "5", "-i", "0.05", "10.0.0.2")
    a.run("ping", "-q", "-c", "5", "-i", "0.05", "fd00::2")
    a.run(TRAFFIC, "udp", "10.0.0.2", "5555", "500", "200", "4000")
    server.kill()


def same_as_the_interface(rig, agent, before, after, agent_id):
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    for direction, side in (("ingress", "rx"), ("egress", "tx")):
        total = audit(rig, agent=agent_id, interface="v1", direction=direction)
        rig.equal(total["seen"], after[side]["packets"] - before[side]["packets"],
                  f"{direction} packets")
        rig.equal(total["seen_octets"], after[side]["bytes"] - before[side]["bytes"],
                  f"{direction} octets")
        rig.equal(total["stored"], total["seen"], f"{direction}: all stored, none folded")


def hook_is(rig, agent_id, want):
    status = agent_status(rig, agent_id)["interfaces"][0]
    rig.equal(status["hook"], want, f"hook, because '{status['reason']}'")


def flows(rig, report):
    from guest import kernel
    a, b = network(rig, ipv6=True, offload=False)
    rig.collector()
    tcx = kernel() >= (6, 6)
    agent = rig.agent(b, ["v1"], interval="500ms", agent_id="flows")
    before = b.counters("v1")
    report.check("flows", "auto-is-tcx" if tcx else "auto-is-clsact",
                 hook_is, rig, "flows", "tcx" if tcx else "clsact")
    some_of_everything(rig, a, b)
    # Nothing more may move between the two looks.
    a.run("ip", "link", "set", "v0", "down")
    report.check("flows", "interface-counters", same_as_the_interface, rig, agent, before,
                 b.counters("v1"), "flows")
    a.run("ip", "link", "set", "v0", "up")
    if tcx:
        clsact(rig, report, a, b)


def clsact(rig, report, a, b):
    """The older hook goes on working where auto takes the newer one."""
    agent = rig.agent(b, ["v1"], hook="clsact", interval="500ms", agent_id="clsact")
    report.check("flows", "clsact", hook_is, rig, "clsact", "clsact")
    before = b.counters("v1")
    rig.wait_until(lambda: "LOWER_UP" in a.run("ip", "link", "show", "dev", "v0"), "v0 up")
    a.run("ping", "-q", "-c", "5", "-i", "0.05", "10.0.0.2")
    a.run("ip", "link", "set", "v0", "down")
    report.check("flows", "clsact-counters", same_as_the_interface, rig, agent, before,
                 b.counters("v1"), "clsact")


class Foreign:
    """A running vmtests/foreign."""

    def __init__(self, rig, ns, dev):
        self.process = ns.start("foreign", FOREIGN, dev, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE)
        self.rig = rig
        line = self.process.proc.stdout.readline()
        rig.check(line == b"ready\n", f"foreign program: {self.process.log()}")

    def seen(self):
        self.process.proc.stdin.write(b"?\n")
        self.process.proc.stdin.flush()
        return int(self.process.proc.stdout.readline())

    def leave(self):
        self.process.proc.stdin.close()
        self.rig.equal(self.process.wait(), 0, f"foreign program's end: {self.process.log()}")


def xdp_programs(ns):
    """Names of XDP programs on v1, as bpftool sees them, dispatcher's parts too."""
    shown = ns.run("bpftool", "-j", "prog", "show")
    return [p.get("name", "") for p in json.loads(shown) if p["type"] in ("xdp", "ext")]


def ping(a, count=10):
    a.run("ping", "-q", "-c", str(count), "-i", "0.02", "10.0.0.2")


def both_count(rig, a, b, first, second_starts):
    """Both see what arrives while both are there; who was first goes on when the other leaves."""
    foreign_before = first.seen()
    agent = second_starts()
    status = agent_status(rig, "xdp")["interfaces"][0]
    rig.check(status["hook"].startswith("xdp"), f"hook: {status}")
    rx = b.counters("v1")["rx"]["packets"]
    ping(a)
    arrived = b.counters("v1")["rx"]["packets"] - rx
    rig.check(arrived >= 10, f"frames arrived: {arrived}")
    rig.equal(first.seen() - foreign_before, arrived, "what the foreign program saw beside us")
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    rig.equal(audit(rig, agent="xdp", interface="v1", direction="ingress")["seen"], arrived,
              "what we saw beside it")
    rig.check("wt_xdp" not in xdp_programs(b), "our program has left")
    foreign_before = first.seen()
    ping(a)
    rig.check(first.seen() - foreign_before >= 10, "the foreign program goes on without us")


def foreign_leaves(rig, a, b):
    """The other way round: it joins us and leaves, and we miss nothing."""
    agent = rig.agent(b, ["v1"], hook="xdp", interval="500ms", agent_id="xdp-first")
    rx = b.counters("v1")["rx"]["packets"]
    foreign = Foreign(rig, b, "v1")
    ping(a)
    rig.check(foreign.seen() >= 10, "the foreign program counts behind us")
    foreign.leave()
    ping(a)
    a.run("ip", "link", "set", "v0", "down")
    arrived = b.counters("v1")["rx"]["packets"] - rx
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    total = audit(rig, agent="xdp-first", interface="v1", direction="ingress")
    rig.equal(total["seen"], arrived, "what we saw with, before and after it")


def no_xdp_here(rig, a, b):
    """Where our XDP program cannot be had: tc instead, with a reason, and nothing of theirs hurt."""
    foreign = Foreign(rig, b, "v1")
    agent = rig.agent(b, ["v1"], hook="xdp", interval="500ms", agent_id="xdp")
    status = agent_status(rig, "xdp")["interfaces"][0]
    rig.check(status["hook"] in ("tcx", "clsact") and status["reason"], f"hook: {status}")
    before = foreign.seen()
    ping(a)
    rig.check(foreign.seen() - before >= 10, "the foreign program counts beside us")
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    foreign.leave()
    from guest import NotHere
    raise NotHere(f"{status['hook']} instead: {status['reason']}")


def dispatcher(rig, report):
    from guest import kernel
    a, b = network(rig)
    rig.collector()
    os.environ["LIBXDP_BPFFS"] = f"{rig.tmp}/bpf"
    if kernel() < (5, 18):
        report.check("xdp", "dispatcher", no_xdp_here, rig, a, b)
        return
    foreign = Foreign(rig, b, "v1")
    start = lambda: rig.agent(b, ["v1"], hook="xdp", interval="500ms", agent_id="xdp")
    if report.check("xdp", "dispatcher-they-first", both_count, rig, a, b, foreign, start):
        report.check("xdp", "dispatcher-they-end", foreign.leave)
        report.check("xdp", "dispatcher-we-first", foreign_leaves, rig, a, b)
