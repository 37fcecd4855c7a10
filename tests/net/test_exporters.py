#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""softflowd and pmacctd send to us and to nfcapd, datagram by datagram the same: what we store is
what nfdump counts, for NetFlow v5, v9, IPFIX and sFlow, from captures and from live traffic."""
import glob
import os
import re
import signal
import sys

from rig import ROOT, run_test

PCAPS = os.path.join(ROOT, "../shared/pcaps")
HERE = os.path.dirname(os.path.abspath(__file__))
OURS, THEIRS, RELAY = 2055, 9995, 9990
PMACCT = """daemonize: false
pcap_interface: {dev}
plugins: {plugin}[x]
aggregate[x]: src_host, dst_host, src_port, dst_port, proto, tos, tcpflags, in_iface
nfprobe_receiver[x]: 127.0.0.1:{port}
nfprobe_version[x]: {version}
nfprobe_timeouts[x]: tcp=2:tcp.rst=2:tcp.fin=2:udp=2:icmp=2:general=2:maxlife=60:expint=1
sfprobe_receiver[x]: 127.0.0.1:{port}
sampling_rate[x]: {rate}
"""


class Pair:
    """Our collector and nfdump's, fed alike."""

    def __init__(self, rig, ns, theirs="nfcapd"):
        self.rig, self.ns, self.folder = rig, ns, f"{rig.tmp}/theirs"
        os.makedirs(self.folder)
        rig.collector(ns, None, None, "--exporters", f"127.0.0.1:{OURS}")
        self.capd = ns.start(theirs, theirs, "-w", self.folder, "-p", THEIRS, "-b", "127.0.0.1",
                             "-t", "3600")
        rig.wait_until(lambda: str(THEIRS) in ns.run("ss", "-Hlun"), f"{theirs} to listen")
        self.fan = ns.start("fan_out", sys.executable, f"{HERE}/fan_out.py", RELAY, OURS, THEIRS)
        rig.wait_until(lambda: "ready" in self.fan.log(), "the relay")

    def end(self):
        """All has been sent: (theirs, ours) as flows, packets, octets."""
        rig = self.rig
        rig.equal(self.fan.stop(), 0, f"relay: {self.fan.log()}")
        sent = int(re.search(r"sent (\d+)", self.fan.log()).group(1))
        rig.check(sent > 0, "the exporter sent something")
        name = "wiretally_collector_exporter_datagrams_total"
        rig.wait_until(lambda: rig.metric(name) == sent, f"all {sent} datagrams")
        rig.wait_until(lambda: self.unread() == 0, "them to have read all")
        rig.equal(self.capd.stop(), 0, f"theirs: {self.capd.log()}")
        text = self.ns.run("nfdump", "-R", self.folder, "-I")
        theirs = tuple(int(re.search(rf"^{what}: (\d+)$", text, re.M).group(1))
                       for what in ("Flows", "Packets", "Bytes"))
        rig.wait_until(lambda: self.ours()[0] >= theirs[0], f"rows: {self.ours()} of {theirs}")
        return theirs, self.ours()

    def unread(self):
        """Bytes in the other's socket."""
        line = self.ns.run("ss", "-Hlun", "sport", "=", f":{THEIRS}")
        return int(line.split()[1])

    def ours(self, octets="l3_octets"):
        reply = self.rig.cli_json("top", "--by", "exporter", "--last", "all", "--all",
                                  "exporter 127.0.0.1")
        return (reply["total"]["flows"], reply["total"]["packets"],
                sum(r[octets] for r in reply["rows"]))

    def ledger(self):
        audit = self.rig.cli_json("audit", "--last", "all")
        self.rig.check(audit["balanced"], f"balanced: {audit}")
        rows = [r for r in audit["rows"] if r["point"] == "records"]
        self.rig.check(rows, "records in the ledger")
        return rows


def captures(rig):
    files = sorted(glob.glob(f"{PCAPS}/*.pcap"))
    if not files:
        rig.skip(f"no captures in {PCAPS}")
    return files


