#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""Lengths, verdicts, other people's programs, interfaces that come and go, refusals at start."""
import json
import os
import re
import subprocess
import sys

from ledger import agent_status, audit, rows
from rig import run_test


def network(rig, **kwargs):
    a, b = rig.netns("a"), rig.netns("b")
    rig.veth(a, "v0", b, "v1", **kwargs)
    return a, b


def finish(rig, process, **match):
    rig.equal(process.stop(), 0, f"agent's exit code: {process.log()}")
    return audit(rig, **match)


def flows(rig, agent_id="test-agent", **match):
    found = json.loads(rig.http("/v1/flows?last=all&all=1&limit=100000"))["rows"]
    return [f for f in found if all(f.get(k) == v for k, v in match.items())]


def long_packet_socket_frame(rig):
    """A 6,000-byte AF_PACKET frame has 14 linear bytes; its headers are found, its length right."""
    a, b = network(rig, mtu=9000)
    rig.collector()
    agent_a = rig.agent(a, ["v0"], agent_id="sender")
    agent_b = rig.agent(b, ["v1"], agent_id="receiver")
    sent = a.tool("rawsend", "v0", 6000, 7)
    rig.equal(agent_a.stop(), 0, "sender's agent")
    rig.equal(agent_b.stop(), 0, "receiver's agent")
    audit(rig)
    for direction in ("egress", "ingress"):
        total = audit(rig, direction=direction, agent="sender" if direction == "egress" else "receiver")
        rig.equal(total["seen"], 7, f"{direction}: packets")
        rig.equal(total["seen_octets"], 7 * 6000, f"{direction}: octets")
        rig.equal(total["unparsed"], 0, f"{direction}: headers are found")
    ports = {(f["src_port"], f["dst_port"]) for f in flows(rig)}
    rig.equal(ports, {(40000, 443)}, f"ports: {sent}")


def tap_with_vnet_header(rig):
    """gso_size without gso_segs, as virtual machines send: packets by payload."""
    b = rig.netns("b")
    rig.collector()
    b.run("ip", "tuntap", "add", "dev", "t0", "mode", "tap", "vnet_hdr")
    b.run("ip", "link", "set", "t0", "up")
    agent = rig.agent(b, ["t0"])
    sent = b.tool("tapsend", "t0", 20000, 1400, 5)
    total = finish(rig, agent, direction="ingress")
    rig.equal(total["seen"], sent["packets"], "packets")
    rig.equal(total["seen_octets"], sent["bytes"], "octets")


def dropper_behind_us(rig):
    """What a program behind us drops was seen by us, and stays dropped."""
    for number, hook in enumerate(("tcx", "clsact")):
        a, b = rig.netns(f"a{number}"), rig.netns(f"b{number}")
        rig.veth(a, "v0", b, "v1", a_addr="10.0.0.1/24", b_addr="10.0.0.2/24")
        if not rig.collector_ns:
            rig.collector()
        dropper = rig.dropper(b, "v1", "tcx-ingress" if hook == "tcx" else "tc-ingress", 1)
        agent = rig.agent(b, ["v1"], hook=hook, agent_id=f"before-{number}")
        a.run("ping", "-c", "3", "-i", "0.2", "-W", "1", "10.0.0.2", check=False)
        rig.equal(dropper.stop(), 0, "dropper")
        counts = json.loads(dropper.log().strip().splitlines()[-1])
        total = finish(rig, agent, agent=f"before-{number}", direction="ingress")
        rig.check(counts["dropped"] > 0, f"{hook}: the program behind us dropped: {counts}")
        rig.equal(total["seen"], counts["seen"], f"{hook}: we saw all that it saw")


def foreign_programs_survive(rig):
    """A foreign XDP program, tc filter and qdisc live through our start, crash, restart and stop."""
    a, b = network(rig)
    rig.collector()
    xdp = rig.dropper(b, "v1", "xdp", 0)
    tc = rig.dropper(b, "v1", "tc-ingress", 0)

    def foreign():
        link = b.json("ip", "-j", "-d", "link", "show", "dev", "v1")[0]
        return (link["xdp"]["prog"]["id"],
                b.run("tc", "filter", "show", "dev", "v1", "ingress", "prio", "77"),
                b.run("tc", "qdisc", "show", "dev", "v1", "clsact"))

    before = foreign()
    rig.check(before[1] and before[2], f"the foreign filter is there: {before}")
    for hook in ("tcx", "clsact", "auto"):
        for pin in (False, True):
            agent = rig.agent(b, ["v1"], hook=hook, pin=pin)
            rig.equal(foreign(), before, f"{hook}: after start")
            shipper = agent_status(rig)["shipper_pid"]
            agent.kill()
            rig.wait_until(lambda: not os.path.exists(f"/proc/{shipper}"), "the shipper to end")
            rig.equal(foreign(), before, f"{hook}: after kill -9")
            agent = rig.agent(b, ["v1"], hook=hook, pin=pin)
            sent = rig.flood(a, "v0", b, "v1", packets=1000, flows=10)
            rig.equal(sent["packets"], 1000, "packets still pass")
            rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
            rig.equal(foreign(), before, f"{hook}: after stop")
    rig.equal((xdp.stop(), tc.stop()), (0, 0), "foreign programs end by themselves")


