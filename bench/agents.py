#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""A thousand agents at once on this machine, the swarm beside the collector: what is durable, how
long a batch waits for its acknowledgement, and how long from its post until a query sees it.
agents.py [ROUNDS]: one a second, of 100 and of 1,000 rows from each agent."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

BUILD = os.environ.get("BUILD", "build")
AGENTS = 1000


class Collector:
    def __init__(self, folder):
        self.socket = f"{folder}/sock"
        ready, write = os.pipe()
        log = open(f"{folder}/log", "w+")
        self.process = subprocess.Popen(
            [f"{BUILD}/bin/wiretally-collector", "--data", f"{folder}/data", "--socket",
             self.socket, "--listen", "127.0.0.1:0", "--max-disk", "100G", "--ready-fd",
             str(write)], pass_fds=[write], stderr=log)
        os.close(write)
        os.read(ready, 2)
        log.seek(0)
        self.url = re.search(r"http://127\.0\.0\.1:\d+", log.read()).group(0)

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=60) as r:
            return r.read().decode()

    def peak_mib(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            return int(re.search(r"VmHWM:\s*(\d+)", f.read()).group(1)) / 1024


def probe(c, until, found):
    """A batch of one row, and how long until a query counts it."""
    number = 0
    while not until.is_set():
        number += 1
        subprocess.run([f"{BUILD}/tests/tools/batchgen", "--socket", c.socket, "--agent", "probe",
                        "--sequence", str(number), "--interval", str(number), "--rows", "1",
                        "--interfaces", "1", "--quiet", "--retry"], check=True)
        posted = time.monotonic()
        while True:
            total = json.loads(c.get("/v1/top?by=proto&last=1h&all=1&exporter=probe"))["total"]
            if total["flows"] >= number:
                break
            time.sleep(0.005)
        found.append(time.monotonic() - posted)
        until.wait(0.2)


def measure(rows, rounds):
    folder = tempfile.mkdtemp(prefix="wt-bench-")
    os.chmod(folder, 0o755)
    c = Collector(folder)
    try:
        over, seen = threading.Event(), []
        prober = threading.Thread(target=probe, args=(c, over, seen))
        prober.start()
        out = subprocess.run([f"{BUILD}/tests/tools/swarm", "--socket", c.socket, "--agents",
                              str(AGENTS), "--rows", str(rows), "--rounds", str(rounds)],
                             check=True, stdout=subprocess.PIPE, text=True)
        done = json.loads(out.stdout)
        over.set()
        prober.join()
        c.get("/v1/status?fresh=1")
        stored = json.loads(c.get("/v1/top?by=proto&last=1h&all=1"))["total"]["flows"] - len(seen)
        seen.sort()
        print(f"agents: {AGENTS} × {rows} rows/s: {stored / (AGENTS * rows * rounds):.1%} stored, "
              f"{done['rows'] / done['seconds']:,.0f} rows/s, acknowledged after "
              f"{done['p50_ms']:.1f} ms (p99 {done['p99_ms']:.0f}), {done['retries']} told to wait, "
              f"queryable after {seen[len(seen) // 2] * 1e3:.0f} ms "
              f"(p99 {seen[len(seen) * 99 // 100] * 1e3:.0f}), peak {c.peak_mib():.0f} MiB",
              file=sys.stderr)
    finally:
        c.process.send_signal(signal.SIGTERM)
        c.process.wait(120)
        shutil.rmtree(folder, ignore_errors=True)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    for rows in (100, 1000):
        measure(rows, rounds)


main()
