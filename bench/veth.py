#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""Many flows through a veth: ns a packet of each program, by the kernel's run-time statistics less
what an empty program takes. One line of JSON each. bench/veth.py [PEER.o:PROGRAM…]

VETH_PACKETS (2,000,000) a measurement, VETH_ROUNDS (2) of which the lower median counts, VETH_FLOWS
('1 1000 16384 1000000'), VETH_MODES ('uniform zipf'), VETH_PROGRAMS (beside an empty one).
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/net"))
from rig import BUILD, Failed, run_test  # noqa: E402

PACKETS = int(os.environ.get("VETH_PACKETS", "2000000"))
ROUNDS = int(os.environ.get("VETH_ROUNDS", "2"))
FLOWS = [int(n) for n in os.environ.get("VETH_FLOWS", "1 1000 16384 1000000").split()]
NAMES = os.environ.get("VETH_PROGRAMS", "ours_tc percpu_tc shared_tc ours_xdp percpu_xdp").split()


def measure(rig, a, b, program, flows, mode):
    """One program attached, one flood over it: what attach prints."""
    p = b.start("attach", os.path.join(BUILD, "bench/attach"), program, "v1")
    rig.wait_until(lambda: "ready" in p.log() or not p.alive(), f"{program} attached")
    rig.check(p.alive(), f"{program}: {p.log()}")
    # All runs count, those that make a flow's row, too: with a million flows they are half.
    sent = rig.flood(a, "v0", b, "v1", packets=PACKETS, flows=flows, mode=mode, lossy=True)
    rig.equal(p.stop(), 0, f"{program}: exit code")
    r = json.loads(p.log().splitlines()[-1])
    rig.check(r["runs"] >= sent["check"]["rx_packets"], f"{program} saw {r['runs']} of {sent}")
    r["pps"] = sent["pps"]
    return r


def rounds(rig, a, b, flows, mode):
    """{program: [measurements]}; the programs take turns, so that a slow minute hits all alike."""
    got = {}
    programs = ["empty_tc", "empty_xdp", *NAMES, *sys.argv[1:]]
    for _ in range(ROUNDS):
        for program in list(programs):
            try:
                r = measure(rig, a, b, program, flows, mode)
            except Failed as e:
                print(f"bench: veth: {e}", file=sys.stderr)
                programs.remove(program)
                continue
            r["ns"] = r["run_ns"] / r["runs"]
            got.setdefault(program, []).append(r)
    return got


def report(got, flows, mode):
    median = {p: sorted(rs, key=lambda r: r["ns"])[(len(rs) - 1) // 2] for p, rs in got.items()}
    empty = {r["hook"]: r["ns"] for p, r in median.items() if p.startswith("empty_")}
    for program, r in median.items():
        if program.startswith("empty_"):
            continue
        line = {"bench": "veth", "program": program, "hook": r["hook"], "flows": flows,
                "mode": mode, "ns": round(r["ns"] - empty[r["hook"]], 2), "pps": r["pps"],
                "packets": r["runs"]}
        if r["seen"]:
            line.update(spilled=r["spilled"], folded=r["folded"])
        print(json.dumps(line), flush=True)


def veth(rig):
    a, b = rig.netns("a"), rig.netns("b")
    rig.veth(a, "v0", b, "v1")
    for mode in os.environ.get("VETH_MODES", "uniform zipf").split():
        for flows in FLOWS:
            if mode == "uniform" or flows > 1:
                report(rounds(rig, a, b, flows, mode), flows, mode)


if __name__ == "__main__":
    run_test(veth)
