#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""The page with 1 M flow records in the hour: page.py [ROWS [SOURCES]]. 200 sources and 256 destinations
(some 50,000 conversations) unless told otherwise; with 65536 nearly every record is one of its own.
How long until the overview shows all of its numbers, and until each click's answer is there, the
collector's queries included; and what those queries cost alone. JSON lines on stdout, milliseconds,
medians of five."""
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../tests/net"))
from collector import BATCHGEN, Collector, folder  # noqa: E402

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
SOURCES = sys.argv[2] if len(sys.argv) > 2 else "200"
BATCH = 10_000


def main():
    path = folder()
    c = Collector(path)
    try:
        batches = ROWS // BATCH
        for i in range(1, batches + 1):  # spread over the hour
            at_us = int((time.time() - 3500 + 3500 * i / batches) * 1e6)
            subprocess.run([BATCHGEN, "--socket", c.socket, "--rows", str(BATCH), "--hosts", SOURCES,
                            "--seed", str(i), "--sequence", str(i), "--interval", str(i), "--at",
                            str(at_us), "--quiet", "--retry"], check=True)
        c.get("/v1/status?fresh=1")
        return subprocess.run(["node", f"{HERE}/../tests/ui/speed.mjs"],
                              env={**os.environ, "WT_URL": f"http://127.0.0.1:{c.port}"},
                              stdin=subprocess.PIPE).returncode
    finally:
        c.stop()
        shutil.rmtree(path, ignore_errors=True)


sys.exit(main())
