#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
# beside others: a collector alone, nothing of the host is looked at
"""`wiretally import` counts every capture file as tshark does, per flow, to the byte.

For each file of WT_PCAPS (default: ../shared/pcaps beside the repository), flow by flow: outer
addresses, ports, protocol, ethertype, VLAN ids; packets and octets. What tshark cannot dissect far
enough either must be refused by name. Where we differ on purpose, docs/captures.md says why: its
table is the list of exceptions here, and an exception that no longer differs fails as well.

Independent of that, and without exceptions: seen = recorded + refused, and seen is what capinfos
counts.
"""
import collections
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
PCAPS = os.environ.get("WT_PCAPS", os.path.join(ROOT, "..", "shared", "pcaps"))
TABLE = os.path.join(ROOT, "docs", "captures.md")

FIELDS = """frame.interface_id frame.len frame.protocols eth.type eth.len vlan.id vlan.etype vlan.len ieee8021ad.id
    mpls.label ip.src ip.dst ip.proto ip.frag_offset ipv6.src ipv6.dst ipv6.nxt
    ipv6.hopopts.nxt ipv6.routing.nxt ipv6.fraghdr.nxt ipv6.fraghdr.offset ipv6.dstopts.nxt
    ah.next_header tcp.srcport tcp.dstport udp.srcport udp.dstport sctp.srcport sctp.dstport
    icmp.type icmp.code icmpv6.type icmpv6.code""".split()
# One packet at a time: no fragment or stream is put together.
OPTIONS = """ip.defragment:FALSE ipv6.defragment:FALSE tcp.desegment_tcp_streams:FALSE
    tcp.analyze_sequence_numbers:FALSE ipv6.tso_support:TRUE""".split()
EXTENSIONS = {0: "ipv6.hopopts.nxt", 43: "ipv6.routing.nxt", 44: "ipv6.fraghdr.nxt",
              60: "ipv6.dstopts.nxt", 51: "ah.next_header"}
PORTS = {6: ("tcp.srcport", "tcp.dstport"), 17: ("udp.srcport", "udp.dstport"),
         136: ("udp.srcport", "udp.dstport"), 132: ("sctp.srcport", "sctp.dstport"),
         1: ("icmp.type", "icmp.code"), 58: ("icmpv6.type", "icmpv6.code")}
REFUSED = "refused"


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


class Undissected(Exception):
    """tshark did not get as far as a flow's key either."""


class Frame:
    """One line of tshark's: each field is the list of its occurrences, outermost first."""

    def __init__(self, line):
        values = line.rstrip("\n").split("\t")
        self.fields = {n: v.split(";") if v else [] for n, v in zip(FIELDS, values)}

    def take(self, name):
        """The next occurrence, as tshark met it."""
        if not self.fields[name]:
            raise Undissected(name)
        return self.fields[name].pop(0)

    def number(self, name):
        return int(self.take(name), 0)


def type_behind(frame, tag, layers):
    """tshark has no field for the ethertype in an 802.1ad tag: what follows names it."""
    if tag == "vlan":
        return frame.number("vlan.etype") if frame.fields["vlan.etype"] else 0
    return {"arp": 0x0806}.get(([x for x in layers if x != "ethertype"] + [""])[0], 0)


def link_of(frame, layers):
    """Consume layers up to the network header. Returns (ethertype, [VLAN ids], is it IP?)."""
    vlans = []
    if not layers or layers.pop(0) != "eth":
        raise Undissected("eth")
    ethertype = frame.number("eth.type") if frame.fields["eth.type"] else 0
    if not ethertype:
        frame.take("eth.len")
    while layers:
        layer = layers.pop(0)
        if layer == "ethertype":
            continue
        if layer in ("vlan", "ieee8021ad"):
            vlans.append(frame.number(layer + ".id"))
            ethertype = type_behind(frame, layer, layers)
        elif layer in ("ip", "ipv6"):
            return (0x0800 if layer == "ip" else 0x86dd), vlans, True
        elif layer != "mpls":
            break
    return ethertype, vlans, False


def transport_of(frame, version):
    """(protocol, is it a later fragment?) behind the extension headers."""
    if version == 4:
        proto = frame.number("ip.proto")
        if frame.number("ip.frag_offset"):
            return proto, True
        walk = (51,)
    else:
        proto = frame.number("ipv6.nxt")
        walk = EXTENSIONS
    while proto in walk:
        is_fragment = proto == 44
        proto = frame.number(EXTENSIONS[proto])
        if is_fragment and frame.number("ipv6.fraghdr.offset"):
            return proto, True
    return proto, False


def key_of(frame):
    layers = frame.take("frame.protocols").split(":")
    ethertype, vlans, is_ip = link_of(frame, layers)
    vlans = tuple((vlans + [None, None])[:2])
    if not is_ip:
        return ("", "", 0, 0, 0, ethertype, False, *vlans)
    family = "ip" if ethertype == 0x0800 else "ipv6"
    source, destination = frame.take(family + ".src"), frame.take(family + ".dst")
    proto, later = transport_of(frame, 4 if family == "ip" else 6)
    ports = (0, 0)
    if proto in PORTS and not later:
        ports = tuple(frame.number(name) for name in PORTS[proto])
    return (source, destination, *ports, proto, ethertype, later, *vlans)


