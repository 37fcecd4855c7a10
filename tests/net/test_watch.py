#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""wiretally watch in a real terminal (tmux): views against the API, keys, drilling down, a filter that
is wrong, another size, a collector that goes away; and plain output where there is no screen."""
import os
import sys

from rig import BUILD, run_test
from test_page import CLOSED, GOOD, HOSTILE, LOSSY, REFUSED, client, incident

WIDTH, HEIGHT = 150, 30


class Terminal:
    def __init__(self, rig, *argv):
        self.rig = rig
        rig.need("tmux")
        socket = f"{rig.tmp}/tmux"
        self.tmux = [*rig.collector_ns.prefix, "tmux", "-u", "-S", socket, "-f", "/dev/null"]
        # no daemon: it ends with the test
        rig.start("tmux", [*self.tmux, "-D"],
                  env={**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"})
        rig.wait_until(lambda: os.path.exists(socket), "tmux")
        rig.sh(*self.tmux, "new-session", "-d", "-x", str(WIDTH), "-y", str(HEIGHT),
               " ".join(argv) + f"; echo $? > {rig.tmp}/status")

    def keys(self, *keys):
        self.rig.sh(*self.tmux, "send-keys", *keys)

    def type(self, text):
        self.rig.sh(*self.tmux, "send-keys", "-l", text)

    def screen(self):
        return self.rig.sh(*self.tmux, "capture-pane", "-p")

    def until(self, claim, what):
        try:
            self.rig.wait_until(lambda: claim(self.screen().splitlines()), what)
        except Exception as e:
            raise type(e)(f"{e}\n{self.screen()}")
        return self.screen().splitlines()

    def shows(self, text):
        return self.until(lambda lines: any(text in line for line in lines), f"'{text}' to show")

    def resize(self, width, height):
        self.rig.sh(*self.tmux, "resize-window", "-x", str(width), "-y", str(height))


def row_of(lines, name):
    return next((line for line in lines if name in line.split()), None)


def same_as_the_api(rig, t):
    """Exact numbers, to compare: x."""
    top = rig.cli_json("top", "--by", "src", "--last", "all")["rows"]
    t.shows("talkers")
    t.keys("x")
    for want in top[:3]:
        lines = t.until(lambda lines: (row := row_of(lines, want["src"]))
                        and str(want["packets"]) in row.split(), f"packets of {want['src']}")
        rig.check(str(want["octets"]) in row_of(lines, want["src"]).split(),
                  f"octets: {want}: {lines}")
    t.keys("4")
    t.until(lambda lines: (row := row_of(lines, CLOSED)) and row.split()[1:4]
            == ["9", str(REFUSED), str(REFUSED)], "the refused port's connections and failures")
    t.keys("5")
    drops = rig.cli_json("drops", "--last", "all")["rows"]
    for want in drops[:2]:
        t.until(lambda lines: (row := row_of(lines, want["reason"]))
                and row.split()[1] == str(want["packets"]), f"drops: {want}")
    t.keys("3")
    t.shows(HOSTILE)


def sorted_and_drilled(rig, t):
    t.keys("4")
    t.shows("by retransmits")
    t.until(lambda lines: len(lines) > 3 and LOSSY in lines[3], "the lossy one on top")
    t.keys("Enter")
    t.shows(f"connections, all, by last: dst ip {LOSSY}")
    t.shows("remote_fin")
    t.keys("Escape")
    t.shows("TCP, all, by retransmits")
    t.keys("s")
    t.shows("by failures")
    t.until(lambda lines: len(lines) > 3 and CLOSED in lines[3], "the refused one on top")
    t.keys("1")
    t.until(lambda lines: row_of(lines, "10.0.0.1"), "talkers")
    t.keys("Enter")
    t.shows("conversations, all, by bytes: ip ")
    t.until(lambda lines: row_of(lines, LOSSY), "its conversations")
    t.keys("Enter")
    t.shows("ports, all")
    t.until(lambda lines: any("7000" in line for line in lines[3:]), "its ports")
    t.keys("Enter")
    t.shows("flow records, all")
    t.until(lambda lines: any("v1 in" in line for line in lines[3:]), "its flow records")
    t.keys("2")  # what was drilled into stays behind
    t.shows("conversations, all, by bytes")
    t.until(lambda lines: not any("ip 10" in line for line in lines[:2]), "no filter")


def filtered(rig, t):
    t.keys("/")
    t.type("prot tcp")
    t.keys("Enter")
    t.shows("at character 1 of the filter: unknown word 'prot'; did you mean 'proto'?")
    t.keys("/")
    t.keys("C-u")
    t.type(f"ip {CLOSED}")
    t.keys("Enter")
    t.shows(f"by bytes: ip {CLOSED}")
    t.shows("1 of 1 ")
    t.keys("/", "C-u", "Enter")
    t.until(lambda lines: row_of(lines, GOOD), "all again")


def resized_and_helped(rig, t):
    t.resize(60, 10)
    lines = t.until(lambda lines: len(lines) <= 10 and "1 talkers" in lines[0], "a small screen")
    rig.check(all(len(line) <= 60 for line in lines), f"lines fit: {lines}")
    t.keys("?")
    t.shows("1 … 5, Tab")
    t.keys("x")
    t.resize(WIDTH, HEIGHT)
    t.until(lambda lines: "5 drops" in lines[0], "a large screen")
    t.keys("x")


def gone_and_back(rig, t, a, collector):
    t.keys("1")
    t.until(lambda lines: "talkers, all" in lines[1] and row_of(lines, GOOD), "talkers")
    rig.equal(collector.stop(), 0, "the collector's exit")
    t.shows("no collector at")
    rig.check(row_of(t.screen().splitlines(), GOOD), "what was there stays")
    collector = rig.collector()
    t.until(lambda lines: not any("no collector" in line for line in lines), "it is back")
    t.keys("p")
    t.shows("paused")
    before = rig.cli_json("top", "--last", "all")["total"]["packets"]
    rig.sh(f"{BUILD}/tests/tools/batchgen", "--socket", f"{rig.tmp}/collector.sock", "--source",
           "192.0.2.99", "--rows", "10")
    rig.wait_until(lambda: rig.cli_json("top", "--last", "all")["total"]["packets"] > before, "more")
    t.keys("Down")
    rig.check("192.0.2.99" not in t.screen(), "paused: nothing new")
    t.keys("p")
    t.shows("192.0.2.99")


def screen(rig):
    a, b, agent, collector = incident(rig)
    rig.equal(agent.stop(), 0, "the agent's exit")
    rig.wait_stored()
    t = Terminal(rig, rig.program("wiretally"), "watch", "--last", "all", "--interval", "300ms")
    same_as_the_api(rig, t)
    sorted_and_drilled(rig, t)
    filtered(rig, t)
    resized_and_helped(rig, t)
    gone_and_back(rig, t, a, collector)
    t.keys("q")
    rig.wait_until(lambda: os.path.exists(f"{rig.tmp}/status"), "the end")
    with open(f"{rig.tmp}/status") as f:
        rig.equal(f.read(), "0\n", "exit status")


def without_a_screen(rig):
    rig.collector()
    rig.sh(f"{BUILD}/tests/tools/batchgen", "--socket", f"{rig.tmp}/collector.sock", "--source",
           "192.0.2.99", "--rows", "10")
    rig.wait_stored()
    text = rig.cli("watch", "--count", "1", "--last", "all")
    rig.check("192.0.2.99" in text and "\x1b" not in text, f"piped: {text!r}")
    rig.equal(rig.cli_json("watch", "--count", "1", "--last", "all")["rows"][0]["src"],
              "192.0.2.99", "--json")
    t = Terminal(rig, "TERM=dumb", rig.program("wiretally"), "watch", "--last", "all", "--count", "1")
    rig.wait_until(lambda: os.path.exists(f"{rig.tmp}/status"), "a dumb terminal's answer")
    code, _, err = rig.cli_run("watch", "--count", "1", "prot", "tcp", check=False)
    rig.equal(code, 2, "a wrong filter")
    rig.check("did you mean 'proto'?" in err and "    ^" in err, err)
    code, _, err = rig.cli_run("watch", "--view", "talker", check=False)
    rig.equal(code, 2, f"a wrong view: {err}")


TESTS = [screen, without_a_screen]

if __name__ == "__main__":
    run_test(*[t for t in TESTS if t.__name__ in (sys.argv[1:] or [x.__name__ for x in TESTS])])
