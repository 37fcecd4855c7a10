#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""wiretally run: starts both programs, stops both in order, and never leaves one behind."""
import json
import os
import signal
import subprocess

from rig import run_test

PACKETS, FLOWS = 20000, 200


def run_args(rig, *more):
    return [rig.program("wiretally"), "run", "-i", "v1", "--interval", "200ms", "--run-dir",
            f"{rig.tmp}/run", "--data", f"{rig.tmp}/data", "--pin", "none", *more]


def start(rig, ns):
    """A run that watches, and its two children by name."""
    p = ns.start("run", *run_args(rig))
    rig.wait_until(lambda: "watching v1; page and API at" in p.log() or not p.alive(), "watching")
    rig.check(p.alive(), "run ended at its start")
    names = {}
    for pid in p.children():
        with open(f"/proc/{pid}/comm") as f:
            names[f.read().strip()] = pid
    rig.equal(sorted(names), ["wiretally-agent", "wiretally-colle"], "children of run")
    return p, names["wiretally-agent"], names["wiretally-colle"]


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def cli(rig, ns, *args, want=0):
    r = subprocess.run([*ns.prefix, rig.program("wiretally"), *args], capture_output=True, text=True,
                       timeout=60)
    rig.equal(r.returncode, want, f"exit status of {args}: {r.stderr}")
    return r.stdout


def nothing_left(rig, ns, what):
    rig.equal(os.path.exists(f"{rig.tmp}/run/collector.sock"), False, f"{what}: collector.sock")
    rig.equal(os.path.exists(f"{rig.tmp}/run/agent.sock"), False, f"{what}: agent.sock")
    programs = ns.json("bpftool", "-j", "net", "show", "dev", "v1")[0]
    rig.equal([programs["xdp"], programs["tc"]], [[], []], f"{what}: programs on v1")


def answers(rig, a, b):
    """Traffic, and the answers to the packet."""
    rig.flood(a, "v0", b, "v1", packets=PACKETS, flows=FLOWS)

    def total():
        got = json.loads(cli(rig, b, "top", "--json"))["total"]["packets"]
        return got == PACKETS

    rig.wait_until(total, f"{PACKETS} packets in top")
    rig.check("balanced: every packet" in cli(rig, b, "audit"), "audit balances")
    attached = b.json("bpftool", "-j", "net", "show", "dev", "v1")[0]["tc"]
    rig.equal(len(attached), 2, f"programs on v1 while it runs: {attached}")
    status = cli(rig, b, "status", "--agent-socket", f"{rig.tmp}/run/agent.sock")
    rig.check("v1: tcx in and out" in status or "v1: clsact in and out" in status,
              f"status names the hook: {status}")


def refusals(rig, ns):
    """Each with a message, an exit status, and nobody left running."""
    for args, status, message in [
            (("--interval", "soon"), 2, "'soon' is not a duration"),
            (("-i", "nosuch0"), 1, "nosuch0"),
            (("--hook", "kprobe"), 2, "is not one of auto|xdp|tc"),
            (("--run-dir", "/nonexistent/run"), 1, "make '/nonexistent/run'"),
            (("--listen", "127.0.0.1"), 1, "is not ADDR:PORT")]:
        p = ns.start("refused", *run_args(rig, *args))
        rig.equal(p.wait(), status, f"exit status of {args}: {p.log()}")
        rig.check(message in p.log(), f"{args} says {message!r}: {p.log()}")
        rig.equal(p.children(), [], f"{args}: children left")
    r = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", "--inh-caps=-all",
                        *run_args(rig)], capture_output=True, text=True, timeout=30)
    rig.equal(r.returncode, 1, f"exit status without root: {r.stderr}")
    rig.check("needs CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON: run with sudo or" in r.stderr,
              f"what is said without root: {r.stderr}")


def test(rig):
    rig.need("ethtool", "bpftool", "setpriv")
    a, b = rig.netns("a"), rig.netns("b")
    rig.veth(a, "v0", b, "v1")
    refusals(rig, b)

    p, agent, collector = start(rig, b)
    answers(rig, a, b)
    second = b.start("second", *run_args(rig))
    rig.equal(second.wait(), 1, "a second run beside the first")
    p.signal(signal.SIGINT)
    rig.equal(p.wait(), 0, "exit status after Ctrl-C")
    rig.check(gone(agent) and gone(collector), "both have ended before run")
    nothing_left(rig, b, "Ctrl-C")

    p, agent, collector = start(rig, b)
    rig.equal(json.loads(cli(rig, b, "top", "--json"))["total"]["packets"], PACKETS,
              "packets kept over a restart")
    rig.equal(p.stop(), 0, "exit status after SIGTERM")

    for victim, name in ((1, "wiretally-agent"), (2, "wiretally-collector")):
        started = start(rig, b)
        os.kill(started[victim], signal.SIGKILL)
        rig.equal(started[0].wait(), 1, f"exit status after {name} was killed")
        rig.check(f"{name} was killed by signal 9" in started[0].log(), f"it says {name} was killed")
        rig.check(gone(started[1]) and gone(started[2]), f"nobody outlives {name}")
        nothing_left(rig, b, name)

    p, agent, collector = start(rig, b)
    p.kill()
    rig.wait_until(lambda: gone(agent) and gone(collector), "both end when run is killed")


if __name__ == "__main__":
    run_test(test)
