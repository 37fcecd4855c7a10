#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""TCP truth and drops, from the kernel to the collector's answers, against what the programs that
made the traffic say and against the kernel's own counters."""
import errno
import json
import os
import subprocess
import sys
from urllib.parse import quote

from ledger import agent_status, audit
from rig import run_test

CONNECTIONS = int(os.environ.get("SCALE", 1)) * 10_000

SERVER = """
import socket, sys, threading
def serve(port):
    s = socket.create_server(("10.0.0.2", port), backlog=4096)
    print("listening", flush=True)
    while True:
        c, _ = s.accept()
        if c.recv(10) == b"reset-me--":
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\\1\\0\\0\\0\\0\\0\\0\\0")
        else:
            c.recv(1)  # until the client has closed: it closes first
        c.close()
for port in map(int, sys.argv[1:]):
    threading.Thread(target=serve, args=(port,)).start()
"""

CLIENT = """
import json, os, socket, sys
log = []
for i in range(int(sys.argv[1])):
    s = socket.create_connection(("10.0.0.2", 7000 + i % 4))
    s.sendall(b"0123456789")
    log.append((s.getsockname()[1], 7000 + i % 4))
    s.close()
print(json.dumps({"pid": os.getpid(), "log": log}))
"""


def network(rig):
    a, b = rig.netns("a"), rig.netns("b")
    rig.veth(a, "v0", b, "v1", a_addr="10.0.0.1/24", b_addr="10.0.0.2/24")
    rig.collector()
    return a, b


def netns_of(ns):
    return int(ns.run("stat", "-Lc", "%i", "/proc/self/ns/net"))


def serve(rig, b, *ports):
    server = b.start("server", sys.executable, "-c", SERVER, *map(str, ports))
    rig.wait_until(lambda: server.log().count("listening") == len(ports), "the server to listen")
    return server


def finish(rig, agent):
    """The agent's end: all it has seen is stored, and the ledger says so."""
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    total = audit(rig, point="socket events")
    rig.equal(total["lost"] + total["missed_nested"], 0, f"TCP events lost: {total}")


def connections(rig, **query):
    """Every connection that matches, page by page."""
    rest = "".join(f"&{key}={quote(str(value))}" for key, value in query.items())
    rows, page = [], None
    while page is None or len(page) == 20000:
        page = json.loads(rig.http(
            f"/v1/connections?last=all&limit=20000&offset={len(rows)}{rest}"))["rows"]
        rows += page
    return rows


def every_connection_once(rig):
    a, b = network(rig)
    agent = rig.agent(b, ["v1"], interval="500ms")
    server = serve(rig, b, 7000, 7001, 7002, 7003)
    said = json.loads(a.run(sys.executable, "-c", CLIENT, str(CONNECTIONS)))
    server.stop()
    finish(rig, agent)
    for ns, role in ((a, "client"), (b, "server")):
        inode = netns_of(ns)
        rows = [c for c in connections(rig) if c["netns"] == inode and c["role"] == role]
        far = "remote_port" if role == "client" else "local_port"
        near = "local_port" if role == "client" else "remote_port"
        rig.equal(sorted((c[near], c[far]) for c in rows), sorted(map(tuple, said["log"])),
                  f"{role} connections, none missing and none twice")
        rig.equal([c for c in rows if not c["end_us"] or c["connect_ns"] <= 0], [],
                  f"{role} connections without an end or a latency")
        pid = said["pid"] if role == "client" else server.pid
        rig.equal({c["pid"] for c in rows}, {pid}, f"owner of {role} connections")
        key, end = (("octets_acked", "local_fin") if role == "client"
                    else ("octets_received", "remote_fin"))
        rig.equal({c["end"] for c in rows}, {end}, f"how {role} connections ended")
        rig.check(all(10 <= c[key] <= 12 for c in rows), f"{role}: {key} are 10 and the FIN's")


def attempt(ns, host, port, data="0123456789"):
    """A short-lived process that connects: (its pid, errno)."""
    code = ("import os, socket, sys\n"
            "s = socket.socket()\n"
            "s.settimeout(20)\n"
            f"e = s.connect_ex(('{host}', {port}))\n"
            f"e or (s.sendall(b'{data}'), s.recv(1) if '{data}' == 'x' else None)\n"
            "print(os.getpid(), e)\n")
    pid, error = ns.run(sys.executable, "-c", code).split()
    return int(pid), int(error)


