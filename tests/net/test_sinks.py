#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""What the collector sends on: nfcapd, tshark, another collector and a TCP receiver that comes and
goes read it, and their sums are those of `wiretally top`."""
import json
import os
import random
import re
import struct
import subprocess
import sys
import time

from ledger import settled
from rig import TOOLS, run_test
from test_tls import certificates

PORT = 9995
HERE = os.path.dirname(os.path.abspath(__file__))
RECEIVER = """
import socket, sys
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
listening.settimeout(60)
print("ready", flush=True)
with open(sys.argv[2], "ab", buffering=0) as out:
    while True:
        s, _ = listening.accept()
        while data := s.recv(65536):
            out.write(data)
"""


def traffic(rig, a, b):
    """IPv4 and IPv6, TCP, UDP and ICMP, and one packet that is not IP."""
    server = b.start("iperf3", "iperf3", "-s")
    rig.wait_until(lambda: "5201" in b.run("ss", "-Hltn"), "iperf3 to listen")
    for to in ("10.9.0.2", "fd09::2"):
        a.run("iperf3", "-c", to, "-n", "1M", "-P", "4")
        a.run("ping", "-c", "5", "-i", "0.01", to)
    server.stop()


def watched(rig, *sinks):
    """Two hosts, the collector beside them in a namespace of its own, an agent."""
    a, b, c = rig.netns("a", ipv6=True), rig.netns("b", ipv6=True), rig.netns("c")
    rig.veth(a, "v0", b, "v1", ("10.9.0.1/24", "fd09::1/64"), ("10.9.0.2/24", "fd09::2/64"))
    options = [x for s in sinks for x in ("--sink", s)]
    return a, b, c, lambda: rig.collector(c, None, None, *options)


def top(rig, *filters):
    reply = rig.cli_json("top", "--by", "proto", "--last", "all", *filters)
    return (reply["total"]["flows"], reply["total"]["packets"],
            sum(r["l3_octets"] for r in reply["rows"]))


def sinks_now(rig):
    return json.loads(rig.http("/v1/status"))["sinks"]


def sinks(rig):
    """Nothing waits any more: what was delivered, of each."""
    settled(rig)

    rig.wait_until(lambda: all(s["waiting"] == 0 for s in sinks_now(rig)), "the sinks to be empty")
    for s in sinks_now(rig):
        rig.equal(s["given"], s["delivered"] + sum(s["lost"].values()), f"{s}")
    return sinks_now(rig)


def nfcapd_reads(rig, scheme):
    rig.need("nfcapd", "nfdump", "tshark", "tcpdump", "iperf3")
    a, b, c, start = watched(rig, f"{scheme}://127.0.0.1:{PORT}")
    folder, pcap = f"{rig.tmp}/theirs", f"{rig.tmp}/sent.pcap"
    os.makedirs(folder)
    capd = c.start("nfcapd", "nfcapd", "-w", folder, "-p", PORT, "-b", "127.0.0.1", "-t", "3600")
    dump = c.start("tcpdump", "tcpdump", "-i", "lo", "-U", "--immediate-mode", "-s", "2000",
                   "-Z", "root", "-w", pcap, f"udp port {PORT}")
    rig.wait_until(lambda: str(PORT) in c.run("ss", "-Hlun") and "listening" in dump.log(), "them")
    start()
    agent = rig.agent(b, ["v1"], interval="200ms")
    traffic(rig, a, b)
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")
    (sink,) = sinks(rig)
    rig.equal(sum(sink["lost"].values()), 0, f"rows lost: {sink}")
    rig.wait_until(lambda: c.run("ss", "-Hlun", "sport", "=", f":{PORT}").split()[1] == "0",
                   "nfcapd to have read all")
    capd.stop()
    dump.stop()
    for name, ours in (("inet", "inet"), ("inet6", "inet6")):
        out = c.run("nfdump", "-R", folder, "-N", "-q", "-o", "fmt:%pkt %byt", name)
        rows = [line.split() for line in out.splitlines()]
        theirs = (len(rows), sum(int(r[0]) for r in rows), sum(int(r[1]) for r in rows))
        rig.check(theirs[0] > 10, f"{name}: {theirs}")
        rig.equal(theirs, top(rig, ours), f"{name}: flows, packets, octets of nfdump, and ours")
    text = c.run("nfdump", "-R", folder, "-I")
    rig.equal(re.search(r"^Sequence failures: (\d+)", text, re.M).group(1), "0", text)
    read = c.run("tshark", "-r", pcap, "-d", f"udp.port=={PORT},cflow", "-T", "fields", "-e",
                 "cflow.count", "-e", "cflow.len", "-e", "_ws.malformed", "-e",
                 "_ws.expert.message").splitlines()
    rig.check(len(read) > 1, f"messages were captured: {read}")
    rig.check(not any("alformed" in line for line in read), f"malformed: {read}")


def ipfix(rig):
    nfcapd_reads(rig, "ipfix")


def netflow9(rig):
    nfcapd_reads(rig, "netflow9")


def another_collector(rig):
    """What one sends, the other stores: the same rows, to the millisecond."""
    rig.need("iperf3")
    a, b, c, start = watched(rig, f"ipfix://127.0.0.1:{PORT}?domain=7")
    far = rig.start_ready("far", [*c.prefix, rig.program("wiretally-collector"), "--data",
                                  f"{rig.tmp}/far", "--socket", f"{rig.tmp}/far.sock", "--listen",
                                  "127.0.0.1:9102", "--exporters", f"127.0.0.1:{PORT}"])
    start()
    agent = rig.agent(b, ["v1"], interval="200ms")
    traffic(rig, a, b)
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")
    (sink,) = sinks(rig)
    url = ("--url", "http://127.0.0.1:9102")
    rig.wait_until(lambda: rig.cli_json("top", "--last", "all", "--all", *url)["total"]["flows"] ==
                   sink["delivered"], "the rows there")

    def rows(*options):
        out = rig.cli("flows", "-n", "10000", "--last", "all", "--format",
                      "%ts %te %pr %sap %dap %pkt %byt %flg %tos %ttl %vlan", *options, "not arp")
        return sorted(out.splitlines())
    near = [r for r in rows() if r]
    rig.check(len(near) > 20, f"rows: {len(near)}")
    there = rig.cli_json("top", "--last", "all", "--all", "--by", "exporter", *url)["rows"]
    rig.equal([r["exporter"] for r in there], ["127.0.0.1/ipfix/7"], "who it was")
    rig.equal(rows("--all", *url), near, "the rows")
    rig.check(rig.cli_json("audit", "--last", "all", *url)["balanced"], "and the ledger there")
    far.stop()


def messages(path):
    """IPFIX messages of a stream: (sequence, records by their length) in order."""
    with open(path, "rb") as f:
        data = f.read()
    found, at = [], 0
    while at + 16 <= len(data):
        version, length, _, sequence, _ = struct.unpack_from(">HHIII", data, at)
        assert version == 10, f"at {at}: version {version}"
        found.append((sequence, data[at + 16:at + length]))
        at += length
    return found


def tcp(rig):
    """The receiver is away at first, and again in the middle: every row arrives."""
    rig.need("iperf3")
    a, b, c, start = watched(rig, f"ipfix+tcp://127.0.0.1:{PORT}")
    start()
    agent = rig.agent(b, ["v1"], interval="200ms")
    traffic(rig, a, b)
    rig.wait_until(lambda: sinks_now(rig)[0]["waiting"] > 0, "rows that wait")
    rig.check(sinks_now(rig)[0]["error"], "and why")
    paths = [f"{rig.tmp}/received.{i}" for i in range(2)]
    for path in paths:
        receiver = c.start("receiver", sys.executable, "-c", RECEIVER, PORT, path)
        rig.wait_until(lambda: "ready" in receiver.log(), "it to listen")
        sinks(rig)
        rig.wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 0, "bytes")
        if path != paths[-1]:
            receiver.kill()
            traffic(rig, a, b)
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")
    (sink,) = sinks(rig)
    rig.equal(sum(sink["lost"].values()), 0, f"rows lost: {sink}")
    rig.check(sink["retries"] > 0, f"it tried again: {sink}")
    for path in paths:
        stream = messages(path)
        rig.equal(stream[0][0], 0, "a connection begins at 0")
        rig.equal(stream[0][1][:2], b"\0\2", "with templates")
    rig.equal(sink["delivered"], sink["given"], "every row")


def tls(rig):
    """To who is trusted alone; what a receiver decrypts is the same stream."""
    rig.need("openssl", "iperf3")
    certificates(rig, "127.0.0.1")
    os.chmod(rig.tmp, 0o755)
    path = f"{rig.tmp}/received"
    a, b, c, start = watched(
        rig, f"ipfix+tls://127.0.0.1:{PORT}?ca={rig.tmp}/ca.pem",
        f"ipfix+tls://127.0.0.1:{PORT + 1}?ca={rig.tmp}/other.pem")
    for i in range(2):
        with open(f"{path}.{i}", "wb") as out:
            c.start(f"s_server{i}", "openssl", "s_server", "-quiet", "-accept", str(PORT + i),
                    "-cert", f"{rig.tmp}/server.pem", "-key", f"{rig.tmp}/server.key", stdout=out,
                    stdin=subprocess.PIPE)  # at its end the server would end
    rig.wait_until(lambda: all(f":{PORT + i}" in c.run("ss", "-Hltn") for i in range(2)), "them")
    start()
    agent = rig.agent(b, ["v1"], interval="200ms")
    traffic(rig, a, b)
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")
    settled(rig)
    rig.wait_until(lambda: sinks_now(rig)[0]["waiting"] == 0, "the first sink to be empty")
    trusted, other = sinks_now(rig)
    rig.equal((trusted["delivered"], trusted["error"]), (trusted["given"], ""), f"{trusted}")
    rig.equal((other["delivered"], other["waiting"]), (0, other["given"]), f"{other}")
    rig.check("Permission denied" in other["error"], f"{other}")
    rig.wait_until(lambda: rows_of(f"{path}.0") == trusted["delivered"], "all of the stream")
    rig.equal(os.path.getsize(f"{path}.1"), 0, "bytes to who is not trusted")


def rows_of(path):
    """Data records by the sequence of the last message and what is in it: all of one length."""
    stream = messages(path)
    sizes, rows = {}, 0
    for _, sets in stream:
        at = 0
        while at + 4 <= len(sets):
            number, length = struct.unpack_from(">HH", sets, at)
            at, end = at + 4, at + length
            if number == 2:
                while at + 4 <= end:
                    template, fields = struct.unpack_from(">HH", sets, at)
                    sizes[template] = sum(struct.unpack_from(">HH", sets, at + 4 + 4 * i)[1]
                                          for i in range(fields))
                    at += 4 + 4 * fields
            else:
                rows += (end - at) // sizes[number]
            at = end
    return rows


def nfacctd(rig):
    """Its sums, which connections and drops among the flows do not change; and tshark's reading of
    those and of the options."""
    rig.need("nfacctd", "tshark", "tcpdump", "iperf3")
    os.chmod(rig.tmp, 0o777)  # the collector is nobody
    a, b, c, start = watched(rig, f"ipfix://127.0.0.1:{PORT}?options=1&connections=1&drops=1",
                             f"netflow9://127.0.0.1:{PORT + 1}",
                             f"file:{rig.tmp}/rows.jsonl?drops=1&rotate=1G")
    conf, out, pcap = (f"{rig.tmp}/{n}" for n in ("nfacctd.conf", "nfacctd.json", "sent.pcap"))
    with open(conf, "w") as f:
        f.write(f"daemonize: false\nnfacctd_ip: 127.0.0.1\nnfacctd_port: {PORT}\n"
                "plugins: print\nprint_output: json\nprint_refresh_time: 2\n"
                f"print_output_file: {out}\nprint_output_file_append: true\n"
                "aggregate: src_host, dst_host, src_port, dst_port, proto\n")
    theirs = c.start("nfacctd", "nfacctd", "-f", conf)
    dump = c.start("tcpdump", "tcpdump", "-i", "lo", "-U", "--immediate-mode", "-s", "2000",
                   "-Z", "root", "-w", pcap, "udp")
    rig.wait_until(lambda: str(PORT) in c.run("ss", "-Hlun") and "listening" in dump.log(), "them")
    start()
    agent = rig.agent(b, ["v1"], interval="200ms")
    traffic(rig, a, b)
    for to in ("10.9.0.2", "fd09::2"):  # where nobody listens
        a.run("bash", "-c", f"echo x >/dev/udp/{to}/9")
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")
    sinks(rig)
    reply = rig.cli_json("top", "--by", "proto", "--last", "all", "inet or inet6")
    want = reply["total"]["packets"], sum(r["l3_octets"] for r in reply["rows"])

    def read():
        if not os.path.exists(out):
            return 0, 0
        with open(out) as f:
            rows = [json.loads(line) for line in f]
        return sum(r.get("packets", 0) for r in rows), sum(r.get("bytes", 0) for r in rows)
    rig.wait_until(lambda: read() == want, f"nfacctd to have {want}: {read()}")
    theirs.signal(2)

    def tshark(*words):
        return c.run("tshark", "-r", pcap, "-d", f"udp.port=={PORT},cflow", "-d",
                     f"udp.port=={PORT + 1},cflow", "-V", *words)
    sent = sinks_now(rig)[0]["messages"]
    rig.wait_until(lambda: tshark("-Y", f"udp.dstport=={PORT}").count("Cisco NetFlow/IPFIX") == sent,
                   "tcpdump to have all")
    dump.stop()
    for port in (PORT, PORT + 1):
        part = tshark("-Y", f"udp.dstport=={port}")
        rig.check("v1" in re.findall(r"(?:IfName|Interface ?Name): (\S+)", part),
                  f"{port}: the interface's name: {re.findall('.*[Nn]ame.*', part)[:5]}")
        rig.check(re.search(r"[Ss]ampling ?[Ii]nterval: 1", part), f"{port}: sampling")
    rig.check("alformed" not in tshark(), "malformed")
    go_along(rig, tshark("-Y", f"udp.dstport=={PORT}"))


def go_along(rig, read):
    """Connections and drops, as tshark reads them and as they are in a file."""
    with open(f"{rig.tmp}/rows.jsonl") as f:
        rows = [json.loads(line) for line in f]
    connections = sum(r["type"] == "connection" for r in rows)
    drops = [r for r in rows if r["type"] == "drop"]
    rig.equal(connections + len(drops), sinks_now(rig)[0]["given"] - sinks_now(rig)[1]["given"],
              "what goes along with flows")
    rig.check(connections > 1, "connections were given")
    rig.equal(len(re.findall(r"Flow End Reason: ", read)), connections, "connections that tshark reads")
    names = set(re.findall(r"ApplicationName: (\S+)", read))
    rig.check("iperf3" in names, f"whose connections: {names}")
    rig.check(re.search(r"Enterprise Private entry: .*Example", read) or "32473" in read,
              "elements of an enterprise")
    to_nobody = [r["packets"] for r in drops if r["reason"] == "NO_SOCKET" and r["dst_port"] == 9]
    rig.equal(sum(to_nobody), 2, f"packets for nobody: {drops}")
    rig.equal(sum(map(int, re.findall(r"Dropped Packets: (\d+)", read))),
              sum(r["packets"] for r in drops), "dropped packets that tshark reads")
    rig.equal(sum(r["packets"] for r in drops if not r["purged"]),
              rig.cli_json("drops", "--last", "all")["packets"], "and the store has")
    rig.check(b"NO_SOCKET".hex() in re.sub("[ :]", "", read), "why, in the kernel's words")


def receiver_comes_back(rig):
    """Over UDP: what is sent after it is there again is read, templates come at once."""
    rig.need("nfcapd", "nfdump", "iperf3")
    a, b, c, start = watched(rig, f"ipfix://127.0.0.1:{PORT}")
    start()
    agent = rig.agent(b, ["v1"], interval="200ms")
    for i in range(2):
        folder = f"{rig.tmp}/theirs.{i}"
        os.makedirs(folder)
        # nobody is there: the sink hears of that
        traffic(rig, a, b)
        settled(rig)
        unheard = sinks(rig)[0]["delivered"]
        capd = c.start(f"nfcapd{i}", "nfcapd", "-w", folder, "-p", PORT, "-b", "127.0.0.1", "-t",
                       "3600")
        rig.wait_until(lambda: str(PORT) in c.run("ss", "-Hlun"), "nfcapd")
        before = sinks(rig)[0]["delivered"]
        traffic(rig, a, b)
        settled(rig)
        after = sinks(rig)[0]["delivered"]
        rig.wait_until(lambda: c.run("ss", "-Hlun", "sport", "=", f":{PORT}").split()[1] == "0",
                       "nfcapd to have read all")
        capd.stop()
        text = c.run("nfdump", "-R", folder, "-I")
        got = int(re.search(r"^Flows: (\d+)", text, re.M).group(1))
        # at most the one message that the first error was met with; rows of packets that were late
        # may be heard by one who has just begun to listen
        rig.check(after - before - 20 <= got <= after - unheard,
                  f"{after - before} to {after - unheard} sent: {got} read")
        rig.check(got > 0, "rows after it came back")
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")


def killed(rig):
    """Again and again, at any moment: what was stored and not sent is named, to the row."""
    url = f"ipfix+tcp://127.0.0.1:{PORT}"
    a, b, c, start = watched(rig, url)
    agent = None
    not_sent = 0
    for i in range(4):
        collector = start()
        not_sent += sinks_now(rig)[0]["lost"]["not_sent"]
        agent = agent or rig.agent(b, ["v1"], interval="50ms")
        flood = rig.start(f"flood{i}", [*a.prefix, os.path.join(TOOLS, "flood"), "--dev", "v0", "--pps",
                                        "20000", "--flows", "200", "--seconds", "60"])
        seen = set()  # several transactions, the last one perhaps under way
        rig.wait_until(lambda: seen.add(sinks_now(rig)[0]["waiting"]) or len(seen) > 3, "rows")
        time.sleep(random.random() * 1.2)
        collector.kill()
        flood.stop()
    start()
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")
    settled(rig)
    (sink,) = sinks_now(rig)
    not_sent += sink["lost"]["not_sent"]
    rig.check(not_sent > 1000, f"rows that waited when it was killed: {not_sent}")
    stored = rig.cli_json("top", "--last", "all")["total"]["flows"]
    rig.equal(not_sent + sink["waiting"], stored, "rows not sent, and stored")
    rig.equal(sink["given"], sink["waiting"] + sum(sink["lost"].values()), f"{sink}")


def queue_is_full(rig):
    """Nobody listens, and more rows come than may wait: named, and the store has them all."""
    a, b, c, start = watched(rig, f"ipfix+tcp://127.0.0.1:{PORT}")
    start()
    agent = rig.agent(b, ["v1"], interval="200ms")
    sent = 0
    while not sinks_now(rig)[0]["lost"]["queue_full"]:
        sent += rig.flood(a, "v0", b, "v1", packets=100_000, flows=60_000,
                          lossy=True)["packets"]
        rig.check(sent < 10_000_000, "it never fills")
        settled(rig)
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")
    settled(rig)
    (sink,) = sinks_now(rig)
    rig.equal(sink["given"], sink["waiting"] + sum(sink["lost"].values()), f"{sink}")
    rig.check(rig.cli_json("audit", "--last", "all")["balanced"], "the ledger")


TESTS = (ipfix, netflow9, another_collector, tcp, tls, nfacctd, receiver_comes_back, killed, queue_is_full)

if __name__ == "__main__":
    run_test(*[t for t in TESTS if t.__name__ in (sys.argv[1:] or [x.__name__ for x in TESTS])])
