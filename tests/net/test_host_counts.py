#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""What hosts count themselves, from the kernel to the collector's answers, against ss, nstat, tc and
ip; and what promtool thinks of /metrics."""
import json
import os
import subprocess
import sys

from ledger import agent_status, audit
from rig import run_test

# ss has its own words, and - for _
STATES = {"ESTAB": "ESTABLISHED", "UNCONN": "CLOSE", "FIN-WAIT-1": "FIN_WAIT1",
          "FIN-WAIT-2": "FIN_WAIT2"}

# Counters of /proc/net/snmp and netstat by nstat's names.
MIBS = {
    "TcpActiveOpens": "tcp/active_opens",
    "TcpPassiveOpens": "tcp/passive_opens",
    "TcpOutSegs": "tcp/segments_sent",
    "TcpInSegs": "tcp/segments_received",
    "TcpRetransSegs": "tcp/retransmitted_segments",
    "TcpOutRsts": "tcp/resets_sent",
    "TcpExtListenOverflows": "tcp/listen_overflows",
    "TcpExtListenDrops": "tcp/listen_drops",
    "TcpExtSyncookiesSent": "tcp/syncookies_sent",
    "UdpNoPorts": "udp/no_ports",
}

# Speaks a line at a time: "listen N" connections from the given address, "close-client K" …
SERVER = """
import socket, sys
host, port, backlog = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((host, port))
s.listen(backlog)
print("listening", flush=True)
kept = []
for line in sys.stdin:
    word, n = line.split()
    for _ in range(int(n)):
        if word == "accept":
            kept.append(s.accept()[0])
        else:
            kept.pop(0).close()
    print("done", flush=True)
"""

CLIENT = """
import socket, sys
host, port = sys.argv[1], int(sys.argv[2])
kept = []
for line in sys.stdin:
    word, n = line.split()
    for _ in range(int(n)):
        if word == "connect":
            kept.append(socket.create_connection((host, port)))
        elif word == "try":
            s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
            s.setblocking(False)
            s.connect_ex((host, port))
            kept.append(s)
        else:
            kept.pop(0).close()
    print("done", flush=True)