def failures_by_reason(rig):
    a, b = network(rig)
    a.run("sysctl", "-qw", "net.ipv4.tcp_syn_retries=1", "net.ipv4.tcp_syn_linear_timeouts=0",
          "net.ipv4.neigh.v0.retrans_time_ms=100")  # ARP gives up before TCP does
    agent = rig.agent(b, ["v1"], interval="500ms")
    refused = attempt(a, "10.0.0.2", 9)
    no_route = attempt(a, "192.0.2.1", 9)
    unreachable = attempt(a, "10.0.0.77", 9)  # nobody answers its ARP
    dropper = rig.dropper(b, "v1", "tc-ingress", 1)
    timed_out = attempt(a, "10.0.0.2", 10)
    dropper.stop()
    finish(rig, agent)
    rows = {c["pid"]: c for c in connections(rig, failed=1)}
    want = ((refused, errno.ECONNREFUSED), (no_route, errno.ENETUNREACH),
            (unreachable, errno.EHOSTUNREACH), (timed_out, errno.ETIMEDOUT))
    for (pid, error), number in want:
        rig.equal(error, number, "what connect() said")
        row = rows.get(pid)
        rig.check(row, f"no failed connection of pid {pid} ({errno.errorcode[number]}): {rows}")
        rig.equal((row["end"], row["error"]), ("failed", errno.errorcode[number]), f"{row}")
    rig.equal(rows[timed_out[0]]["retransmits_syn"], 1, "SYNs resent before the timeout")


def retransmits_equal_the_kernels(rig):
    a, b = network(rig)
    agent = rig.agent(b, ["v1"], interval="500ms")
    server = b.start("iperf3-server", "iperf3", "-s", "-1", "--forceflush")
    rig.wait_until(lambda: "listening" in server.log().lower(), "iperf3 to listen")
    dropper = rig.dropper(b, "v1", "tc-ingress", 50)
    a.run("iperf3", "-c", "10.0.0.2", "-n", "20M")
    dropper.stop()
    server.wait()
    # what was lost last is sent again after both programs have gone
    rig.wait_until(lambda: not a.run("ss", "-Htan", "exclude", "time-wait").strip(),
                   "the last connections to close")
    finish(rig, agent)
    inode = netns_of(a)
    mine = [c for c in connections(rig) if c["netns"] == inode]
    kernel = dict(line.split()[:2] for line in
                  a.run("nstat", "-asz", "TcpRetransSegs", "TcpExtTCPRetransFail").splitlines()[1:])
    rig.check(int(kernel["TcpRetransSegs"]) > 10, f"the dropper made retransmits: {kernel}")
    rig.equal(sum(c["retransmits"] + c["retransmits_synack"] for c in mine) +
              int(kernel["TcpExtTCPRetransFail"]), int(kernel["TcpRetransSegs"]), "RetransSegs")


def short_lived_owners(rig):
    a, b = network(rig)
    agent = rig.agent(b, ["v1"], interval="500ms")
    server = serve(rig, b, 7000)
    script = ("for i in $(seq 100); do bash -c "
              "'exec 3<>/dev/tcp/10.0.0.2/7000; echo 0123456789 >&3; echo $$'; done")
    pids = sorted(int(p) for p in a.run("bash", "-c", script).split())
    server.stop()
    finish(rig, agent)
    inode = netns_of(a)
    rows = [c for c in connections(rig) if c["netns"] == inode]
    rig.equal(sorted(c["pid"] for c in rows), pids, "owners of the clients")
    rig.equal({c["comm"] for c in rows}, {"bash"}, "their names")


CONNECTS = """
import socket
for i in range(50):
    s = socket.create_connection(("10.0.0.2", 7066))
    s.sendall(b"0123456789")
    s.close()
"""

# From m1 to m0 20 ms late, the other way at once.
RELAY = """
import collections, select, socket, time
ports = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) for i in (0, 1)]
for i, s in enumerate(ports):
    s.bind((f"m{i}", 0))
print("relaying", flush=True)
late = collections.deque()
while True:
    wait = max(late[0][0] - time.monotonic(), 0) if late else None
    for s in select.select(ports, [], [], wait)[0]:
        frame, where = s.recvfrom(65536)
        if where[2] == socket.PACKET_OUTGOING:
            continue
        if s is ports[1]:
            late.append((time.monotonic() + 0.02, frame))
        else:
            ports[1].send(frame)
    while late and late[0][0] <= time.monotonic():
        ports[0].send(late.popleft()[1])
"""


def has_netem(rig):
    ns = rig.netns("n")
    ns.run("tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms", check=False)
    return "netem" in ns.run("tc", "qdisc", "show", "dev", "lo")


