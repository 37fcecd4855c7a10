#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""`wiretally import` and a live replay over veth agree, flow by flow, for every capture file.

Frames that an interface cannot send (too short, too long) and files cut at capture are left out of
the comparison by flow, and named; the ledger must balance over all of them.
"""
import collections
import glob
import json
import os
import subprocess
import sys

from ledger import audit
from rig import BIN, ROOT, run_test

PCAPS = os.environ.get("WT_PCAPS", os.path.join(ROOT, "..", "shared", "pcaps"))

def key_of(row):
    vlans = tuple(v & 0xfff for v in (row["vlan_outer"], row["vlan_inner"]) if v)
    return (row["source"], row["destination"], row["source_port"], row["destination_port"],
            row["protocol"], row["ethertype"], vlans, row["later_fragment"], row["tunnel_id"])


def live_key(row):
    vlans = tuple(v for v in (row["vlan_outer"], row["vlan_inner"]) if v is not None)
    return (row["src"] or "::", row["dst"] or "::", row["src_port"] or 0, row["dst_port"] or 0,
            row["proto"] or 0, int(row["ethertype"], 16), vlans, row["later_fragment"],
            row["tunnel_id"])


def imported(path):
    """Flows of one file, and the octets of its ledger's counts."""
    out = subprocess.run([f"{BIN}/wiretally", "import", "--print", path], check=True, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    sums, counts = collections.Counter(), {}
    for line in out.splitlines():
        row = json.loads(line)
        if "ledger" in row:
            for name, c in row["ledger"]["counts"].items():
                counts[name] = counts.get(name, 0) + c["octets"]
            continue
        sums[key_of(row)] += row["packets"]
        sums[key_of(row) + ("octets",)] += row["l2_octets"]
    return sums, counts


def replayed(rig, hook):
    files = sorted(glob.glob(f"{PCAPS}/*.pcap"))
    if not files:
        rig.skip(f"no captures in {PCAPS} (set WT_PCAPS)")
    a, b = rig.netns("a"), rig.netns("b")
    rig.veth(a, "v0", b, "v1", mtu=65535)
    rig.collector()
    agent = rig.agent(b, ["v1"], hook=hook, interval="1s")
    sent = rig.replay(a, "v0", *files)
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    total = audit(rig, interface="v1", direction="ingress")
    rig.equal(total["seen"], sum(s["sent"] for s in sent), f"{hook}: packets seen")
    rig.equal(total["seen_octets"], sum(s["sent_bytes"] for s in sent), f"{hook}: octets seen")
    want, skipped, cut, left_out = collections.Counter(), collections.Counter(), set(), []
    for path, s in zip(files, sent):
        sums, counts = imported(path)
        if s["sent"] != s["packets"]:
            left_out.append(os.path.basename(path))
            skipped.update(sums)
            continue
        want.update(sums)
        if counts.get("seen", 0) != s["sent_bytes"]:  # cut at capture: lengths are not the wire's
            cut.update(k for k in sums if k[-1] == "octets")
    print(f"not compared by flow, an interface cannot send all of it: {' '.join(left_out)}")
    rig.check(len(left_out) < len(sent) // 10, f"{len(left_out)} files left out")
    got = collections.Counter()
    for row in json.loads(rig.http("/v1/flows?last=all&all=1&limit=100000"))["rows"]:
        if row["direction"] == "ingress" and row.get("kind", "flow") == "flow":
            got[live_key(row)] += row["packets"]
            got[live_key(row) + ("octets",)] += row["octets"]
    compare(rig, hook, want, got, cut | set(skipped))


def compare(rig, hook, want, got, skipped):
    wrong = [(k, want[k], got[k]) for k in sorted(set(want) | set(got), key=str)
             if want[k] != got[k] and k not in skipped]
    for k, w, g in wrong[:20]:
        print(f"{hook}: {k}: import {w}, live {g}")
    rig.equal(len(wrong), 0, f"{hook}: flows that differ, of {len(want) // 2}")


def tc(rig):
    replayed(rig, "auto")


def xdp(rig):
    replayed(rig, "xdp")


TESTS = [tc, xdp]

if __name__ == "__main__":
    run_test(*[t for t in TESTS if t.__name__ in (sys.argv[1:] or [x.__name__ for x in TESTS])])
