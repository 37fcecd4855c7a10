#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""wiretally tcp, connects, latency and drops, and owners of flows: what the commands print against what the
programs that made the traffic say."""
import json
import os
import re
import signal
import sys

from rig import run_test
from test_tcp import finish, network, serve

# argv: its name, connections, address, port. Prints what it did.
CLIENT = r"""
import json, os, socket, sys
open("/proc/self/comm", "wb").write(sys.argv[1].encode().decode("unicode_escape").encode("latin-1"))
log, errors = [], []
for i in range(int(sys.argv[2])):
    s = socket.socket()
    s.settimeout(20)
    errors.append(s.connect_ex((sys.argv[3], int(sys.argv[4]))))
    if not errors[-1]:
        s.sendall(b"0123456789")
        log.append(s.getsockname()[1])
    s.close()
print(json.dumps({"pid": os.getpid(), "ports": log, "errors": errors}), flush=True)
"""
# The agent sees the whole host, and others may work on it: what is asked for is ours by its name.
OURS = ("role", "client", "and", "process", "'wt-*'")
HOSTILE = r"wt-\x1b[2J\"\n\x9b,\xff"  # clears a screen, ends a string, a line and UTF-8


def client(ns, name, count=1, port=7000):
    return json.loads(ns.run(sys.executable, "-c", CLIENT, name, str(count), "10.0.0.2", str(port)))


def slow_client(rig, a, b):
    """Its first SYN is lost: connect() takes the second that TCP waits."""
    dropper = rig.dropper(b, "v1", "tc-ingress", 1)
    p = a.start("slow", sys.executable, "-c", CLIENT, "wt-slow", "1", "10.0.0.2", "7000")
    rig.wait_until(lambda: "10.0.0.2:7000" in a.run("ss", "-tnH", "state", "syn-sent"), "a SYN")
    dropper.stop()
    rig.equal(p.wait(), 0, f"the slow client: {p.log()}")
    return json.loads(p.log())


def traffic(rig):
    """Four clients, each a process of another name: {name: what it said}."""
    a, b = network(rig)
    agent = rig.agent(b, ["v1"], interval="500ms")
    server = serve(rig, b, 7000)
    said = {"wt-fast": client(a, "wt-fast", 20), "wt-slow": slow_client(rig, a, b),
            "wt-refused": client(a, "wt-refused", 2, port=9),
            "hostile": client(a, HOSTILE)}
    with open(f"/proc/{server.pid}/comm") as comm:
        said["server"] = {"pid": server.pid, "name": comm.read().strip(), "ports": []}
    server.stop()
    finish(rig, agent)
    return said


def table(text):
    """Lines of a table as lists of cells: two blanks and more stand between them."""
    return [re.split(r"\s{2,}", line) for line in text.splitlines()]


def no_control_characters(rig, *args):
    text = rig.cli(*args)
    bad = [c for c in text if c != "\n" and (ord(c) < 0x20 or 0x7f <= ord(c) < 0xa0)]
    rig.equal(bad, [], f"control characters in {args}: {text!r}")
    return text


def health(rig, said):
    got = rig.cli_json("tcp", "--by", "process", "--last", "all", *OURS)
    rows = {r["process"]: r for r in got["rows"]}
    rig.equal({n: (rows[n]["connections"], rows[n]["failed"]) for n in rows if n in said},
              {"wt-fast": (20, 0), "wt-slow": (1, 0), "wt-refused": (2, 2)},
              "connections and failures by process")
    rig.equal(len(rows), 4, f"processes: {rows}")
    rig.check(rows["wt-slow"]["connect_p50_ns"] >= 900_000_000, f"latency: {rows['wt-slow']}")
    rig.check(0 < rows["wt-fast"]["connect_p95_ns"] < 900_000_000, f"latency: {rows['wt-fast']}")
    rig.equal((rows["wt-slow"]["retransmits"], rows["wt-fast"]["retransmits"]), (1, 0), "SYNs again")
    text = no_control_characters(rig, "tcp", "--by", "process", "--last", "all", "--order", "connect", *OURS)
    lines = table(text)
    rig.equal(lines[0][:3], ["PROCESS", "CONNECTIONS", "FAILED"], "titles")
    rig.equal(lines[1][0], "wt-slow", f"the slowest first: {text}")
    rig.equal(float(lines[1][3]), round(rows["wt-slow"]["connect_p50_ns"] / 1e6, 3), "ms in the table")
    rig.equal([line[1:3] for line in lines if line[0] == "wt-refused"], [["2", "2"]], "the refused")
    rig.check("no connections match" in rig.cli("tcp", "--last", "all", "dst", "port", "1"), "none")
    by_port = rig.cli_json("tcp", "--by", "dst,dstport", "--last", "all", "-n", "1", *OURS)["rows"]
    rig.equal([(r["dst"], r["dst_port"]) for r in by_port], [("10.0.0.2", 7000)], "most are to")


def connections(rig, said):
    def rows(*args):
        return rig.cli_json("connects", "--last", "all", *args)["rows"]

    slow = rows("--slow", "500ms", *OURS)
    rig.equal([(r["pid"], r["comm"], r["local_port"], r["role"], r["retransmits_syn"]) for r in slow],
              [(said["wt-slow"]["pid"], "wt-slow", said["wt-slow"]["ports"][0], "client", 1)],
              "connections that were slow to open")
    failed = rows("--failed", *OURS)
    rig.equal([(r["pid"], r["end"], r["error"]) for r in failed],
              [(said["wt-refused"]["pid"], "failed", "ECONNREFUSED")] * 2, "those that failed")
    rig.equal(rows("--failed", "--slow", "1us", *OURS), [], "failed ones never connected")
    fast = rows("role", "client", "and", "process", "wt-fast")
    rig.equal(sorted(r["local_port"] for r in fast), sorted(said["wt-fast"]["ports"]), "the fast")
    rig.equal({r["pid"] for r in fast}, {said["wt-fast"]["pid"]}, "their owner")
    rig.check(all(10 <= r["octets_acked"] <= 12 and r["srtt_us"] > 0 for r in fast), f"{fast}")
    hostile = rows("role", "client", "and", "pid", str(said["hostile"]["pid"]))
    rig.equal(len(hostile), 1, "the one with a hostile name")
    text = no_control_characters(rig, "connects", "--last", "all", *OURS)
    lines = table(text)
    rig.equal(lines[0], ["START", "DURATION", "ROLE", "LOCAL", "REMOTE", "CONNECT/ms", "RTT/ms",
                         "RETRANS", "BYTES OUT", "BYTES IN", "END", "ERROR", "PROCESS", "HOST"],
              "titles")
    rig.equal(lines[-1], ["24 connections"], "how many")
    by_local = {line[3]: dict(zip(lines[0], line)) for line in lines[1:-1]}
    line = by_local[f"10.0.0.1:{said['wt-slow']['ports'][0]}"]
    rig.equal((line["REMOTE"], line["PROCESS"], line["END"], line["ERROR"]),
              ("10.0.0.2:7000", f"wt-slow/{said['wt-slow']['pid']}", "local_fin", "-"), "a line")
    rig.equal(float(line["CONNECT/ms"]), round(slow[0]["connect_ns"] / 1e6, 3), "its latency")
    rig.check("2 of 24 connections" in rig.cli("connects", "--last", "all", "-n", "2", *OURS),
              "the rest is named")
    code, _, err = rig.cli_run("connects", "--slow", "soon", check=False)
    rig.equal((code, "is not a duration" in err), (2, True), f"a wrong time: {err}")


def latencies(rig, said):
    """Of 22 connects to port 7000 one took a second; addresses are what other tests have, too."""
    ours = ("--last", "all", "host", "10.0.0.2", "and", "port", "7000")
    rows = rig.cli_json("latency", "--kind", "connect", *ours)["rows"]
    rig.equal([(r["remote"], r["kind"], r["count"]) for r in rows], [("10.0.0.2", "connect", 22)],
              "connects by far end")
    slow = max(c["connect_ns"] for c in
               rig.cli_json("connects", "--last", "all", "--slow", "500ms", *OURS)["rows"])
    rig.check(slow <= rows[0]["max_ns"] < 2 * slow, f"the slow one is in the last bucket: {rows}")
    rig.check(rows[0]["p50_ns"] < rows[0]["p90_ns"] < 500e6 < rows[0]["p99_ns"], f"{rows}")
    rig.equal(sum(b["count"] for b in rows[0]["buckets"]), 22, "the buckets' sum")
    text = no_control_characters(rig, "latency", "--by", "service", "--order", "count", *ours)
    lines = table(text)
    rig.equal(lines[0], ["SERVICE", "SERVICE PORT", "SERVICE HOST", "KIND", "COUNT", "MEAN/ms", "p50",
                         "p90", "p99", "MAX"], "titles")
    line = next(x for x in lines if x[3] == "connect")
    rig.equal(line[:5], ["10.0.0.2", "7000", "-", "connect", "22"], f"a line: {text}")
    rig.equal(float(line[6]), round(rows[0]["p50_ns"] / 1e6, 3), "ms in the table")
    rig.equal(float(line[9]), round(rows[0]["max_ns"] / 1e6, 3), "the longest")
    own = rig.cli_json("latency", "--by", "role,port", "--role", "server", "--last", "all",
                       "port", "7000")["rows"]
    rig.equal({(r["role"], r["port"], r["kind"]) for r in own}, {("server", 7000, "rtt")},
              "servers have round trips only")
    rig.check("no latencies match" in rig.cli("latency", "--last", "all", "port", "1"), "none")
    code, _, err = rig.cli_run("latency", "port", "7000", "and", "tcp", check=False)
    rig.equal((code, "'tcp' is known of flows" in err, err.splitlines()[-1].index("^")),
              (2, True, 4 + len("port 7000 and ")), f"a word of other tables: {err}")
    code, _, err = rig.cli_run("latency", "--kind", "connects", check=False)
    rig.equal((code, "connect" in err), (2, True), f"a wrong kind: {err}")


def owners_of_flows(rig, said):
    """The agent watches the server's end: what is seen there is the server's."""
    server = {c["remote_port"]: c for c in
              rig.cli_json("connects", "--last", "all", "role server and dst port 7000")["rows"]
              if c["pid"] == said["server"]["pid"]}
    flows = rig.cli_json("flows", "--last", "all", "-n", "1000", "port", "7000")["rows"]
    ports = {p for s in said.values() for p in s["ports"]}
    seen = set()
    for f in flows:
        c = server[f["src_port"] if f["dst_port"] == 7000 else f["dst_port"]]
        seen.add(c["remote_port"])
        rig.equal((f["join"], f["process"], f["pid"], f["srtt_us"], f["retransmits"], f["connect_us"]),
                  ("one", c["comm"], c["pid"], c["srtt_us"], c["retransmits"],
                   c["connect_ns"] // 1000), f"owner of a flow: {f}")
    rig.equal(seen, ports, "connections that flows were joined with")
    rest = rig.cli_json("flows", "--last", "all", "-n", "1000", "port", "9")["rows"]
    rig.equal({(f["join"], f["process"]) for f in rest}, {("none", None)}, "nobody listens")
    lines = table(no_control_characters(rig, "flows", "--wide", "--last", "all", "dst", "port", "7000"))
    rig.equal(lines[0][-4:], ["PROCESS", "CONNECT/ms", "RTT/ms", "RETRANS"], "wide titles")
    rig.equal({line[-4] for line in lines[1:-1]},
              {f"{c['comm']}/{c['pid']}" for c in server.values()}, "processes in the table")
    rig.check("PROCESS" not in rig.cli("flows", "--last", "all", "tcp"), "not wide")


def owners_of_bytes(rig):
    def top(by):
        return rig.cli_json("top", "--last", "all", "-n", "1000", "--by", by)

    owned, plain = top("process"), top("src")
    rig.equal(owned["total"], plain["total"], "totals with and without owners")
    for measure in ("flows", "packets", "octets"):
        rig.equal(sum(r[measure] for r in owned["rows"]), owned["total"][measure],
                  f"sum of {measure} over processes")
    want = {}
    for f in rig.cli_json("flows", "--last", "all", "-n", "100000")["rows"]:
        name = f["process"] or "unknown"
        want[name] = want.get(name, 0) + f["octets"]
    rig.equal({r["process"]: r["octets"] for r in owned["rows"]}, want, "bytes by process")
    rig.equal(len(want), 2, f"the server, and what nobody owned: {want}")
    lines = table(no_control_characters(rig, "top", "--last", "all", "--by", "process"))
    rig.equal(lines[0], ["PROCESS", "FLOWS", "PACKETS", "BYTES", "SHARE"], "titles")


def commands_show_tcp(rig):
    said = traffic(rig)
    health(rig, said)
    connections(rig, said)
    latencies(rig, said)
    owners_of_flows(rig, said)
    owners_of_bytes(rig)
    port = said["wt-slow"]["ports"][0]
    lost = rig.cli_json("drops", "--last", "all", "--by", "process", "dst port 7000 and src port", port)
    rig.equal([d["packets"] for d in lost["rows"]], [1], f"the SYN: {lost}")
    # which end's depends on whose the kernel says it still was
    rig.check(lost["rows"][0]["process"] in ("wt-slow", said["server"]["name"]), f"its owner: {lost}")


UDP_OCTETS = 8 + 100  # where UDP drops it, the headers before are off
def lines_of(process):
    """What it has printed to the last line's end, parsed."""
    return [json.loads(line) for line in process.log().split("\n")[:-1]]