def late_network(rig):
    """What b says comes to a 20 ms late: by netem, or a relay between them where there is none."""
    if has_netem(rig):
        a, b = network(rig)
        b.run("tc", "qdisc", "add", "dev", "v1", "root", "netem", "delay", "20ms")
    else:
        a, b, m = rig.netns("a"), rig.netns("b"), rig.netns("m")
        rig.veth(a, "v0", m, "m0", a_addr="10.0.0.1/24", gro=False)
        rig.veth(b, "v1", m, "m1", a_addr="10.0.0.2/24", gro=False)
        for ns, dev in ((a, "v0"), (b, "v1")):  # the relay finishes no checksums
            ns.run("ethtool", "-K", dev, "tx", "off")
        relay = m.start("relay", sys.executable, "-c", RELAY)
        rig.wait_until(lambda: "relaying" in relay.log(), "the relay")
        rig.collector()
    a.run("ping", "-c1", "10.0.0.2")  # ARP is late, too: not a connection's fault
    return a, b


def latency_by_destination(rig):
    """20 ms on the way: the histograms say so, of connects and of round trips."""
    a, b = late_network(rig)
    agent = rig.agent(b, ["v1"], interval="500ms")
    server = serve(rig, b, 7066)
    a.run(sys.executable, "-c", CONNECTS)
    server.stop()
    finish(rig, agent)

    def latencies(args):
        return json.loads(rig.http(f"/v1/latencies?last=all&filter={quote('port 7066')}&{args}"))["rows"]
    rows = {(r["remote"], r["role"], r["kind"]): r for r in latencies("by=remote,port,role")}
    connect = rows["10.0.0.2", "client", "connect"]
    rig.equal((connect["port"], connect["count"]), (7066, 50), "connects of the client")
    rig.check(20e6 <= connect["p50_ns"] <= 34e6, f"a connect takes 20 ms: {connect}")
    mine = [c["connect_ns"] for c in connections(rig, filter="dst port 7066 and role client")]
    rig.check(abs(connect["mean_ns"] - sum(mine) / 50) <= 1, f"the mean is exact: {connect}, {mine}")
    rig.check(max(mine) <= connect["max_ns"] < 2 * max(mine), f"the last bucket: {connect}, {max(mine)}")
    for key in (("10.0.0.2", "client", "rtt"), ("10.0.0.1", "server", "rtt")):
        rig.check(20e6 <= rows[key]["p50_ns"] <= 34e6, f"round trips of {key}: {rows[key]}")
    rig.equal(len(rows), 3, f"and nothing else: {rows}")
    steps = latencies("kind=connect&step=1")
    rig.equal(sum(r["count"] for r in steps), 50, f"connects, second by second: {steps}")
    rig.check(all(r["at_us"] % 1000000 == 0 for r in steps), f"whole seconds: {steps}")


def drops_by_reason(rig):
    a, b = network(rig)
    agent = rig.agent(b, ["v1"], interval="500ms")
    code = ("import socket\n"
            "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
            "s.bind(('10.0.0.1', 4444))\n"
            "[s.sendto(b'x' * 100, ('10.0.0.2', 5555)) for i in range(500)]\n")
    a.run(sys.executable, "-c", code)
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    total = audit(rig, point="drops")
    rig.check(total["seen"] >= 500, f"drops seen: {total}")
    answer = json.loads(rig.http("/v1/drops?by=reason&last=all&filter=" +
                                 quote("src port 4444 and dst port 5555")))
    rig.equal([(d["reason"], d["packets"]) for d in answer["rows"]], [("NO_SOCKET", 500)],
              "what became of datagrams that nobody listens for")


def shipper_killed(rig):
    """What the kernel half has counted survives the process that reads it."""
    a, b = network(rig)
    agent = rig.agent(b, ["v1"], interval="200ms")
    server = serve(rig, b, 7000, 7001, 7002, 7003)
    log = []
    for _ in range(3):
        log += json.loads(a.run(sys.executable, "-c", CLIENT, "1000"))["log"]
        old = agent_status(rig)["shipper_pid"]
        subprocess.run(["kill", "-9", str(old)], check=True)
        rig.wait_until(lambda: has_new_shipper(rig, old), "a new shipper")
    server.stop()
    finish(rig, agent)
    inode = netns_of(a)
    rows = [c for c in connections(rig) if c["netns"] == inode]
    rig.equal(sorted((c["local_port"], c["remote_port"]) for c in rows), sorted(map(tuple, log)),
              "connections, none missing and none twice")


def has_new_shipper(rig, old):
    try:
        return agent_status(rig)["shipper_pid"] != old
    except (OSError, ValueError):
        return False


TESTS = [every_connection_once, failures_by_reason, retransmits_equal_the_kernels,
         short_lived_owners, latency_by_destination, drops_by_reason, shipper_killed]

if __name__ == "__main__":
    run_test(*[t for t in TESTS if t.__name__ in (sys.argv[1:] or [x.__name__ for x in TESTS])])
