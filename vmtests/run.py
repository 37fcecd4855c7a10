#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""The same tests on several kernels: run.py [--kernels LINE,…] [TEST…]

Each line's newest Debian kernel is booted in QEMU, in software, with one initramfs; guest.py runs
in there. Ends with a matrix kernel × hooks × signal. Exit 0: all that had to work worked; 1: it
did not, or a kernel complained in its log; 77: not one kernel could be had. A kernel that could not
be fetched is said so, loudly, and does not fail the run by itself.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("BUILD", "build")
LINES = ("5.10", "6.1", "6.12", "newest")
GUEST_SECONDS = int(os.environ.get("VMTEST_SECONDS", 420))
MEMORY_MB = 1024
QEMU = ("qemu-system-x86_64", "-M", "pc", "-accel", "tcg,thread=multi", "-cpu", "max,la57=off",
        "-smp", "2", "-m", str(MEMORY_MB), "-nodefaults", "-no-user-config", "-display", "none",
        "-no-reboot", "-serial", "stdio")
# loglevel=5: warnings reach the console. tsc=reliable: hpet costs three times as much to read.
# watchdog_thresh: a busy host may give an emulated CPU no time for longer than 20 s.
CMDLINE = ("console=ttyS0 quiet loglevel=5 panic=-1 mitigations=off tsc=reliable "
           "watchdog_thresh=60")
COMPLAINT = re.compile(r"WARNING: |BUG: |Oops|kernel BUG|Kernel panic|rcu_\w+ (self-)?detected|"
                       r"INFO: rcu|INFO: task .* blocked|soft lockup|Call Trace:|RIP: ")
RESULT = re.compile(r"^@@result \S+ (\S+) (\S+) (ok|FAIL|n\.a\.) ?(.*)")


class Run:
    """One kernel's boot: its results, in the order they came, and what went wrong beside them."""

    def __init__(self, line, version):
        self.line, self.version = line, version
        self.results, self.problems, self.losses = [], [], []
        self.repeats = []
        self.seconds = 0.0
        self.log = ""


def fetch(line):
    r = subprocess.run([f"{HERE}/fetch.sh", line], stdout=subprocess.PIPE, text=True, check=False)
    return r.stdout.strip() if r.returncode == 0 else None


def initramfs(*args):
    subprocess.run([f"{HERE}/initramfs.sh", *args], check=True)


def concatenate(target, *parts):
    with open(target, "wb") as out:
        for part in parts:
            with open(part, "rb") as f:
                while chunk := f.read(1 << 20):
                    out.write(chunk)


def boot(run, kernel, initrd, log_path, tests):
    cmdline = CMDLINE + (f" wt_args={','.join(tests)}" if tests else "")
    started = time.monotonic()
    with open(log_path, "wb") as log:
        qemu = subprocess.Popen([*QEMU, "-kernel", f"{kernel}/vmlinux", "-initrd", initrd,
                                 "-append", cmdline], stdin=subprocess.DEVNULL, stdout=log,
                                stderr=subprocess.STDOUT)
        try:
            qemu.wait(GUEST_SECONDS)
        except subprocess.TimeoutExpired:
            run.problems.append(f"not done within {GUEST_SECONDS} s")
        finally:
            qemu.kill()
            qemu.wait()
    run.seconds = time.monotonic() - started
    with open(log_path, errors="replace") as f:
        run.log = f.read().replace("\r", "")
    judge(run)


def boot_again(run, kernel, initrd, log_path, tests):
    """Once more, and said loudly, when all that went wrong is what a starved guest shows."""
    if not is_starved(run):
        return run
    again = Run(run.line, run.version)
    os.rename(f"{log_path}.log", f"{log_path}-first.log")
    print(f"  AGAIN    {run.version} ({run.seconds:.0f} s): {run.problems[0]}", flush=True)
    boot(again, kernel, initrd, f"{log_path}.log", tests)
    again.repeats.append(f"the whole boot: {run.problems[0]} ({log_path}-first.log)")
    return again


def judge(run):
    for line in run.log.splitlines():
        if m := RESULT.match(line):
            run.results.append(m.groups())
        elif COMPLAINT.search(line) and line.startswith("["):
            run.problems.append(f"the kernel complains: {line}")
        elif line.startswith("@@note"):
            run.problems.append(line[7:])
        elif line.startswith("@@loss"):
            run.losses.append(line[7:])
        elif line.startswith("@@again"):
            run.repeats.append(line[8:])
    if "@@boot" not in run.log:
        run.problems.append("it did not boot")
    elif "@@exit 0" not in run.log.splitlines():
        run.problems.append("the guest's tests did not end well")
    if not run.results:
        run.problems.append("not one result")


# What a host that is too busy does to a guest; a kernel that we hang does it, too: see boot_again().
STARVING = re.compile(r"soft lockup|rcu_\w+ (self-)?detected|INFO: rcu|INFO: task .* blocked|"
                      r"not done within")