def softflowd_reads_captures(rig, version):
    rig.need("softflowd", "nfcapd", "nfdump")
    files, pair = captures(rig), Pair(rig, rig.netns("c"))
    for path in files:
        pair.ns.run("softflowd", "-r", path, "-n", f"127.0.0.1:{RELAY}", "-v", str(version),
                    "-A", "milli", "-d", timeout=60)
    theirs, ours = pair.end()
    rig.check(theirs[0] > 100, f"there is something to compare: {theirs}")
    rig.equal(ours, theirs, f"version {version}: flows, packets, octets, and nfdump's")
    rows = pair.ledger()
    rig.equal(sum(r["stored"]["packets"] for r in rows), ours[0], "records stored")
    rig.equal(sum(r["seen"]["packets"] for r in rows), ours[0], "records seen")


def netflow5(rig):
    softflowd_reads_captures(rig, 5)


def netflow9(rig):
    softflowd_reads_captures(rig, 9)


def ipfix(rig):
    softflowd_reads_captures(rig, 10)


def live_network(rig):
    """Frames as they are on the wire, and none that is not IP."""
    a, b = rig.netns("a"), rig.netns("b")
    rig.veth(a, "v0", b, "v1", "10.9.0.1/24", "10.9.0.2/24", gro=False)
    macs = {}
    for ns, dev in ((a, "v0"), (b, "v1")):
        ns.run("ethtool", "-K", dev, "gro", "off", "gso", "off", "tso", "off")
        macs[dev] = ns.json("ip", "-j", "link", "show", "dev", dev)[0]["address"]
    a.run("ip", "neigh", "replace", "10.9.0.2", "lladdr", macs["v1"], "dev", "v0")
    b.run("ip", "neigh", "replace", "10.9.0.1", "lladdr", macs["v0"], "dev", "v1")
    return a, b


def talk(rig, a, b):
    """Some connections and some datagrams: how many packets crossed v1."""
    before = crossed(b)
    server = b.start("iperf3", "iperf3", "-s")
    rig.wait_until(lambda: "5201" in b.run("ss", "-Hltn"), "iperf3 to listen")
    a.run("iperf3", "-c", "10.9.0.2", "-n", "2M", "-P", "3")
    a.run("iperf3", "-c", "10.9.0.2", "-u", "-n", "200K", "-b", "10M")
    a.run("ping", "-c", "5", "-i", "0.01", "10.9.0.2")
    server.stop()
    rig.equal(before, 0, "packets before")
    return crossed(b)


def crossed(b):
    c = b.counters("v1")
    return c["rx"]["packets"] + c["tx"]["packets"]


def numbers(text, pattern):
    return [int(n) for n in re.findall(pattern, text)]


def softflowd_live(rig):
    """Beside our own agent at the same interface, which misses nothing."""
    rig.need("softflowd", "nfcapd", "nfdump", "iperf3")
    a, b = live_network(rig)
    pair = Pair(rig, b)
    agent = rig.agent(b, ["v1"], interval="200ms")
    ctl = f"{rig.tmp}/ctl"
    flowd = b.start("softflowd", "softflowd", "-i", "v1", "-n", f"127.0.0.1:{RELAY}", "-v", "10",
                    "-A", "milli", "-d", "-c", ctl, "-p", f"{rig.tmp}/pid")
    rig.wait_until(lambda: os.path.exists(ctl), "softflowd")
    sent = talk(rig, a, b)
    # libpcap keeps the last block back until more comes
    rig.wait_until(lambda: numbers(b.run("softflowctl", "-c", ctl, "statistics"),
                                   r"Packets processed: (\d+)")[0] > sent / 2, "most to be read")
    b.run("softflowctl", "-c", ctl, "shutdown")
    flowd.wait()
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")
    theirs, ours = pair.end()
    rig.equal(ours, theirs, "flows, packets, octets, and nfdump's")
    own = rig.cli_json("top", "--by", "proto", "--last", "all", "--all",
                       "exporter test-agent")["total"]["packets"]
    rig.equal(own, sent, "packets of our own agent")
    rig.check(sent / 2 < ours[1] <= sent, f"softflowd saw of {sent}: {ours}")
    pair.ledger()