"""


class Actor:
    """A script in a namespace that does what it is told, a line at a time."""

    def __init__(self, rig, ns, name, script, *argv):
        self.rig, self.done = rig, 0
        self.process = ns.start(name, sys.executable, "-uc", script, *map(str, argv),
                                stdin=subprocess.PIPE)

    def tell(self, word, n):
        self.process.proc.stdin.write(f"{word} {n}\n".encode())
        self.process.proc.stdin.flush()
        self.done += 1
        self.rig.wait_until(lambda: self.process.log().count("done") == self.done,
                            f"{word} {n}")

    def stop(self):
        self.process.proc.stdin.close()
        self.process.wait()


def serve(rig, ns, host, port, backlog=64):
    server = Actor(rig, ns, "server", SERVER, host, port, backlog)
    rig.wait_until(lambda: "listening" in server.process.log(), "the server to listen")
    return server


def network(rig, ipv6=False):
    a, b = rig.netns("a", ipv6=ipv6), rig.netns("b", ipv6=ipv6)
    a_addr, b_addr = ["10.0.0.1/24"], ["10.0.0.2/24"]
    if ipv6:
        a_addr.append("fd00::1/64")
        b_addr.append("fd00::2/64")
    rig.veth(a, "v0", b, "v1", a_addr=a_addr, b_addr=b_addr)
    rig.collector()
    return a, b


def netns_of(ns):
    return int(ns.run("stat", "-Lc", "%i", "/proc/self/ns/net"))


def counts(rig, ns=None, name="", netns=None):
    """{name: value} of one network namespace."""
    netns = netns_of(ns) if ns else netns
    path = f"/v1/hostcounts?last=all&fresh=1&n=100000&netns={netns}&name={name}"
    return {row["name"]: row["value"] for row in json.loads(rig.http(path))["rows"]}


def sockets_by_ss(ns):
    found = {}
    for flag, family in (("-4", "ipv4"), ("-6", "ipv6")):
        for line in ns.run("ss", "-tanH", flag).splitlines():
            word = line.split()[0]
            state = STATES.get(word, word.replace("-", "_"))
            key = f"sockets/{family}/{state}"
            found[key] = found.get(key, 0) + 1
    return found


def same_sockets(rig, *namespaces):
    """ss before and after what the agent says: a socket that moves meanwhile proves nothing."""
    for ns in namespaces:
        want = sockets_by_ss(ns)
        got = {k: v for k, v in counts(rig, ns, "sockets/").items() if v}
        if got != want or sockets_by_ss(ns) != want:
            return False
    return True


def expect_sockets(rig, namespaces, what):
    try:
        rig.wait_until(lambda: same_sockets(rig, *namespaces), what)
    except Exception:
        for ns in namespaces:
            print(ns.name, "ss:", sockets_by_ss(ns), "agent:", counts(rig, ns, "sockets/"))
        raise


def sockets_by_state(rig):
    rig.need("ss")
    a, b = network(rig, ipv6=True)
    rig.agent(b, ["v1"], interval="200ms")
    four, six = serve(rig, b, "10.0.0.2", 7000), serve(rig, b, "fd00::2", 7001)
    client4 = Actor(rig, a, "client4", CLIENT, "10.0.0.2", 7000)
    client6 = Actor(rig, a, "client6", CLIENT, "fd00::2", 7001)
    client4.tell("connect", 12)
    four.tell("accept", 12)
    client6.tell("connect", 5)
    six.tell("accept", 5)
    expect_sockets(rig, (a, b), "established")
    rig.check(counts(rig, netns=0)["host_counts/namespaces"] >= 3, "ours and the collector's")
    client4.tell("close", 4)  # FIN_WAIT2 here, CLOSE_WAIT there
    expect_sockets(rig, (a, b), "half closed")
    four.tell("close", 3)  # TIME_WAIT here, nothing there
    six.tell("close", 2)
    expect_sockets(rig, (a, b), "closed")
    dropper = rig.dropper(a, "v0", "tc-ingress", 1)  # nothing comes back any more
    client4.tell("try", 3)  # SYN_SENT here, SYN_RECV there
    client6.tell("try", 2)
    client4.tell("close", 2)  # FIN_WAIT1
    four.tell("close", 1)  # the last of the half closed ones: LAST_ACK
    expect_sockets(rig, (a, b), "with nothing coming back")
    seen = set(sockets_by_ss(a)) | set(sockets_by_ss(b))
    for state in ("SYN_SENT", "SYN_RECV", "ESTABLISHED", "TIME_WAIT", "FIN_WAIT1", "LAST_ACK",
                  "CLOSE_WAIT", "LISTEN"):
        rig.check(f"sockets/ipv4/{state}" in seen, f"the test made no {state}: {seen}")
    rig.check("sockets/ipv6/SYN_RECV" in seen, f"the test made no SYN_RECV of IPv6: {seen}")
    metric = (f'wiretally_tcp_connections{{agent="test-agent",host="{os.uname().nodename}",'
              f'netns="{netns_of(b)}",family="ipv4",state="LISTEN"}}')
    rig.equal(rig.metric(metric), 1, metric)
    dropper.stop()


def nstat(ns):
    lines = ns.run("nstat", "-asz", *MIBS).splitlines()[1:]
    return {MIBS[line.split()[0]]: int(line.split()[1]) for line in lines}


def same_mibs(rig, ns, before):
    """What came since `before` is what the agent told, every counter of it."""
    now, told = nstat(ns), counts(rig, ns)
    for name, value in now.items():
        rig.equal(told.get(name, 0), value - before[name], f"{ns.name}: {name}")
    return told


def listen_overflows(rig):
    rig.need("nstat", "ss")
    a, b = network(rig)
    four = serve(rig, b, "10.0.0.2", 7000, 3)
    client = Actor(rig, a, "client", CLIENT, "10.0.0.2", 7000)
    client.tell("connect", 1)  # before the agent looks: not its to tell
    before = nstat(a), nstat(b)
    rig.check(before[1]["tcp/passive_opens"] == 1, "a connection came before the agent")
    agent = rig.agent(b, ["v1"], interval="200ms")
    client.tell("try", 12)  # four have room
    rig.wait_until(lambda: nstat(b)["tcp/listen_overflows"] >= 8, "overflows")
    queue = rig.wait_until(lambda: full_queue(rig, b), "a full queue")
    rig.equal((queue["tcp/listen_queue_max"], queue["tcp/listen_queue_limit"],
               queue["tcp/listen_queue_sum"]), (4, 3, 4), "the queue, its limit, all queues")
    client.stop()
    four.stop()
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    told = same_mibs(rig, b, before[1])
    same_mibs(rig, a, before[0])
    rig.check(told["tcp/listen_overflows"] >= 8, f"{told}")
    name = "wiretally_tcp_listen_overflows_total"
    rig.equal(rig.metric(f'{name}{{agent="test-agent",host="{os.uname().nodename}",'
                         f'netns="{netns_of(b)}"}}'), told["tcp/listen_overflows"], name)


def full_queue(rig, ns):
    told = counts(rig, ns, "tcp/")
    return told if told.get("tcp/listen_queues_full") else None


def syn_cookies_and_killed_shippers(rig):
    """Whoever dies between two stores: each thing counted is told once."""
    rig.need("nstat")
    a, b = network(rig)
    b.run("sysctl", "-qw", "net.ipv4.tcp_syncookies=2")  # for every SYN
    before = nstat(a), nstat(b)
    agent = rig.agent(b, ["v1"], interval="100ms")
    four = serve(rig, b, "10.0.0.2", 7000, 512)
    client = Actor(rig, a, "client", CLIENT, "10.0.0.2", 7000)
    for _ in range(4):
        client.tell("connect", 50)
        four.tell("accept", 50)
        old = agent_status(rig)["shipper_pid"]
        os.kill(old, 9)
        client.tell("connect", 25)
        four.tell("accept", 25)
        rig.wait_until(lambda: new_shipper(rig, old), "a new shipper")
    client.stop()
    four.stop()
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    told = same_mibs(rig, b, before[1])
    same_mibs(rig, a, before[0])
    rig.equal(told["tcp/syncookies_sent"], 300, "SYN cookies sent")
    rig.equal(told["tcp/passive_opens"], 300, "connections taken")


def new_shipper(rig, old):
    try:
        return agent_status(rig)["shipper_pid"] != old
    except (OSError, ValueError):
        return False


def namespace_made_later(rig):
    """One that the first sweep did not find: it counts from its beginning."""
    rig.need("nstat")
    a, b = network(rig)
    agent = rig.agent(b, ["v1"], interval="200ms")
    c = rig.netns("later")
    four = serve(rig, c, "127.0.0.1", 7000)
    client = Actor(rig, c, "client", CLIENT, "127.0.0.1", 7000)
    client.tell("connect", 10)
    rig.wait_until(lambda: counts(rig, c).get("tcp/passive_opens") == 10, "its connections")
    client.stop()
    four.stop()
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    same_mibs(rig, c, {name: 0 for name in MIBS.values()})


FRAMES = """
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("v0", 0))
for i in range(%d):
    s.send(b"\\xff" * 6 + b"\\x02\\0\\0\\0\\0\\x01" + b"\\x88\\xb5" + bytes(60))