def commands_follow(rig):
    """Rows as they come: each connection when heard of and when ended, each drop once."""
    a, b = network(rig)
    agent = rig.agent(b, ["v1"], interval="200ms")
    server = serve(rig, b, 7000)
    client(a, "wt-before")
    ours = ("--follow", "--json", "--interval", "100ms", "--last", "all", "--url",
            f"http://{rig.listen}")
    connects = rig.collector_ns.start("connects", rig.program("wiretally"), "connects", *ours,
                                      *OURS)
    drops = rig.collector_ns.start("drops", rig.program("wiretally"), "drops", *ours, "src", "port",
                                   "4444", "and", "dst", "port", "5557")

    def ended(name):
        return [c for c in lines_of(connects) if c["comm"] == name and c["end_us"]]
    rig.wait_until(lambda: ended("wt-before"), "the connection that was there")
    latency = rig.collector_ns.start("latency", rig.program("wiretally"), "latency", *ours, "--kind",
                                     "connect", "port", "7000")
    said = client(a, "wt-after", 5)
    for packets in (3, 4):
        a.run(sys.executable, "-c", SENDER, "5557", str(packets))
    rig.wait_until(lambda: len(ended("wt-after")) >= 5, "those that came")
    rig.wait_until(lambda: sum(d["packets"] for d in lines_of(drops)) >= 7, "the drops")
    server.stop()
    finish(rig, agent)
    rig.wait_until(lambda: lines_of(latency)[-1]["rows"][0]["count"] == 6, "all of them, again")
    for process in (connects, drops, latency):
        process.signal(signal.SIGINT)
        rig.equal(process.wait(), 0, f"exit status of {process.name}: {process.log()}")
    rig.equal(sorted(c["local_port"] for c in ended("wt-after")), sorted(said["ports"]), "each once")
    rows = [(c["id"], c["end_us"] > 0) for c in lines_of(connects)]
    rig.equal(len(rows), len(set(rows)), "none twice in the same state")
    rig.equal(sum(d["packets"] for d in lines_of(drops)), 7, "drops, each packet once")