def count_by_tshark(paths):
    """All files in one run, told apart by the interface that mergecap makes of each: {file: flows}."""
    names = [os.path.basename(p) for p in paths]
    flows = {name: collections.defaultdict(lambda: [0, 0]) for name in names}
    command = ["tshark", "-n", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=;"]
    for option in OPTIONS:
        command += ["-o", option]
    for field in FIELDS:
        command += ["-e", field]
    with tempfile.NamedTemporaryFile(suffix=".pcapng") as merged:
        subprocess.run(["mergecap", "-a", "-I", "none", "-F", "pcapng", "-w", merged.name, *paths],
                       check=True, stderr=subprocess.DEVNULL)
        run = subprocess.run([*command, "-r", merged.name], capture_output=True, text=True,
                             errors="replace", timeout=150, check=True)
    for line in run.stdout.splitlines():
        frame = Frame(line)
        name = names[frame.number("frame.interface_id")]
        octets = frame.number("frame.len")
        try:
            key = key_of(frame)
        except Undissected:
            key = REFUSED
        flows[name][key][0] += 1
        flows[name][key][1] += octets
    return {name: dict(flows[name]) for name in names}


def key_of_row(row):
    vlans = [v & 0xfff if v else None for v in (row["vlan_outer"], row["vlan_inner"])]
    is_ip = row["ethertype"] in (0x0800, 0x86dd)
    ends = (row["source"], row["destination"]) if is_ip else ("", "")
    return (*ends, row["source_port"], row["destination_port"], row["protocol"], row["ethertype"],
            row["later_fragment"], *vlans)


def count_by_import(paths):
    """All files in one run: {file: (flows, ledger)}."""
    run = subprocess.run([os.path.join(BUILD, "bin", "wiretally"), "import", "--print", *paths],
                         capture_output=True, text=True, timeout=300)
    if run.returncode not in (0, 1):
        sys.exit(f"wiretally import: exit {run.returncode}: {run.stderr}")
    flows = {os.path.basename(p): collections.defaultdict(lambda: [0, 0]) for p in paths}
    ledgers = {name: collections.Counter() for name in flows}
    for line in run.stdout.splitlines():
        row = json.loads(line)
        if "ledger" in row:
            take_ledger(row, flows[row["exporter"]], ledgers[row["exporter"]])
            continue
        sums = flows[row["exporter"]][key_of_row(row)]
        sums[0] += row["packets"]
        sums[1] += row["l2_octets"]
    return {name: (dict(flows[name]), ledgers[name]) for name in flows}


def take_ledger(row, flows, ledger):
    for name, count in row["ledger"]["counts"].items():
        ledger[name + " packets"] += count["packets"]
        ledger[name + " octets"] += count["octets"]
        if name.startswith("unparsed/"):
            flows[REFUSED][0] += count["packets"]
            flows[REFUSED][1] += count["octets"]


def count_by_capinfos(paths):
    run = subprocess.run(["capinfos", "-T", "-M", "-m", "-r", "-c", "-d", *paths], capture_output=True,
                         text=True)
    rows = [line.rsplit(",", 2) for line in run.stdout.splitlines() if line]
    return {os.path.basename(name.strip('"')): (int(packets), int(octets))
            for name, packets, octets in rows}


def exceptions():
    """The rows of the table: | `file` | reason |."""
    with open(TABLE, encoding="utf-8") as f:
        return dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", f.read(), re.M))


def check_ledger(name, ours, capinfos):
    flows, ledger = ours
    seen = (ledger["seen packets"], ledger["seen octets"])
    recorded = tuple(sum(v[i] for k, v in flows.items() if k != REFUSED) for i in (0, 1))
    refused = tuple(flows.get(REFUSED, (0, 0)))
    if (ledger["recorded packets"], ledger["recorded octets"]) != recorded:
        yield f"{name}: ledger's recorded is not the sum of the rows: {recorded}"
    if seen != tuple(a + b for a, b in zip(recorded, refused)):
        yield f"{name}: seen {seen} != recorded {recorded} + refused {refused}"
    if seen != capinfos:
        yield f"{name}: seen {seen}, capinfos {capinfos}"


def differences(ours, theirs):
    for key in sorted(set(ours) | set(theirs), key=str):
        if tuple(ours.get(key, (0, 0))) != tuple(theirs.get(key, (0, 0))):
            yield f"    {key}: ours {ours.get(key)}, tshark {theirs.get(key)}"


def main():
    paths = sorted(p for p in glob.glob(os.path.join(PCAPS, "*.pcap*")) if os.path.isfile(p))
    if not paths:
        skip(f"no capture files in {PCAPS} (set WT_PCAPS)")
    if not all(shutil.which(tool) for tool in ("tshark", "mergecap", "capinfos")):
        skip("needs tshark, mergecap and capinfos")
    ours, theirs = count_by_import(paths), count_by_tshark(paths)
    sizes, known = count_by_capinfos(paths), exceptions()
    failures, differing = [], 0
    for name, (flows, ledger) in ours.items():
        failures += check_ledger(name, (flows, ledger), sizes.get(name))
        found = list(differences(flows, theirs[name]))
        differing += bool(found)
        if found and name not in known:
            failures.append("\n".join([f"{name}: differs from tshark"] + found))
        if not found and name in known:
            failures.append(f"{name}: docs/captures.md lists it, but it does not differ")
    print("\n".join(failures))
    print(f"{len(paths)} files, {sum(f[1]['seen packets'] for f in ours.values())} packets,"
          f" {differing} files differ from tshark, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