"""

DATAGRAMS = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(%d):
    s.sendto(bytes(1000), ("10.0.0.1", 9))
"""


def qdisc_drops(ns, dev):
    return ns.json("tc", "-s", "-j", "qdisc", "show", "dev", dev, "root")[0]["drops"]


def interfaces_and_qdiscs(rig):
    rig.need("tc")
    a, b = network(rig)
    a.run(sys.executable, "-c", FRAMES % 3)  # before the agent looks
    before = b.counters("v1")["rx"]["dropped"]
    rig.check(before >= 3, f"frames of no protocol are dropped: {before}")
    agent = rig.agent(b, ["v1"], interval="200ms")
    a.run(sys.executable, "-c", FRAMES % 70)
    b.run("tc", "qdisc", "replace", "dev", "v1", "root", "tbf", "rate", "1mbit", "burst", "2kb",
          "limit", "5kb")
    b.run(sys.executable, "-c", DATAGRAMS % 200)
    rig.wait_until(lambda: not b.json("tc", "-s", "-j", "qdisc", "show", "dev", "v1", "root")[0]
                   ["qlen"], "the queue to empty")
    first = qdisc_drops(b, "v1")
    rig.check(first > 100, f"TBF dropped: {first}")
    wait_for(rig, b, "qdisc/v1/drops", first)
    b.run("tc", "qdisc", "replace", "dev", "v1", "root", "handle", "7:", "pfifo", "limit", "1")
    b.run("tc", "qdisc", "replace", "dev", "v1", "root", "handle", "8:", "tbf", "rate", "1mbit",
          "burst", "2kb", "limit", "5kb")  # another one: it counts from 0
    b.run(sys.executable, "-c", DATAGRAMS % 300)
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    told = counts(rig, b)
    rig.equal(told["qdisc/v1/drops"], first + qdisc_drops(b, "v1"), "drops of both qdiscs")
    rig.equal(told["nic/v1/rx_dropped"], b.counters("v1")["rx"]["dropped"] - before,
              "frames dropped behind the interface")
    rig.check(told["nic/v1/rx_dropped"] >= 70, f"{told}")


