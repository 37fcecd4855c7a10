#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
# beside others: a collector alone, nothing of the host is looked at
"""A day of the store's life in half a minute: the collector's clock is ours to move. Hours become
files and coarser tiers, old ones go, kill -9 comes at any moment, and every row is there once."""
import glob
import os
import random
import shutil
import signal
import sys
import time

from collector import Collector, batchgen, expect, folder

FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
ROUNDS = int(os.environ.get("ROUNDS", "8"))
ROWS = 4000
KEEP = "raw=2h,minute=4h,hour=30d"


class Clock:
    """The collector's wall clock: ten past some hour of today, and so many hours more. Waiting is
    never faked."""

    def __init__(self, path, hour=10):
        self.file = f"{path}/clock"
        self.offset = hour * 3600 + 600 - int(time.time()) % 86400
        self.set(0)

    def set(self, hours):
        self.hours = hours
        with open(f"{self.file}.new", "w") as f:
            f.write(f"{self.offset + hours * 3600:+d}\n")
        os.chmod(f"{self.file}.new", 0o644)
        os.rename(f"{self.file}.new", self.file)

    def prefix(self):
        return ["env", f"LD_PRELOAD={FAKETIME[0]}", f"FAKETIME_TIMESTAMP_FILE={self.file}",
                "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1",
                "FAKETIME_FORCE_MONOTONIC_FIX=0"]  # else what waits in monotonic time does not


def tiers(c):
    return {t["tier"]: t for t in c.get("/v1/status?fresh=1")["store"]["tiers"]}


def wait_until(look, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.2)
    return found


def totals(c, tier):
    """Everything, counted once or not: what is folded in a coarse tier is part of it."""
    c.get("/v1/status?fresh=1")  # acknowledged is not yet committed
    t = c.get(f"/v1/top?by=proto&last=all&all=1&tier={tier}")["total"]
    return t["packets"], t["octets"]


def same_in_all_tiers(c, want=None):
    for tier in ("raw", "minute", "hour"):
        found = totals(c, tier)
        want = want or found
        expect(f"totals of tier {tier}", found, want)
    return want


def add(c, number):
    expect("batch", batchgen(c, "--agent", "a", "--sequence", number, "--interval", number,
                             "--rows", ROWS, "--retry"), [200])


def start(path, clock):
    c = Collector(path, "--keep", KEEP, prefix=clock.prefix())
    assert c.is_ready, open(f"{path}/log").read()[-2000:]
    return c


def is_sealed(c):
    t = tiers(c)
    return t["raw"]["tables"] == 0 and t["raw"]["files"] > 0 and t


def test_sealing(path):
    clock = Clock(path)
    c = start(path, clock)
    for number in range(1, 4):
        add(c, number)
    before = same_in_all_tiers(c)
    clock.set(2)
    t = wait_until(lambda: is_sealed(c), "the file of an hour that is over")
    expect("rows", t["raw"]["rows"], 3 * ROWS)
    assert 0 < t["minute"]["rows"] < 3 * ROWS, f"minutes have fewer rows: {t['minute']}"
    assert t["minute"]["files"] == 1 and t["hour"]["tables"] == 1, t
    same_in_all_tiers(c, before)
    expect("which tier", c.get("/v1/flows?last=all&limit=1")["tiers"], ["raw"])
    assert c.get("/v1/ledger?last=all")["balanced"], "from the sums of what is sealed"
    expect("intervals", c.get("/v1/ledger?last=all")["rows"][0]["intervals"], 3)
    clock.set(4)
    t = wait_until(lambda: "raw" not in tiers(c) and tiers(c), "records older than 2 h to go")
    same_in_all_tiers(c, before)
    assert c.get("/v1/ledger?last=all")["balanced"]
    clock.set(6)
    wait_until(lambda: "minute" not in tiers(c), "minutes older than 4 h to go")
    same_in_all_tiers(c, before)
    expect("SIGTERM", c.stop(), 0)
    files = os.listdir(f"{path}/data/segments")
    expect("files", [f for f in files if not f.startswith("kept_")], [])


def test_kills(path):
    """Killed while it seals, rolls up, expires: nothing acknowledged is lost, and nothing twice."""
    clock = Clock(path, hour=20)  # so that a day ends, too
    c = start(path, clock)
    for number in range(1, ROUNDS + 1):
        add(c, number)
        clock.set(number)
        time.sleep(random.uniform(0, 1.5))  # anywhere in what the hour's end sets off
        c.stop(signal.SIGKILL)
        c = start(path, clock)
        packets, _ = same_in_all_tiers(c)
        rows = c.get("/v1/top?by=proto&last=all&all=1&tier=hour")["total"]["packets"]
        expect("packets of all tiers", rows, packets)
        seen = sum(r["recorded"]["packets"] for r in c.get("/v1/ledger?last=all")["rows"])
        if number <= 3:  # later, ledgers are older than minutes are kept
            expect("recorded by the agent, and stored", packets, seen)
        assert c.get("/v1/ledger?last=all")["balanced"], f"round {number}"
    c.stop()


def test_clock_goes_back(path):
    """Two hours back, as after summer's end on a bad clock: its hour is sealed already."""
    clock = Clock(path)
    clock.set(1)
    c = start(path, clock)
    add(c, 1)
    clock.set(3)
    wait_until(lambda: is_sealed(c), "the file of the first hour")
    clock.set(1)
    add(c, 2)
    before = same_in_all_tiers(c)
    expect("rows", c.get("/v1/status?fresh=1")["store"]["rows"], 2 * ROWS)
    clock.set(4)
    wait_until(lambda: is_sealed(c) or "raw" not in tiers(c), "the rest to be sealed")
    same_in_all_tiers(c, before)
    assert c.get("/v1/ledger?last=all")["balanced"]
    c.stop()


def main():
    if os.geteuid() != 0:
        print("needs root, to see it drop its privileges")
        return 77
    if not FAKETIME:
        print("needs libfaketime (make deps)")
        return 77
    seed = os.environ.get("SEED") or str(random.randrange(1 << 30))
    random.seed(seed)
    print("SEED", seed, flush=True)
    path = None
    try:
        for test in (test_sealing, test_kills, test_clock_goes_back):
            path = folder()
            test(path)
            shutil.rmtree(path)
            print("ok", test.__name__, flush=True)
    except Exception:
        if os.path.exists(f"{path}/log"):
            sys.stderr.write(open(f"{path}/log").read()[-3000:])
        raise
    finally:
        for c in Collector.all:
            c.process.kill()
            c.process.wait()
        shutil.rmtree(path, ignore_errors=True)
    return 0


sys.exit(main())
