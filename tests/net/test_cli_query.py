#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
# beside others: a collector alone, nothing of the host is looked at
"""wiretally top, flows, audit and status against the real collector, fed by import and batchgen."""
import csv
import io
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from scapy.all import ARP, Dot1Q, Ether, ICMP, IP, IPv6, TCP, UDP, Raw, wrpcap

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
WIRETALLY = f"{BUILD}/bin/wiretally"
BATCHGEN = f"{BUILD}/tests/tools/batchgen"
REFUSED = "http://127.0.0.1:1"


def fail(what):
    raise AssertionError(what)


def equal(got, want, what):
    got == want or fail(f"{what}: {got!r}, want {want!r}")


def has(text, part, what):
    part in text or fail(f"{what}: no {part!r} in:\n{text}")


class Rig:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="wt-query-")
        os.chmod(self.dir, 0o755)
        self.socket = f"{self.dir}/collector.sock"
        ready, write = os.pipe()
        self.log = f"{self.dir}/log"
        self.process = subprocess.Popen(
            [f"{BUILD}/bin/wiretally-collector", "--data", f"{self.dir}/data", "--socket",
             self.socket, "--listen", "127.0.0.1:0", "--ready-fd", str(write)],
            stderr=open(self.log, "w"), pass_fds=[write])
        os.close(write)
        equal(os.read(ready, 2), b"1\n", "collector's ready line")
        os.close(ready)
        port = re.search(r"http://127\.0\.0\.1:(\d+)", open(self.log).read()).group(1)
        self.url = f"http://127.0.0.1:{port}"

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        shutil.rmtree(self.dir)

    def run(self, *args, want=0, url=None, env=None):
        """(stdout, stderr) of wiretally ARGS, whose exit status is checked."""
        r = subprocess.run([WIRETALLY, *args], capture_output=True, text=True, timeout=60,
                           env={**os.environ, "TZ": "UTC", "WIRETALLY_URL": url or self.url,
                                **(env or {})})
        equal(r.returncode, want, f"exit status of {args}: {r.stdout}{r.stderr}")
        return r.stdout, r.stderr

    def json(self, *args, **kwargs):
        return json.loads(self.run(*args, "--json", **kwargs)[0])


T0 = 1700000000


def capture(path):
    """What is in it is what is asserted below."""
    a, b, c = "10.0.0.1", "10.0.0.2", "10.0.0.3"
    eth = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    packets = []
    for i in range(10):
        packets.append(eth / IP(src=a, dst=b) / TCP(sport=40000, dport=443,
                                                     flags="S" if i == 0 else "A") / Raw(b"x" * 100))
    for i in range(4):
        packets.append(eth / IP(src=b, dst=a) / TCP(sport=443, dport=40000, flags="SA") / Raw(b"y" * 1000))
    packets += [eth / IP(src=c, dst=a) / UDP(sport=5353, dport=53) / Raw(b"z" * 50)] * 3
    packets += [eth / IP(src=c, dst=b) / ICMP(type=8)] * 2
    packets += [eth / IPv6(src="2001:db8::1", dst="2001:db8::2") / TCP(sport=50000, dport=80)] * 5
    packets += [eth / Dot1Q(vlan=100) / IP(src=c, dst=a) / UDP(sport=1, dport=2)] * 2
    packets += [eth / ARP()]
    for i, p in enumerate(packets):
        p.time = T0 + i * 0.001
    wrpcap(path, packets)
    return packets


FILTERS = [
    # words, packets of the capture that match
    ("tcp", 19), ("proto udp", 5), ("proto icmp", 2), ("inet6", 5), ("arp", 1), ("any", 27),
    ("src ip 10.0.0.1", 10), ("ip 10.0.0.1", 19), ("src and dst net 10.0.0.0/8", 21),
    ("net 2001:db8::/32", 5), ("dst port 443", 10), ("port in [443, 53]", 17),
    ("src port > 40000", 5), ("vlan 100", 2), ("flags S and not flags A", 5),
    ("flags SA", 14), ("packets > 4", 15), ("bytes < 300", 8),
    ("icmp-type 8", 2), ("not (tcp or udp)", 3), ("exporter trace.pcap", 27),
    ("exporter nobody", 0), ("if eth0", 0), ("egress", 0),
    ("exporter \"'; DROP TABLE exporters; --\"", 0),
]