def renamed_interface(rig):
    """What it counted under its old name is not counted again."""
    a, b = network(rig)
    agent = rig.agent(b, ["v1"], interval="100ms")
    serve(rig, b, "10.0.0.2", 7000)  # there is always a count to tell
    a.run(sys.executable, "-c", FRAMES % 50)
    wait_for(rig, b, "nic/v1/rx_dropped", 50)
    b.run("ip", "link", "set", "v1", "name", "v9")
    b.run("ip", "link", "set", "v9", "up")
    wait_for(rig, b, "nic/v1/rx_dropped", 50)
    first = intervals(rig)
    rig.wait_until(lambda: intervals(rig) > first + 2, "a look at the new name")
    a.run(sys.executable, "-c", FRAMES % 7)
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    told = counts(rig, b)
    rig.equal((told["nic/v1/rx_dropped"], told["nic/v9/rx_dropped"]), (50, 7), "both names")


def intervals(rig):
    """How many intervals the collector has host counts of."""
    path = "/v1/hostcounts?last=all&fresh=1&n=100000&series=1&name=sockets/"
    return len({row["to_us"] for row in json.loads(rig.http(path))["rows"]})


def wait_for(rig, ns, name, value):
    rig.wait_until(lambda: counts(rig, ns).get(name) == value, f"{name} = {value}")


def promtool(rig):
    rig.need("promtool")
    a, b = network(rig)
    agent = rig.agent(b, ["v1"], interval="200ms")
    four = serve(rig, b, "10.0.0.2", 7000)
    client = Actor(rig, a, "client", CLIENT, "10.0.0.2", 7000)
    client.tell("connect", 5)
    four.tell("accept", 5)
    a.run(sys.executable, "-c", DATAGRAMS.replace("10.0.0.1", "10.0.0.2") % 20)  # nobody listens
    client.stop()
    four.stop()
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    rig.wait_stored()
    text = rig.http("/metrics")
    r = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    rig.equal((r.returncode, r.stdout), (0, ""), f"what promtool says of\n{text}")
    series = [line for line in text.splitlines() if not line.startswith("#")]
    rig.equal(len(series), len({line.rpartition(" ")[0] for line in series}), "no series twice")
    rig.check("10.0.0." not in text, "no address is a label")
    host = os.uname().nodename
    dropped = (f'wiretally_dropped_packets_total{{agent="test-agent",host="{host}",'
               f'reason="NO_SOCKET",class="lost"}}')
    rig.check(rig.metric(dropped) >= 20, dropped)
    seen = rig.metric(f'wiretally_signal_seen_events_total{{agent="test-agent",host="{host}",'
                      f'signal="tcp"}}')
    rig.check(seen > 0, "TCP events")
    outcomes = sum(float(line.rpartition(" ")[2]) for line in series
                   if line.startswith("wiretally_signal_events_total{") and 'signal="tcp"' in line)
    rig.equal(outcomes, seen, "outcomes of TCP events sum up")