def xdp_that_cannot_be_shared(rig):
    """--hook xdp beside a foreign XDP program: a clear word, tcx instead, nothing replaced."""
    a, b = network(rig)
    rig.collector()
    foreign = rig.dropper(b, "v1", "xdp", 0)
    before = b.json("ip", "-j", "-d", "link", "show", "dev", "v1")[0]["xdp"]["prog"]["id"]
    agent = rig.agent(b, ["v1"], hook="xdp")
    status = agent_status(rig)["interfaces"][0]
    after = b.json("ip", "-j", "-d", "link", "show", "dev", "v1")[0]["xdp"]["prog"]["id"]
    rig.equal(after, before, "the foreign program")
    rig.equal(status["hook"], "tcx", f"hook: {status}")
    rig.check("another XDP program" in status["reason"], f"reason: {status['reason']}")
    sent = rig.flood(a, "v0", b, "v1", packets=1000, flows=10)
    total = finish(rig, agent, direction="ingress")
    rig.equal(total["seen"], sent["packets"], "packets")
    foreign.stop()


def interfaces_come_and_go(rig):
    """Followed by netlink; a hundred short-lived ones leave no descriptor and no slot behind."""
    b = rig.netns("b")
    rig.collector()
    agent = rig.agent(b, ["w*"], interval="100ms")

    def open_fds():
        return len(os.listdir(f"/proc/{agent.pid}/fd"))

    def watched():
        return {i["name"] for i in agent_status(rig)["interfaces"]
                if i["ingress"] or i["egress"]}

    before = open_fds()
    for i in range(20):
        names = {f"w{i}a{n}" for n in range(5)}
        for n in names:
            b.run("ip", "link", "add", n, "up", "type", "veth", "peer", "name", f"p{n}")
            b.run("ip", "link", "set", f"p{n}", "up")
        rig.wait_until(lambda: watched() == names, f"round {i}: {names} to be watched")
        for n in names:
            b.run("ip", "link", "del", n)
        rig.wait_until(lambda: not watched(), f"round {i}: none to be watched")
    rig.wait_until(lambda: not agent_status(rig)["interfaces"], "slots to be free")
    # a sweep under way has some open for a moment
    rig.wait_until(lambda: open_fds() <= before, f"no more open descriptors than {before}")
    finish(rig, agent)


def detach_leaves_nothing(rig):
    a, b = network(rig)
    rig.collector()
    for hook in ("tcx", "clsact", "xdp"):
        agent = rig.agent(b, ["v1"], hook=hook, pin=True)
        kill_both(rig, agent)
        rig.check(ours(b), f"{hook}: hooks outlive the agent")
        b.run(rig.program("wiretally-agent"), "--detach", "--pin", rig.pin_dir(), "--run-dir",
              f"{rig.tmp}/run-test-agent")
        rig.equal(ours(b), "", f"{hook}: after detach")
        rig.check(not os.path.exists(rig.pin_dir()), "pins are gone")


def kill_both(rig, agent):
    shipper = agent_status(rig)["shipper_pid"]
    agent.kill()
    rig.wait_until(lambda: not os.path.exists(f"/proc/{shipper}"), "the shipper to end")


def ours(ns):
    """Names of our programs on v1, by any hook."""
    out = ns.run("tc", "filter", "show", "dev", "v1", "ingress") + ns.run(
        "ip", "-d", "link", "show", "dev", "v1") + ns.run("bpftool", "net", "show", "dev", "v1")
    return " ".join(sorted(set(re.findall(r"wt_\w+", out))))


