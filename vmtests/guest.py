#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""What runs inside a guest: guest.py [PART…], PART of flows, xdp, hooks, load (default: the first
three). Each check prints '@@result HOOKS SIGNAL ok|FAIL|n.a. WHY' for run.py's matrix."""
import glob
import os
import subprocess
import sys
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/net"))

import guest_flows  # noqa: E402
import guest_hooks  # noqa: E402
from rig import BUILD, Failed, Rig  # noqa: E402


class NotHere(Exception):
    """This kernel lacks what the check is about, and that is known."""


class Report:
    """Results go to the serial line at once: what hangs later takes none with it."""

    def __init__(self):
        self.failed = 0

    def say(self, hooks, signal, verdict, why=""):
        text = " ".join(str(why).split())[:600]
        print(f"@@result {time.monotonic():.1f} {hooks} {signal} {verdict} {text}".rstrip(),
              flush=True)
        self.failed += verdict == "FAIL"

    def check(self, hooks, signal, function, *args):
        """True when it passed or cannot be had here."""
        try:
            function(*args)
            self.say(hooks, signal, "ok")
            return True
        except NotHere as e:
            self.say(hooks, signal, "n.a.", e)
            return True
        except Failed as e:
            self.say(hooks, signal, "FAIL", e)
        except Exception as e:
            traceback.print_exc(file=sys.stdout)
            self.say(hooks, signal, "FAIL", repr(e))
        return False


class Trial(Report):
    """Results kept back until it is known whether they count."""

    def __init__(self):
        super().__init__()
        self.said = []

    def say(self, hooks, signal, verdict, why=""):
        self.said.append((hooks, signal, verdict, why))
        self.failed += verdict == "FAIL"

    def failures(self):
        return [r for r in self.said if r[2] == "FAIL"]


def kernel():
    """(6, 1): tests may ask, the programs under test may not."""
    return tuple(int(n) for n in os.uname().release.split("-")[0].split("+")[0].split(".")[:2])


def part(report, name, function):
    """In a rig of its own; a crash of the part itself is a result, too."""
    failed = report.failed
    print(f"@@part {name}", flush=True)
    try:
        with Rig(name) as rig:
            function(rig, report)
            if report.failed > failed:
                rig.show_logs(60)
    except Exception as e:
        traceback.print_exc(file=sys.stdout)
        report.say(name, "-", "FAIL", repr(e))


def load(report):
    """For authors: every program before the verifier, one by one."""
    subprocess.run([f"{BUILD}/vmtests/load", *sorted(glob.glob(f"{BUILD}/kern/*.bpf.o"))],
                   check=False)
    report.say("load", "programs", "n.a.", "see the log: the agent says which of them it needs")


def main(names):
    report = Report()
    if "load" in names:
        load(report)
    if "flows" in names:
        part(report, "flows", guest_flows.flows)
    if "xdp" in names:
        part(report, "xdp", guest_flows.dispatcher)
    if "hooks" in names:
        part(report, "hooks", guest_hooks.hooks)
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    sys.modules["guest"] = sys.modules["__main__"]
    main(sys.argv[1:] or ["flows", "xdp", "hooks"])