def latency_histograms(rig):
    """As many samples as connections; the ledger of point 18 balances from kernel to store."""
    a, b = network(rig)
    agent = rig.agent(b, ["v1"], interval="200ms")
    four = serve(rig, b, "10.0.0.2", 7000, 512)
    client = Actor(rig, a, "client", CLIENT, "10.0.0.2", 7000)
    for _ in range(4):
        client.tell("connect", 100)
        four.tell("accept", 100)
    client.stop()
    four.stop()
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    total = audit(rig, point="latencies")
    rig.equal(total["lost"] + total["missed_nested"], 0, f"samples lost: {total}")
    labels = f'agent="test-agent",host="{os.uname().nodename}"'
    for kind, samples in (("connect", 400), ("rtt", 800)):
        name = f"wiretally_tcp_{kind}_seconds"
        count = rig.metric(f"{name}_count{{{labels}}}")
        # others on this machine connect too; the sweep samples what is alive
        rig.check(count >= samples, f"{name}: {count} samples")
        rig.equal(rig.metric(f'{name}_bucket{{{labels},le="+Inf"}}'), count, f"{name}: +Inf")
        rig.check(0 < rig.metric(f"{name}_sum{{{labels}}}") < count * 1.0, f"{name}: seconds")
        values = [float(line.rpartition(" ")[2]) for line in rig.http("/metrics").splitlines()
                  if line.startswith(f"{name}_bucket{{{labels}")]
        rig.equal(values, sorted(values), f"{name}: cumulative")
    rig.equal(total["seen"], sum(rig.metric(f"wiretally_tcp_{k}_seconds_count{{{labels}}}")
                                 for k in ("connect", "rtt")), "samples from kernel to /metrics")


def slow_connect(rig):
    """A SYN that had to be sent again: its wait of a second is in no bucket below it."""
    a, b = network(rig)
    agent = rig.agent(b, ["v1"], interval="200ms")
    four = serve(rig, b, "10.0.0.2", 7000)
    dropper = rig.dropper(b, "v1", "tc-ingress", 1)
    client = Actor(rig, a, "client", CLIENT, "10.0.0.2", 7000)
    client.tell("try", 1)
    rig.wait_until(lambda: "syn-sent" in a.run("ss", "-tanH").lower(), "a SYN to be lost")
    dropper.stop()
    four.tell("accept", 1)
    client.stop()
    four.stop()
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    rig.wait_stored()
    labels = f'agent="test-agent",host="{os.uname().nodename}"'
    name = "wiretally_tcp_connect_seconds"
    below = rig.metric(f'{name}_bucket{{{labels},le="0.536870912"}}')
    above = rig.metric(f'{name}_bucket{{{labels},le="4.294967296"}}')
    rig.check(above > below, f"{name}: {below} below half a second, {above} below four")
    rig.check(rig.metric(f"{name}_sum{{{labels}}}") > 1, f"{name}: the second it waited")


TESTS = [sockets_by_state, listen_overflows, syn_cookies_and_killed_shippers, namespace_made_later,
         interfaces_and_qdiscs, renamed_interface, latency_histograms, slow_connect, promtool]

if __name__ == "__main__":
    run_test(*[t for t in TESTS if t.__name__ in (sys.argv[1:] or [x.__name__ for x in TESTS])])
