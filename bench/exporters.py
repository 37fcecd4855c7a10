#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""The collector beside nfcapd, on the same IPFIX stream: CPU a million records, bytes a record on
disk (ours when it is sealed, which has CPU of its own), memory, and the highest rate at which nothing is lost. exporters.py [RECORDS]. Everything runs
in turn on one machine, the sender beside it: compare ratios."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

BUILD = os.environ.get("BUILD", "build")
PORT = 29955
QUESTIONS = ("src", "src,dst,dstport")  # top 10 of the hour by bytes
TICKS = os.sysconf("SC_CLK_TCK")


def gen(records, rate):
    out = subprocess.run([f"{BUILD}/tests/tools/ipfixgen", "--port", str(PORT), "--records",
                          str(records), "--rate", str(rate)], check=True, stdout=subprocess.PIPE)
    return json.loads(out.stdout)


def cpu(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mib(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmHWM:\s*(\d+)", f.read()).group(1)) / 1024


def disk(path):
    return sum(os.path.getsize(os.path.join(d, n)) for d, _, names in os.walk(path) for n in names)


def is_quiet(pid, seconds=0.3):
    before = cpu(pid)
    time.sleep(seconds)
    return cpu(pid) - before <= 0.02


class Ours:
    name = "wiretally-collector"

    def __init__(self, folder):
        self.folder = folder
        ready, write = os.pipe()
        self.log = open(f"{folder}/log", "w+")
        self.process = subprocess.Popen(
            [f"{BUILD}/bin/wiretally-collector", "--data", f"{folder}/data", "--socket",
             f"{folder}/sock", "--listen", "127.0.0.1:0", "--exporters", f"127.0.0.1:{PORT}",
             "--max-disk", "100G", "--ready-fd", str(write)], pass_fds=[write], stderr=self.log)
        os.close(write)
        os.read(ready, 2)
        self.log.seek(0)
        self.url = re.search(r"http://127\.0\.0\.1:\d+", self.log.read()).group(0)

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=60) as r:
            return r.read().decode()

    def metric(self, name):
        return float(re.search(rf"^wiretally_collector_{name} (\S+)$", self.get("/metrics"),
                               re.M).group(1))

    def rows(self):
        self.get("/v1/status?fresh=1")
        return int(self.metric("rows_total"))

    def settle(self, records):
        end = time.monotonic() + 60
        while self.rows() < records and time.monotonic() < end:
            if is_quiet(self.process.pid, 3):  # nothing waits longer than two seconds
                break

    def ask(self, by):
        started = time.monotonic()
        self.get(f"/v1/top?by={by}&n=10&last=1h")
        return time.monotonic() - started

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)

    def keep(self):
        """Octets of all files of records, and the CPU that making them, and minutes, takes."""
        out = subprocess.run([f"{BUILD}/bench/seal", f"{self.folder}/data"], check=True,
                             stdout=subprocess.PIPE)
        sealed = json.loads(out.stdout)
        return sealed["octets"], sealed["cpu_s"]


class Theirs:
    name = "nfcapd"

    def __init__(self, folder):
        self.folder = f"{folder}/theirs"
        os.makedirs(self.folder)
        self.process = subprocess.Popen(
            ["nfcapd", "-w", self.folder, "-p", str(PORT), "-b", "127.0.0.1", "-t", "3600", "-z",
             "-B", str(32 << 20)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while f"{PORT}" not in subprocess.run(["ss", "-Hlun"], stdout=subprocess.PIPE,
                                              text=True, check=True).stdout:
            time.sleep(0.05)

    def settle(self, records):
        while not is_quiet(self.process.pid):
            pass

    def rows(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        out = subprocess.run(["nfdump", "-R", self.folder, "-I"], stdout=subprocess.PIPE, text=True,
                             check=True).stdout
        return int(re.search(r"^Flows: (\d+)$", out, re.M).group(1))

    def ask(self, by):
        how = {"src": ["-s", "srcip/bytes"], "src,dst,dstport":
               ["-A", "srcip,dstip,dstport", "-O", "bytes"]}[by]
        started = time.monotonic()
        subprocess.run(["nfdump", "-R", self.folder, "-q", "-n", "10", *how], check=True,
                       stdout=subprocess.DEVNULL)
        return time.monotonic() - started

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)

    def keep(self):
        return disk(self.folder), 0.0


def measure(kind, records, rate, questions=False):
    folder = tempfile.mkdtemp(prefix="wt-bench-")
    os.chmod(folder, 0o755)
    try:
        p = kind(folder)
        before = cpu(p.process.pid)
        sent = gen(records, rate)
        p.settle(sent["records"])
        used, peak = cpu(p.process.pid) - before, memory_mib(p.process.pid)
        rows = p.rows()
        asked = {by: min(p.ask(by) for _ in range(3)) for by in QUESTIONS} if questions else {}
        p.stop()
        octets, sealing = p.keep() if questions else (0, 0.0)
        return {"asked": asked, "rows": rows, "lost": sent["records"] - rows, "cpu": used,
                "peak_mib": peak, "octets": octets, "sealing": sealing,
                "rate": sent["records"] / sent["seconds"]}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def highest(kind, seconds=4):
    """Records a second without loss, to an eighth."""
    rate, step, best = 200_000, 2.0, 0
    while step > 1.1:
        got = measure(kind, int(rate * seconds), int(rate))
        ok = got["lost"] == 0 and got["rate"] > rate * 0.9
        print(f"  {kind.name} at {rate:.0f}/s: lost {got['lost']}, sent {got['rate']:.0f}/s",
              file=sys.stderr)
        if ok:
            best = max(best, rate)
            rate *= step
        if not ok:
            rate = max(best, rate / step) * (1 + (step - 1) / 2) if best else rate / 2
            step = 1 + (step - 1) / 2
    return best


def main():
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000
    found = {}
    for kind in (Theirs, Ours):
        m = measure(kind, records, 150_000, questions=True)
        m["highest"] = highest(kind)
        found[kind.name] = m
        print(f"exporters: {kind.name}: {m['rows']} records, {m['lost']} lost at 150,000/s, "
              f"{m['cpu'] / records * 1e6:.2f} CPU s per million and "
              f"{m['sealing'] / records * 1e6:.2f} for sealing, {m['octets'] / m['rows']:.1f} "
              f"bytes a record, peak {m['peak_mib']:.0f} MiB, no loss up to "
              f"{m['highest']:.0f}/s; top 10 by " + ", by ".join(
                  f"{by}: {s * 1e3:.0f} ms" for by, s in m["asked"].items()), file=sys.stderr)
    ours, theirs = found[Ours.name], found[Theirs.name]
    print(f"exporters: ours / nfcapd: CPU {ours['cpu'] / theirs['cpu']:.2f}, bytes "
          f"{ours['octets'] / theirs['octets']:.2f}, highest rate without loss "
          f"{ours['highest'] / theirs['highest']:.2f}; questions " + ", ".join(
              f"{ours['asked'][by] / theirs['asked'][by]:.2f}" for by in QUESTIONS),
          file=sys.stderr)


main()
