#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""What each program that watches TCP and drops costs, by family of hooks: ns a run, and runs for
each connection, retransmitted segment, dropped packet and interval, by the kernel's run-time
statistics (which cost some 25 ns a run themselves and are put back afterwards). One line of JSON
for each program and load; a family that this kernel has not says why.

SIGNALS_CONNECTIONS (20,000), SIGNALS_DROPS (100,000), SIGNALS_MB (40) sent at a loss of 5 %.
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/net"))
from connections import CLIENT, SERVER, STATS, set_stats  # noqa: E402
from ledger import agent_status  # noqa: E402
from rig import run_test  # noqa: E402

CONNECTIONS = int(os.environ.get("SIGNALS_CONNECTIONS", "20000"))
DROPS = int(os.environ.get("SIGNALS_DROPS", "100000"))
MEGABYTES = int(os.environ.get("SIGNALS_MB", "40"))
LOSS = 20  # one of so many packets
HELD = 1000  # connections that are open while intervals pass
INTERVALS = 3
FAMILIES = ("tracepoint", "fentry", "kprobe")

SENDER = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(int(sys.argv[1])):
    s.sendto(b"x" * 100, ("10.0.0.2", 9))
"""

HOLDER = """
import socket, sys
kept = []
for i in range(int(sys.argv[1])):
    kept.append(socket.create_connection(("10.0.0.2", 7001)))
print("holding", flush=True)
sys.stdin.read()
"""

ACCEPTER = """
import socket
s = socket.create_server(("10.0.0.2", 7001), backlog=4096)
print("listening", flush=True)
kept = []
while True:
    kept.append(s.accept())
"""


def programs(rig):
    """{id: (type, name, ns, runs)} of ours that are loaded; flows' own are in veth.py."""
    return {p["id"]: (p["type"], p["name"], p.get("run_time_ns", 0), p.get("run_cnt", 0))
            for p in json.loads(rig.sh("bpftool", "-j", "prog", "show"))
            if p.get("name", "").startswith("wt_") and p["type"] not in ("sched_cls", "xdp")}


def tcp(rig, ns, name):
    line = next(x for x in ns.run("nstat", "-asz", name).splitlines() if x.startswith(name))
    return int(line.split()[1])


def connections(rig, a, b):
    server = b.start("server", sys.executable, "-c", SERVER)
    rig.wait_until(lambda: "listening" in server.log(), "the server to listen")
    a.run(sys.executable, "-c", CLIENT, str(CONNECTIONS))
    server.stop()
    return CONNECTIONS


def lose(rig, b):
    """5 % of what arrives at b: what to call to end it. Netem loses at random, dropper each 20th."""
    netem = ("tc", "qdisc", "add", "dev", "v1", "root", "netem", "loss", f"{100 // LOSS}%")
    b.run(*netem, check=False)
    if "netem" in b.run("tc", "qdisc", "show", "dev", "v1"):
        return lambda: b.run("tc", "qdisc", "del", "dev", "v1", "root")
    return rig.dropper(b, "v1", "tc-ingress", LOSS).stop


def retransmits(rig, a, b):
    """Frame by frame, so that each is a run. b sends with netem, at whose end it is; a without."""
    for ns, dev in ((a, "v0"), (b, "v1")):
        ns.run("ip", "link", "set", dev, "gso_max_segs", "1")
    server = b.start("iperf3-server", "iperf3", "-s", "-1", "--forceflush")
    rig.wait_until(lambda: "listening" in server.log().lower(), "iperf3 to listen")
    before = sum(tcp(rig, ns, "TcpRetransSegs") for ns in (a, b))
    end = lose(rig, b)
    reverse = ["-R"] if "netem" in b.run("tc", "qdisc", "show", "dev", "v1") else []
    a.run("iperf3", "-c", "10.0.0.2", "-n", f"{MEGABYTES}M", *reverse)
    end()
    server.wait()
    return sum(tcp(rig, ns, "TcpRetransSegs") for ns in (a, b)) - before


def drops(rig, a, b):
    a.run(sys.executable, "-c", SENDER, str(DROPS))
    return DROPS


def hold(rig, a, b):
    """Both ends of each connection are sockets of this machine: the sweep meets 2,000."""
    server = b.start("accepter", sys.executable, "-c", ACCEPTER)
    rig.wait_until(lambda: "listening" in server.log(), "the accepter to listen")
    stdin, end = os.pipe()
    holder = a.start("holder", sys.executable, "-c", HOLDER, str(HELD), stdin=stdin)
    os.close(stdin)
    rig.wait_until(lambda: "holding" in holder.log(), "connections to be open")
    return server, holder, end


# Load: (what runs are counted for, how it is made); a load's name is a row's "per", too.
LOADS = {"connection": connections, "retransmit": retransmits, "drop": drops}


def report(family, per, units, before, after):
    for number, (kind, name, ns, runs) in sorted(after.items()):
        _, _, old_ns, old_runs = before.get(number, (kind, name, 0, 0))
        is_sweep = name.startswith("wt_sweep_")
        if runs - old_runs < max(units / 20, 1) or is_sweep != (per == "interval"):
            continue  # somebody else's packet, or not this load's
        print(json.dumps({"bench": "signals", "hooks": family, "per": per, "units": units,
                          "program": name, "type": kind,
                          "ns": round((ns - old_ns) / (runs - old_runs), 1),
                          "runs": round((runs - old_runs) / units, 2),
                          "ns_per": round((ns - old_ns) / units)}), flush=True)


def intervals(rig, family, a, b):
    server, holder, end = hold(rig, a, b)
    first = agent_status(rig)["intervals"]
    rig.wait_until(lambda: agent_status(rig)["intervals"] > first, "an interval's end")
    before, start = programs(rig), agent_status(rig)["intervals"]
    rig.wait_until(lambda: agent_status(rig)["intervals"] >= start + INTERVALS, "intervals")
    report(family, "interval", agent_status(rig)["intervals"] - start, before, programs(rig))
    os.close(end)
    holder.wait()
    server.stop()


def measure(rig, family, a, b):
    agent = rig.agent(b, ["v1"], "--hooks", family, interval="1s")
    missing = {s["signal"]: s["why"] for s in agent_status(rig)["signals"] if not s["hook"]}
    for signal, why in missing.items():
        print(json.dumps({"bench": "signals", "hooks": family, "missing": signal, "why": why}),
              flush=True)
    if "tcp" not in missing:  # first: what the others leave waits in TIME_WAIT
        intervals(rig, family, a, b)
    for per, load in LOADS.items():
        if ("drops" if per == "drop" else "tcp") in missing:
            continue
        before = programs(rig)
        units = load(rig, a, b)
        report(family, per, units, before, programs(rig))
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")


def network(rig):
    a, b = rig.netns("a"), rig.netns("b")
    rig.veth(a, "v0", b, "v1", "10.0.0.1/24", "10.0.0.2/24")
    a.run("sysctl", "-qw", "net.ipv4.tcp_tw_reuse=1")
    return a, b


def signals(rig):
    rig.need("bpftool", "iperf3", "nstat")
    rig.collector()
    with open(STATS) as f:
        was = f.read().strip()
    try:
        set_stats(True)
        for family in FAMILIES:
            a, b = network(rig)
            measure(rig, family, a, b)
            for ns in (a, b):
                rig.sh("ip", "netns", "del", ns.name)
                rig.namespaces.remove(ns)
    finally:
        set_stats(int(was))


if __name__ == "__main__":
    run_test(signals)