def test_series(rig):
    words = ("series", "--from", f"@{T0}", "--to", f"@{T0 + 3}", "--exporter", "trace.pcap",
             "--step", "1s")
    got = rig.json(*words)
    equal([(r["at_us"] // 1000000 - T0, r["packets"]) for r in got["rows"]],
          [(0, 27), (1, 0), (2, 0)], "one second has it all")
    words = ("series", "--from", f"@{T0}", "--to", f"@{T0 + 3}", "--exporter", "trace.pcap",
             "--step", "1s", "--by", "proto", "-n", "1")
    got = rig.json(*words)["rows"]
    equal([(r["proto_name"], r["line"], r["packets"]) for r in got],
          [("tcp", 1, 19), ("tcp", 1, 0), ("tcp", 1, 0), (None, None, 8), (None, None, 0),
           (None, None, 0)], "a line of TCP and one of the rest, three seconds each")
    out, _ = rig.run(*words)
    has(out, "2023-11-14 22:13:20", "series as a table")
    _, err = rig.run("series", "--last", "all", "--step", "1s", want=2)
    has(err, "10000 are the most: ask for step=", "too many points")
    _, err = rig.run("series", "--by", "process", want=2)
    has(err, "one line for each", "series by process")


def test_topology(rig):
    words = ("topology", "--last", "all", "--exporter", "trace.pcap", "--order", "packets")
    got = json.loads(rig.run(*words, "--format", "d3")[0])
    links = [(link["source"], link["target"], link["weight"]) for link in got["links"]]
    equal(links, [("10.0.0.1", "10.0.0.2", 10), ("10.0.0.3", "10.0.0.1", 5),
                  ("2001:db8::1", "2001:db8::2", 5), ("10.0.0.2", "10.0.0.1", 4),
                  ("10.0.0.3", "10.0.0.2", 2)], "links of hosts")
    ids = {node["id"] for node in got["nodes"]}
    equal(ids, {"10.0.0.1", "10.0.0.2", "10.0.0.3", "2001:db8::1", "2001:db8::2"}, "nodes")
    assert all(source in ids and target in ids for source, target, _ in links)
    out, _ = rig.run(*words, "-n", "2")
    has(out, "3 nodes, 2 links; 3 more links", "what is left out")
    out, _ = rig.run(*words, "--group", "service", "--format", "dot")
    has(out, '"10.0.0.1" -> "10.0.0.2:443" [weight=10', "Graphviz")
    if shutil.which("dot"):
        subprocess.run(["dot", "-Tsvg"], input=out, text=True, check=True, stdout=subprocess.DEVNULL)
    out, _ = rig.run(*words, "--group", "subnet", "--format", "mermaid")
    has(out, 'n0["10.0.0.0/24"]', "Mermaid's nodes")
    has(out, "n0 -->|21| n0", "Mermaid's links")


def test_filters(rig):
    for words, packets in FILTERS:
        got = rig.json("top", "--last", "all", "--exporter", "trace.pcap", words)
        equal(got["total"]["packets"], packets, f"packets of '{words}'")
        if "--" in words:
            continue
        # words as arguments of their own mean the same
        got = rig.json("top", "--last", "all", "--exporter", "trace.pcap", *words.split(" "))
        equal(got["total"]["packets"], packets, f"packets of {words.split(' ')}")


def test_top(rig):
    def rows(*args):
        got = rig.json("top", "--last", "all", "--exporter", "trace.pcap", *args)
        return got["rows"], got

    top, got = rows("--by", "src")
    equal([(r["src"], r["packets"]) for r in top],
          [("10.0.0.2", 4), ("10.0.0.1", 10), ("10.0.0.3", 7), ("2001:db8::1", 5), (None, 1)],
          "top sources by bytes")
    equal(top[0]["octets"], 4 * (14 + 40 + 1000), "bytes of 10.0.0.2")
    equal(top[0]["l3_octets"], 4 * (40 + 1000), "IP bytes of 10.0.0.2")
    equal(got["total"]["octets"], sum(r["octets"] for r in top), "the total is the rows' sum")
    equal(top[1]["first_us"], T0 * 1000000, "time comes from the file")

    top, _ = rows("--by", "conversation", "--order", "packets", "-n", "1")
    equal([(r["src"], r["dst"], r["packets"]) for r in top], [("10.0.0.1", "10.0.0.2", 14)],
          "conversation: both directions, who started first")
    top, _ = rows("--by", "proto", "--order", "packets")
    equal([(r["proto_name"], r["packets"]) for r in top],
          [("tcp", 19), ("udp", 5), ("icmp", 2), (None, 1)], "top protocols")
    top, _ = rows("--by", "dstport", "--order", "packets", "tcp or udp")
    equal([(r["dstport"], r["packets"]) for r in top],
          [(443, 10), (80, 5), (40000, 4), (53, 3), (2, 2)], "top ports")
    top, _ = rows("--by", "src,dst", "--order", "packets", "-n", "2", "tcp")
    equal([(r["src"], r["dst"], r["packets"]) for r in top],
          [("10.0.0.1", "10.0.0.2", 10), ("2001:db8::1", "2001:db8::2", 5)], "top pairs")
    top, _ = rows("--by", "interface")
    equal([r["exporter"] for r in top], ["trace.pcap"], "top interfaces name their file")


def test_top_text(rig):
    out, _ = rig.run("top", "--last", "all", "-e", "trace.pcap", "-n", "2", "--order", "packets")
    lines = out.splitlines()
    equal(lines[0].split(), ["SRC", "FLOWS", "PACKETS", "BYTES", "SHARE"], "titles")
    equal(lines[1].split(), ["10.0.0.1", "1", "10", str(10 * 154), "37.0", "%"], "first row")
    has(lines[3], "total: 7 flows, 27 packets, ", "totals")
    widths = {len(line) for line in lines[:3]}
    equal(len(widths), 1, "rows are aligned")
    out, _ = rig.run("top", "--last", "all", "--exporter", "nobody")
    has(out, "no flows match", "an empty top")


def test_flows(rig):
    args = ("flows", "--last", "all", "-e", "trace.pcap")
    got = rig.json(*args)
    equal(got["matched"], 7, "flows of the capture")
    equal(sum(r["packets"] for r in got["rows"]), 27, "packets of all flows")
    row = rig.json(*args, "src port 40000")["rows"][0]
    for name, want in {"src": "10.0.0.1", "dst": "10.0.0.2", "src_port": 40000, "dst_port": 443,
                       "proto": 6, "proto_name": "tcp", "packets": 10, "tcp_flags": "SA",
                       "exporter": "trace.pcap", "start_us": T0 * 1000000,
                       "duration_ms": 9.0, "counted": True}.items():
        equal(row[name], want, f"flow's {name}")
    row = rig.json(*args, "vlan 100")["rows"][0]
    equal(row["vlan_outer"], 100, "flow's vlan")
    equal(rig.json(*args, "-n", "3")["rows"], rig.json(*args)["rows"][:3], "a page")
    equal(rig.json(*args, "-n", "3", "--offset", "3")["rows"], rig.json(*args)["rows"][3:6],
          "the next page")
    start = rig.json("flows", "-e", "trace.pcap", "--from", "2023-11-14T22:13:20.005Z", "--to",
                     "2023-11-14 22:13:20.018")
    equal([r["src"] for r in start["rows"]], ["10.0.0.3", "10.0.0.2"], "flows by time")
    table = list(csv.DictReader(io.StringIO(rig.run(*args, "--csv")[0])))
    equal(len(table), 7, "rows of CSV")
    equal(sum(int(r["packets"]) for r in table), 27, "packets in CSV")
    out, _ = rig.run(*args)
    has(out, "10.0.0.1:40000", "an endpoint")
    has(out, "[2001:db8::1]:50000", "an endpoint with IPv6")
    has(out, "icmp 8/0", "type and code of ICMP")
    has(out, "7 flows", "the number of flows")
    has(rig.run(*args, "-n", "2")[0], "2 of 7 flows", "the number left out")


def test_audit(rig):
    got = rig.json("audit", "--last", "all")
    equal(got["balanced"], True, "balance")
    seen = {r["exporter"] or r["agent"]: r["seen"]["packets"] for r in got["rows"]}
    equal(seen["trace.pcap"], 27, "packets seen in the file")
    out, _ = rig.run("audit", "--last", "all")
    has(out, "balanced: every packet", "audit's last line")
    has(out, "seen at the hook", "audit's first term")
    # a ledger that has rows which never came
    subprocess.run([BATCHGEN, "--agent", "liar", "--socket", rig.socket, "--missing", "3",
                    "--rows", "10", "--quiet"], check=True)
    equal(rig.json("audit", "--last", "all", want=3)["balanced"], False, "balance of a liar")
    out, _ = rig.run("audit", "--last", "1h", want=3)
    has(out, "NOT BALANCED", "audit's last line")
    has(out, "!!", "the mark of the line that does not balance")
    out, _ = rig.run("audit", "--from", "2001-01-01", "--to", "2001-01-02")
    has(out, "nothing was reported", "an empty audit")


def test_status(rig):
    out, err = rig.run("status", "--agent-socket", "/nonexistent/agent.sock")
    has(err, "no agent at /nonexistent/agent.sock", "a missing agent")
    has(out, f"collector {rig.url}", "the collector")
    has(out, "genhost", "the agents known")
    got = json.loads(rig.run("status", "--json", "--agent-socket", "/nonexistent")[0])
    equal(got["agent"], None, "no agent")
    equal(got["collector"]["version"], rig.run("version")[0].split()[1], "versions")
    rig.run("status", "--agent-socket", "/nonexistent", url=REFUSED, want=1)


def test_errors(rig):
    _, err = rig.run("top", "src ip 10.0.0.1 and prot tcp", want=2)
    equal(err, "wiretally: unknown word 'prot'; did you mean 'proto'?\n"
               "    src ip 10.0.0.1 and prot tcp\n"
               "                        ^\n", "a filter error")
    _, err = rig.run("flows", "exporter", "grün", "and", "prto", "6", want=2)
    equal(err.splitlines()[2].index("^"), 4 + "exporter grün and ".__len__(),
          "the caret counts characters")
    out, _ = rig.run("top", "--json", "prot", want=2)
    equal(json.loads(out)["error"]["position"], 0, "an error as JSON")
    for args, message in [
            (("top", "--by", "size"), "by is not made of"),
            (("top", "-n", "0"), "--number: '0' is not from 1"),
            (("top", "--ordr", "bytes"), "did you mean '--order'?"),
            (("top", "--order", "size"), "is not one of bytes|packets|flows"),
            (("top", "--last", "soon"), "'soon' is not a duration"),
            (("top", "--last", "1h", "--from", "-2h"), "--last does not go with"),
            (("top", "--from", "noon"), "'noon' is not a time"),
            (("top", "--from", "-1h", "--to", "-2h"), "from is not before to"),
            (("audit", "tcp"), "a ledger has no filter"),
            (("status", "me"), "unexpected 'me'"),
            (("run", "eth0"), "an interface is -i eth0"),
            (("flwos",), "did you mean 'flows'?"),
            (("help", "flwos"), "did you mean 'flows'?"),
            (("top", "x" * 5000), "the filter is longer than 4096 bytes"),
            (("top", "(" * 100), "nested deeper than 64"),
            ((), "usage: wiretally COMMAND")]:
        has(rig.run(*args, want=2)[1], message, f"{args}")
    _, err = rig.run("top", url=REFUSED, want=1)
    equal(err, f"wiretally: no collector at {REFUSED}: start one with `wiretally run`\n",
          "no collector")
    rig.run("top", "--url", "ftp://127.0.0.1/", want=2)
    for command in ("top", "flows", "tcp", "connects", "drops", "audit", "status", "run", "detach", "import"):
        has(rig.run(command, "--help")[0], "usage:" if command != "import" else "import", command)
        equal(rig.run("help", command)[0], rig.run(command, "--help")[0], f"help {command}")


def test_terminal(rig):
    """Units and bold on a terminal, neither with NO_COLOR nor --exact."""
    def on_terminal(*args, **env):
        out = b""
        pid, fd = pty.fork()
        if not pid:
            os.execve(WIRETALLY, [WIRETALLY, *args],
                      {"PATH": os.environ["PATH"], "TERM": "xterm", "WIRETALLY_URL": rig.url, **env})
        while True:
            try:
                piece = os.read(fd, 65536)
            except OSError:
                break
            if not piece:
                break
            out += piece
        os.waitpid(pid, 0)
        os.close(fd)
        return out.decode()

    args = ("top", "--last", "all", "-e", "trace.pcap", "-n", "1")
    has(on_terminal(*args), "\033[1m", "bold titles")
    has(on_terminal(*args), "4.1 KiB", "units on a terminal")
    "\033" in on_terminal(*args, NO_COLOR="1") and fail("NO_COLOR has colours")
    has(on_terminal(*args, "--exact"), "4216", "exact on a terminal")


def test_names_do_not_steer_the_terminal(rig):
    subprocess.run([BATCHGEN, "--agent", "bad", "--host", "\033[2Jhost", "--exporter",
                    "<script>\033]0;owned\007", "--socket", rig.socket, "--rows", "5", "--quiet",
                    "--no-ledger"], check=False)
    for args in (("top", "--by", "exporter", "--all"), ("flows",), ("status",), ("audit",)):
        r = subprocess.run([WIRETALLY, *args, "--url", rig.url], capture_output=True, timeout=60)
        b"\033" in r.stdout + r.stderr and fail(f"{args}: an escape sequence of a name comes through")


def main():
    rig = Rig()
    try:
        packets = capture(f"{rig.dir}/trace.pcap")
        equal(len(packets), 27, "the capture")
        rig.run("import", "--socket", rig.socket, f"{rig.dir}/trace.pcap")
        for name, test in list(globals().items()):
            if name.startswith("test_"):
                test(rig)
                print(f"ok {name}")
    except BaseException:
        sys.stderr.write(open(rig.log).read())
        raise
    finally:
        rig.close()


if __name__ == "__main__":
    main()