SENDER = r"""
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.0.0.1", 4444))
for i in range(int(sys.argv[2])):
    s.sendto(b"x" * 100, ("10.0.0.2", int(sys.argv[1])))
"""
READER = r"""
import os, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.0.0.2", 5556))
print("bound", flush=True)
sys.stdin.read()  # then it ends, and has read nothing
"""


def commands_show_drops(rig):
    a, b = network(rig)
    agent = rig.agent(b, ["v1"], interval="500ms")
    a.run(sys.executable, "-c", SENDER, "5555", "300")
    stdin, end = os.pipe()
    reader = b.start("reader", sys.executable, "-c", READER, stdin=stdin)
    os.close(stdin)
    rig.wait_until(lambda: "bound" in reader.log(), "the reader")

    def queued():
        return int(b.run("ss", "-Hlun", "sport", "=", ":5556").split()[1])
    a.run(sys.executable, "-c", SENDER, "5556", "1")
    rig.wait_until(lambda: queued() > 0, "the first one to be in the socket")
    one = queued()
    a.run(sys.executable, "-c", SENDER, "5556", "6")
    rig.wait_until(lambda: queued() == 7 * one, "all of them")
    os.close(end)
    rig.equal(reader.wait(), 0, "the reader's exit status")
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    ours = ("--last", "all", "src", "port", "4444", "and", "net", "10.0.0.0/24")
    got = rig.cli_json("drops", *ours)
    rig.equal([(r["reason"], r["packets"], r["octets"]) for r in got["rows"]],
              [("NO_SOCKET", 300, 300 * UDP_OCTETS)], "drops by reason: those at close are not among them")
    got = rig.cli_json("drops", "--purged", *ours)
    rig.equal((got["packets"], got["purged"]), (7, True), f"what the closing socket held: {got}")
    lines = table(no_control_characters(rig, "drops", "--by", "flow,reason", *ours))
    rig.equal(lines[0], ["SRC", "SRC PORT", "DST", "DST PORT", "PROTO", "REASON", "PACKETS", "BYTES",
                         "FIRST", "LAST"], "titles")
    rig.equal(lines[1][:8], ["10.0.0.1", "4444", "10.0.0.2", "5555", "udp", "NO_SOCKET", "300",
                             str(300 * UDP_OCTETS)], "a line")
    rig.equal(lines[2], [f"total: 300 packets dropped, {300 * UDP_OCTETS} bytes"], "the total")
    rows = rig.cli_json("drops", "--by", "interface", *ours)["rows"]
    rig.equal([(r["interface"], r["packets"]) for r in rows], [("v1", 300)], "drops by interface")
    rows = rig.cli_json("drops", "--by", "location", *ours)["rows"]
    rig.check(len(rows) == 1 and "udp" in rows[0]["location"], f"place: {rows}")
    rig.check("no drops match" in rig.cli("drops", *ours, "and", "reason", "NOSUCH"), "no such reason")
    code, _, err = rig.cli_run("drops", "--by", "resaon", check=False)
    rig.equal((code, "did you mean 'reason'" in err), (2, True), f"a wrong word: {err}")


TESTS = [commands_show_tcp, commands_show_drops, commands_follow]

if __name__ == "__main__":
    run_test(*[t for t in TESTS if t.__name__ in (sys.argv[1:] or [x.__name__ for x in TESTS])])