STARVED = re.compile(STARVING.pattern + "|did not end well|Call Trace:|RIP: |not one result")


def is_starved(run):
    return (any(STARVING.search(p) for p in run.problems)
            and all(STARVED.search(p) for p in run.problems)
            and not any(r[2] == "FAIL" for r in run.results))


def failed(run):
    return bool(run.problems) or any(r[2] == "FAIL" for r in run.results)


def matrix(runs):
    """One row for each hooks × signal, one column for each kernel."""
    rows = list(dict.fromkeys(r[:2] for run in runs for r in run.results))
    names = [re.sub(r"-.*|\+.*", "", run.version) for run in runs]
    print(f"\n{'hooks':<12}{'signal':<24}" + "".join(f"{n:<12}" for n in names))
    for row in rows:
        cells = []
        for run in runs:
            found = [r[2] for r in run.results if r[:2] == row]
            cells.append("FAIL" if "FAIL" in found else found[0] if found else "-")
        print(f"{row[0]:<12}{row[1]:<24}" + "".join(f"{c:<12}" for c in cells))
    print(f"{'':<12}{'seconds':<24}" + "".join(f"{run.seconds:<12.0f}" for run in runs) + "\n")
    for run, name in zip(runs, names):
        for hooks, signal, verdict, why in run.results:
            if verdict != "ok":
                print(f"{name}: {hooks} {signal}: {verdict} {why}")
        for loss in run.losses:
            print(f"{name}: lost, in the ledger: {loss}")
        for repeat in run.repeats:
            print(f"{name}: failed and had to pass again, {repeat}")
        for problem in dict.fromkeys(run.problems):
            print(f"{name}: FAIL {problem}")


GOOD = "@@boot 1\n@@result 1.0 a b ok\n@@result 2.0 a c n.a. why\n@@exit 0\n"
SELF_TESTS = (  # a guest's log, whether it has failed
    (GOOD, False),
    (GOOD.replace("b ok", "b FAIL"), True),
    (GOOD.replace("exit 0", "exit 1"), True),
    (GOOD.replace("@@exit 0", ""), True),
    (GOOD.replace("@@result", "result"), True),
    (GOOD.replace("@@boot", "boot"), True),
    (GOOD + "[    1.5] WARNING: CPU: 0 PID: 1 at net/core/dev.c:1\n", True),
    (GOOD + "[    1.5] BUG: kernel NULL pointer dereference\n", True),
    (GOOD + "[    1.5] rcu: INFO: rcu_sched self-detected stall on CPU\n", True),
    (GOOD + "[    1.5] mtrr: your CPUs had inconsistent MTRRdefType settings\n", False),
    ("@@note no module veth\n" + GOOD, True),
)


SELF_STARVED = (8,)


def self_test():
    """A judge that cannot condemn is none."""
    for number, (log, want) in enumerate(SELF_TESTS):
        run = Run("", "")
        run.log = log
        judge(run)
        if failed(run) != want:
            sys.exit(f"run.py: self-test {number}: {run.results} {run.problems}")
        if is_starved(run) != (number in SELF_STARVED):
            sys.exit(f"run.py: self-test {number}: starved? {run.results} {run.problems}")


def show_log(run, lines=120):
    print(f"--- the end of {run.version}'s log")
    print("\n".join(run.log.splitlines()[-lines:]))


def main():
    parser = argparse.ArgumentParser(description="the tests on several kernels")
    parser.add_argument("--kernels", default=os.environ.get("KERNELS", ",".join(LINES)))
    parser.add_argument("tests", nargs="*")
    args = parser.parse_args()
    self_test()
    logs = os.path.join(BUILD, "test-logs")
    os.makedirs(logs, exist_ok=True)
    runs, missing = [], []
    with tempfile.TemporaryDirectory(prefix="wiretally-vmtest.") as tmp:
        initramfs("base", f"{tmp}/base")
        for line in args.kernels.split(","):
            kernel = fetch(line)
            if not kernel:
                missing.append(line)
                continue
            run = Run(line, os.path.basename(kernel))
            initramfs("kernel", kernel, f"{tmp}/kernel")
            concatenate(f"{tmp}/initrd", f"{tmp}/base", f"{tmp}/kernel")
            boot(run, kernel, f"{tmp}/initrd", f"{logs}/vmtest-{line}.log", args.tests)
            run = boot_again(run, kernel, f"{tmp}/initrd", f"{logs}/vmtest-{line}", args.tests)
            print(f"  {'FAILED' if failed(run) else 'ok':<8} {run.version} ({run.seconds:.0f} s)",
                  flush=True)
            runs.append(run)
    for run in runs:
        if failed(run):
            show_log(run)
    if runs:
        matrix(runs)
    for line in missing:
        print(f"SKIPPED kernel {line}: it could not be fetched, nothing was proven on it")
    if not runs:
        sys.exit(77)
    bad = sum(map(failed, runs))
    print(f"vmtest: {len(runs) - bad} kernels passed, {bad} failed, {len(missing)} skipped")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
