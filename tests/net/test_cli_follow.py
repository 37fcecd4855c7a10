#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
# beside others: a collector alone, nothing of the host is looked at
"""--follow: what is new, once, over a restart of the collector, until Ctrl-C."""
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time

from scapy.all import Ether, IP, UDP, wrpcap

from rig import die_with_parent
from test_cli_query import BUILD, WIRETALLY, Rig, equal, fail, has

SECONDS = 30  # any single event may take


class Follower:
    """wiretally … --follow, and what it has printed so far."""

    def __init__(self, rig, *args, terminal=False):
        self.out = self.err = b""
        env = {**os.environ, "TZ": "UTC", "TERM": "xterm", "WIRETALLY_URL": rig.url}
        mine, theirs = pty.openpty() if terminal else os.pipe()
        self.process = subprocess.Popen([WIRETALLY, *args, "--follow", "--interval", "100ms"],
                                        stdout=theirs, stderr=subprocess.PIPE, env=env,
                                        preexec_fn=die_with_parent)
        os.close(theirs)
        self.stdout = mine
        self.fds = {mine: "out", self.process.stderr.fileno(): "err"}
        for fd in self.fds:
            os.set_blocking(fd, False)

    def read(self, timeout):
        for fd in select.select(list(self.fds), [], [], timeout)[0]:
            try:
                piece = os.read(fd, 1 << 20)
            except OSError:  # a terminal whose other end is closed
                piece = b""
            setattr(self, self.fds[fd], getattr(self, self.fds[fd]) + piece)
            if not piece:
                del self.fds[fd]

    def until(self, claim, what):
        """The first true value of claim(), asked whenever something came."""
        end = time.monotonic() + SECONDS
        while not (value := claim()):
            if time.monotonic() > end or not self.fds:
                fail(f"{what}: not within {SECONDS} s; stdout {self.out!r}, stderr {self.err!r}")
            self.read(end - time.monotonic())
        return value

    def lines(self):
        return self.out.decode().split("\n")[:-1]

    def rows(self):
        return [json.loads(line) for line in self.lines()]

    def stop(self, number=signal.SIGINT):
        self.process.send_signal(number)
        equal(self.process.wait(SECONDS), 0, f"exit status after signal {number}: {self.err!r}")
        while self.fds:
            self.read(SECONDS)
        return self


class RestartingRig(Rig):
    """Its collector can go, and come back at the same place, over the same store."""

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def start(self):
        ready, write = os.pipe()
        self.process = subprocess.Popen(
            [f"{BUILD}/bin/wiretally-collector", "--data", f"{self.dir}/data", "--socket",
             self.socket, "--listen", self.url.removeprefix("http://"), "--ready-fd", str(write)],
            stderr=open(self.log, "a"), pass_fds=[write])
        os.close(write)
        equal(os.read(ready, 2), b"1\n", "collector's ready line")
        os.close(ready)

    def capture(self, name, *ports):
        """A file of one packet to each of these ports, imported."""
        path = f"{self.dir}/{name}"
        packets = [Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=5000, dport=p)
                   for p in ports]
        for i, p in enumerate(packets):
            p.time = 1700000000 + i
        wrpcap(path, packets)
        self.run("import", "--socket", self.socket, path)


def ports_of(follower):
    return [r["dst_port"] for r in follower.rows()]


def test_flows_come_once(rig):
    rig.capture("first.pcap", 1, 2)
    f = Follower(rig, "flows", "--json", "--last", "all")
    f.until(lambda: len(f.rows()) >= 2, "what was there")
    equal(ports_of(f), [1, 2], "what was there, the oldest first")
    rig.capture("second.pcap", 3, 4, 5)
    f.until(lambda: len(f.rows()) >= 5, "what came then")
    rig.capture("third.pcap", 6)
    f.until(lambda: len(f.rows()) >= 6, "what came last")
    equal(ports_of(f.stop()), [1, 2, 3, 4, 5, 6], "each flow once")
    equal(f.err, b"", "nothing to complain about")


def test_a_restart_of_the_collector(rig):
    f = Follower(rig, "flows", "--json", "--last", "all", "dst", "port", ">", "100")
    # a terminal or a pipe, the cursor is taken with the first answer: wait for a row of it
    rig.capture("before.pcap", 101)
    f.until(lambda: ports_of(f) == [101], "the row before")
    rig.stop()
    f.until(lambda: b"no collector at" in f.err, "the message on stderr")
    rig.start()
    f.until(lambda: b"the collector answers again" in f.err, "the other message")
    rig.capture("after.pcap", 102, 103)
    f.until(lambda: len(f.rows()) >= 3, "rows after the restart")
    equal(ports_of(f.stop(signal.SIGTERM)), [101, 102, 103], "none missing and none twice")
    equal(f.err.count(b"no collector at"), 1, "said once")
    equal(f.err.count(b"answers again"), 1, "said once")


def test_tables_go_on_below(rig):
    rig.capture("one.pcap", 201)
    f = Follower(rig, "flows", "--last", "all", "dst", "port", "in", "[201,", "60202]")
    f.until(lambda: len(f.lines()) >= 2, "titles and a row")
    rig.capture("two.pcap", 60202)
    f.until(lambda: len(f.lines()) >= 3, "a row below")
    lines = f.stop().lines()
    equal(len(lines), 3, "titles once, no line behind the rows")
    equal(lines[0].split()[:2], ["START", "DURATION"], "titles")
    has(lines[1], "10.0.0.2:201 ", "the first row")
    has(lines[2], "10.0.0.2:60202 ", "the second row")


def test_top_again(rig):
    f = Follower(rig, "top", "--last", "all", "--by", "dstport", "--json")
    f.until(lambda: len(f.lines()) >= 3, "three answers")
    answers = [json.loads(line) for line in f.stop().lines()]
    equal({a["total"]["packets"] > 0 for a in answers}, {True}, "each is the whole answer")
    f = Follower(rig, "top", "--last", "all", terminal=True)
    f.until(lambda: f.out.count(b"\033[H\033[2J") >= 2, "the screen cleared for each")
    f.stop()
    f = Follower(rig, "tcp", "--last", "all")
    f.until(lambda: f.out.count(b"no connections match\n") >= 2, "answers below each other")
    equal(b"\033" in f.stop().out, False, "no escape sequences in a pipe")


def test_nobody_reads(rig):
    """There is no row to write: it sees the pipe's other end close."""
    for args in (("flows", "--json"), ("drops",)):
        f = Follower(rig, *args)
        os.close(f.stdout)
        equal(f.process.wait(SECONDS), 0, f"exit status of {args}")


def test_errors(rig):
    for args, message in [((*"flows prot".split(), "--follow"), "unknown word 'prot'"),
                          ((*"flows --follow --csv".split(),), "--csv does not go with --follow"),
                          ((*"top --follow --interval 1us".split(),), "--interval: '1us' is not from")]:
        has(rig.run(*args, want=2)[1], message, f"{args}")
    has(rig.run("flows", "--follow", url="http://127.0.0.1:1", want=1)[1], "no collector", "no collector")


def main():
    rig = RestartingRig()
    try:
        for name, test in list(globals().items()):
            if name.startswith("test_"):
                test(rig)
                print(f"ok {name}")
    except BaseException:
        sys.stderr.write(open(rig.log).read())
        raise
    finally:
        rig.close()


if __name__ == "__main__":
    main()