def pmacctd_live(rig, plugin, version, theirs="nfcapd", rate=1):
    rig.need("pmacctd", theirs, "nfdump", "iperf3")
    a, b = live_network(rig)
    pair = Pair(rig, b, theirs)
    conf = f"{rig.tmp}/pmacct.conf"
    with open(conf, "w") as f:
        f.write(PMACCT.format(dev="v1", plugin=plugin, version=version, rate=rate, port=RELAY))
    d = b.start("pmacctd", "pmacctd", "-f", conf)
    rig.wait_until(lambda: "link type is" in d.log(), "pmacctd")
    sent = talk(rig, a, b)

    def has_read():
        d.signal(signal.SIGUSR1)
        return max(numbers(d.log(), r"received_packets=(\d+)"), default=0) >= sent
    rig.wait_until(has_read, f"pmacctd to read {sent} packets", pause=0.2)
    d.signal(signal.SIGINT)
    d.wait()
    want, ours = pair.end()
    if plugin == "sfprobe":  # sfcapd counts the FCS as well
        flows, packets, octets = pair.ours("octets")
        ours = (flows, packets, octets + 4 * packets)
    rig.equal(ours, want, "flows, packets, octets, and nfdump's")
    rig.check(sent / 4 < ours[1] <= 2 * sent, f"there was traffic: {ours}")
    return pair.ledger()


def pmacctd_netflow9(rig):
    pmacctd_live(rig, "nfprobe", 9)


def pmacctd_ipfix(rig):
    pmacctd_live(rig, "nfprobe", 10)


def pmacctd_sflow(rig):
    pmacctd_live(rig, "sfprobe", 5, theirs="sfcapd", rate=2)


# Words that nfdump and we both have; the numbers are those of the captures. What nfdump has for a
# port of ICMP is its type and code, and flows of damaged captures end before they start: there we
# differ.
FILTERS = """any
proto tcp
proto udp or proto icmp
not proto tcp
ip 10.0.0.1
src net 10.0.0.0/8
dst net 192.168.0.0/16 and proto udp
host 127.0.0.1
inet6
inet
inet and not proto udp
port 53
src port 179
dst port > 1024 and (proto tcp or proto udp)
dst port < 1024 and proto tcp
port in [53 123 179]
dst port in [53 123 179]
packets > 5
packets < 3
packets = 1
bytes > 1000
bytes < 100 and proto udp
duration > 1000 and duration < 100000
duration = 0 and packets = 1
bpp > 100
bpp < 60
bps > 1000
pps > 10
flags S
flags S and not flags A
flags F
tos 192
(proto tcp and port 179) or (proto udp and port 53)
not (port 179 or port 53)
src net 10.0.0.0/8 or dst net 10.0.0.0/8
proto tcp and packets > 3 and bytes > 300""".splitlines()


def filters_of_nfdump(rig):
    """The same filter takes the same flows."""
    rig.need("softflowd", "nfcapd", "nfdump")
    files, pair = captures(rig), Pair(rig, rig.netns("c"))
    for path in files:
        pair.ns.run("softflowd", "-r", path, "-n", f"127.0.0.1:{RELAY}", "-v", "10",
                    "-A", "milli", "-d", timeout=60)
    pair.end()
    taken = 0
    for text in FILTERS:
        out = pair.ns.run("nfdump", "-R", pair.folder, "-N", "-q", "-o", "fmt:%pkt %byt", text)
        rows = [line.split() for line in out.splitlines()]
        want = (len(rows), sum(int(r[0]) for r in rows), sum(int(r[1]) for r in rows))
        total = rig.cli_json("top", "--last", "all", "--all", text)["total"]
        rig.equal((total["flows"], total["packets"], total["octets"]), want, f"'{text}'")
        taken += 0 < want[0]
    rig.check(taken > len(FILTERS) * 3 / 4, f"most filters take something: {taken}")


TESTS = (filters_of_nfdump, netflow5, netflow9, ipfix, softflowd_live, pmacctd_netflow9, pmacctd_ipfix, pmacctd_sflow)

if __name__ == "__main__":
    run_test(*[t for t in TESTS if t.__name__ in (sys.argv[1:] or [x.__name__ for x in TESTS])])