def counted_once(rig):
    """A forwarded packet crosses two watched interfaces: two observations, one counted."""
    a, r, b = rig.netns("a"), rig.netns("r"), rig.netns("b")
    rig.veth(a, "v0", r, "r0", a_addr="10.0.1.1/24", b_addr="10.0.1.254/24")
    rig.veth(b, "v0", r, "r1", a_addr="10.0.2.1/24", b_addr="10.0.2.254/24")
    a.run("ip", "route", "add", "default", "via", "10.0.1.254")
    b.run("ip", "route", "add", "default", "via", "10.0.2.254")
    r.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    rig.collector()
    agent = rig.agent(r, ["r0", "r1"])
    a.run("ping", "-c", "5", "-i", "0.01", "10.0.2.1")
    finish(rig, agent)
    found = flows(rig, proto=1, src="10.0.1.1", dst="10.0.2.1")
    rig.equal(sorted((f["interface"], f["direction"], f["counted"]) for f in found),
              [("r0", "ingress", True), ("r1", "egress", False)], "observations")
    top = json.loads(rig.http("/v1/top?by=src&last=all&filter=proto%20icmp"))
    rig.equal(top["total"]["packets"], 10, "counted packets, both ways")
    everything = json.loads(rig.http("/v1/top?by=src&last=all&filter=proto%20icmp&all=1"))
    rig.equal(everything["total"]["packets"], 20, "observations, both ways")


def refusals(rig):
    """Errors at start name what is wrong and what to do."""
    b = rig.netns("b")
    agent = rig.program("wiretally-agent")

    def run(*argv):
        r = subprocess.run([*b.prefix, *argv], stderr=subprocess.PIPE, text=True, timeout=20)
        return r.returncode, r.stderr

    cases = (
        (["setpriv", "--reuid", "65534", "--clear-groups", agent], 1, "needs CAP_BPF, CAP_NET_ADMIN"),
        ([agent, "-i", "eth77", "--run-dir", rig.tmp], 1, "no interface 'eth77'"),
        ([agent, "--hook", "magic"], 2, "magic"),
        ([agent, "--memory", "1K"], 2, "memory"),
        ([agent, "--deny", "10.0.0.0/99", "--run-dir", rig.tmp], 2, "10.0.0.0/99"),
        ([agent, "--sample", "w0=0", "--run-dir", rig.tmp], 2, "w0=0"),
        ([agent, "--user", "no-such-user", "--run-dir", rig.tmp], 1, "no-such-user"),
        ([agent, "surplus"], 2, "surplus"),
    )
    for argv, code, words in cases:
        got = run(*argv)
        rig.equal(got[0], code, f"exit code of {argv}: {got[1]}")
        rig.check(words in got[1], f"{argv}: '{words}' in: {got[1]}")


def filters_and_sampling(rig):
    """Per interface; what is left out is in the ledger, to the packet."""
    a, b = rig.netns("a"), rig.netns("b")
    for n in (0, 1, 2):
        rig.veth(a, f"v{n}", b, f"w{n}")
    rig.collector()
    agent = rig.agent(b, ["w*"], "--sample", "w1=10", "--deny", "w2=0.0.0.0/0")
    sent = [rig.flood(a, f"v{n}", b, f"w{n}", packets=100_000, flows=100)["packets"]
            for n in (0, 1, 2)]
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    got = [audit(rig, interface=f"w{n}", direction="ingress") for n in (0, 1, 2)]
    rig.equal([g["seen"] for g in got], sent, "seen")
    rig.equal(got[0]["stored"], sent[0], "neither filtered nor sampled")
    rig.check(8000 < got[1]["stored"] < 12000, f"about 1 of 10: {got[1]}")
    rig.equal(got[1]["sampled_out"], sent[1] - got[1]["stored"], "sampled out")
    rig.equal(got[2]["filtered"], sent[2], "filtered")
    sampled = flows(rig, interface="w1")
    rig.equal({f["sampling"] for f in sampled}, {10}, "N is in every record")


def shipper_has_no_privilege(rig):
    a, b = network(rig)
    rig.collector()
    agent = rig.agent(b, ["v1"])
    status = agent_status(rig)
    text = open(f"/proc/{status['shipper_pid']}/status").read()
    rig.equal(re.search(r"CapEff:\s*(\w+)", text).group(1), "0" * 16, "effective capabilities")
    rig.equal(re.search(r"CapPrm:\s*(\w+)", text).group(1), "0" * 16, "permitted capabilities")
    rig.equal(re.search(r"NoNewPrivs:\s*(\d)", text).group(1), "1", "no_new_privs")
    rig.check(re.search(r"Uid:\s*(\d+)", text).group(1) != "0", "not root")
    finish(rig, agent)
    rig.check(rows(rig)[1], "it shipped all the same")


TESTS = [long_packet_socket_frame, tap_with_vnet_header, dropper_behind_us,
         foreign_programs_survive, xdp_that_cannot_be_shared, interfaces_come_and_go,
         detach_leaves_nothing, counted_once, refusals, filters_and_sampling, shipper_has_no_privilege]

if __name__ == "__main__":
    run_test(*[t for t in TESTS if t.__name__ in (sys.argv[1:] or [x.__name__ for x in TESTS])])
