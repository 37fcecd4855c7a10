#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""Whose UDP packets are: servers on every address, queries of processes that are gone at once, and
what has no owner here."""
import json
import os
import sys

from ledger import audit
from rig import run_test

# The file's name is what the process is called.
PROGRAM = """#!{python}
import socket, sys
what, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
family = socket.AF_INET6 if ":" in host else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
if what == "serve":
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind((host, port))
    print("bound", flush=True)
    while True:
        data, peer = s.recvfrom(100)
        s.sendto(data, peer)
s.connect((host, port))  # as resolvers do
s.send(b"query")
s.settimeout(5)
if what == "ask":
    assert s.recv(100) == b"query"
"""


def program(rig, name):
    path = f"{rig.tmp}/{name}"
    if not os.path.exists(path):
        with open(path, "w") as f:
            f.write(PROGRAM.format(python=sys.executable))
        os.chmod(path, 0o755)
    return path


def serve(rig, ns, name, host, port):
    p = ns.start(name, program(rig, name), "serve", host, str(port))
    rig.wait_until(lambda: "bound" in p.log(), f"{name} to be bound")
    return p


def ask(rig, ns, name, host, port, what="ask"):
    ns.run(program(rig, name), what, host, str(port))


def network(rig):
    """far (10.0.0.1) – us (10.0.0.2, 10.1.0.2) – behind (10.1.0.3), which we forward to."""
    far, us, behind = rig.netns("f", ipv6=True), rig.netns("u", ipv6=True), rig.netns("b")
    rig.veth(far, "v0", us, "v1", a_addr=("10.0.0.1/24", "fd00::1/64"),
             b_addr=("10.0.0.2/24", "fd00::2/64"))
    rig.veth(us, "v2", behind, "v3", a_addr="10.1.0.2/24", b_addr="10.1.0.3/24")
    us.run("sysctl", "-w", "net.ipv4.ip_forward=1")
    far.run("ip", "route", "add", "10.1.0.0/24", "via", "10.0.0.2")
    behind.run("ip", "route", "add", "10.0.0.0/24", "via", "10.1.0.2")
    rig.collector()
    return far, us, behind


def flows(rig, text):
    _, out, _ = rig.cli_run("flows", "--json", "--last", "1h", "--all", f"proto udp and {text}")
    return json.loads(out)["rows"]


def owners(rows):
    """(process, join) of each row, once."""
    return {(r["process"], r["join"]) for r in rows}


def owners_of_flows(rig):
    far, us, behind = network(rig)
    agent = rig.agent(us, ["v1", "v2"], interval="100ms")
    serve(rig, us, "wt-resolver", "0.0.0.0", 5300)
    serve(rig, us, "wt-six", "::", 5306)
    serve(rig, us, "wt-twin", "0.0.0.0", 5310)
    serve(rig, us, "wt-twin", "0.0.0.0", 5310)
    serve(rig, far, "wt-far", "0.0.0.0", 5320)
    serve(rig, behind, "wt-behind", "0.0.0.0", 5300)
    ask(rig, far, "wt-asks", "10.0.0.2", 5300)
    ask(rig, far, "wt-asks", "fd00::2", 5306)
    ask(rig, far, "wt-asks", "10.0.0.2", 5306)
    ask(rig, far, "wt-asks", "10.0.0.2", 5310)
    ask(rig, us, "wt-query", "10.0.0.1", 5320)  # with its answer
    ask(rig, us, "wt-sends", "10.0.0.1", 5320, "send")  # and gone
    ask(rig, far, "wt-asks", "10.1.0.3", 5300)
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    total = audit(rig, point="socket events")
    rig.equal((total["lost"], total["missed_nested"]), (0, 0), f"socket events lost: {total}")

    rig.equal(owners(flows(rig, "host 10.0.0.2 and port 5300")), {("wt-resolver", "one")},
              "a server on all addresses, both ways")
    rig.equal(owners(flows(rig, "port 5306")), {("wt-six", "one")}, "one on :: takes both families")
    rig.equal(owners(flows(rig, "port 5310")), {("wt-twin", "ambiguous")}, "two on one port")
    rows = flows(rig, "port 5320")
    rig.equal(owners(rows), {("wt-query", "one"), ("wt-sends", "one")}, "queries from here")
    for row in rows:
        rig.check(row["pid"] > 0, f"the rest of the owner: {row}")
    rig.equal(owners(flows(rig, "host 10.1.0.3")), {(None, "none")}, "what is only forwarded")

    _, out, _ = rig.cli_run("top", "--by", "process", "--json", "--last", "1h", "proto udp")
    found = {r["process"] for r in json.loads(out)["rows"]}
    rig.check({"wt-resolver", "wt-six", "wt-twin", "wt-query", "wt-sends"} <= found,
              f"processes of top: {found}")
    _, out, _ = rig.cli_run("flows", "--wide", "--last", "1h", "port 5320")
    rig.check("wt-query" in out, f"flows --wide: {out}")
    _, out, _ = rig.cli_run("connects", "--json", "--last", "1h")
    rig.equal([r for r in json.loads(out)["rows"] if r["remote_port"] in (5300, 5306, 5310, 5320)],
              [], "sockets among TCP connections")


if __name__ == "__main__":
    run_test(owners_of_flows)
