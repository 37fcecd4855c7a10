#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""What watching TCP costs a short connection: nothing watching, the agent (flows, TCP, drops), and
bpftrace doing what tcplife and tcpconnlat do, in turn. CPU microseconds a connection of the whole
machine, and of them nanoseconds within BPF programs. One line of JSON each.

CONNECTIONS_N (20,000) a round, CONNECTIONS_ROUNDS (3). Without bpftrace, that line is missing.
"""
import json
import os
import shutil
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/net"))
from rig import run_test  # noqa: E402

N = int(os.environ.get("CONNECTIONS_N", "20000"))
ROUNDS = int(os.environ.get("CONNECTIONS_ROUNDS", "3"))
STATS = "/proc/sys/kernel/bpf_stats_enabled"

SERVER = """
import socket
s = socket.create_server(("10.0.0.2", 7000), backlog=4096)
print("listening", flush=True)
while True:
    c, _ = s.accept()
    c.recv(10)
    c.close()
"""

CLIENT = """
import socket, sys
for i in range(int(sys.argv[1])):
    s = socket.create_connection(("10.0.0.2", 7000))
    s.sendall(b"0123456789")
    s.recv(1)
    s.close()
"""

# inet_sock_set_state is all that works without kprobes; the tools' own scripts want them.
TCPLIFE = """
tracepoint:sock:inet_sock_set_state /args->protocol == 6/ {
  if (args->newstate == 2) { @syn[args->skaddr] = nsecs; @pid[args->skaddr] = pid;
                             @comm[args->skaddr] = comm; }
  if (args->newstate == 1) { @start[args->skaddr] = nsecs; }
  if (args->newstate == 7) {
    if (@start[args->skaddr]) {
      printf("%d %s %d %d %d %d\\n", @pid[args->skaddr], @comm[args->skaddr], args->sport,
             args->dport, @start[args->skaddr] - @syn[args->skaddr], nsecs - @start[args->skaddr]);
    }
    delete(@syn[args->skaddr]); delete(@start[args->skaddr]); delete(@pid[args->skaddr]);
    delete(@comm[args->skaddr]);
  }
}
BEGIN { printf("ready\\n"); }
"""


def busy_us():
    """CPU time of the machine that was not idle."""
    with open("/proc/stat") as f:
        fields = list(map(int, f.readline().split()[1:9]))
    return (sum(fields) - fields[3] - fields[4]) * 1e6 / os.sysconf("SC_CLK_TCK")


def programs(rig):
    """{id: run time in ns} of all programs."""
    return {p["id"]: p.get("run_time_ns", 0) for p in json.loads(rig.sh("bpftool", "prog", "-j"))}


def watch_nothing(rig, b):
    return lambda: None


def watch_agent(rig, b):
    agent = rig.agent(b, ["v1"], interval="1s")
    return lambda: rig.equal(agent.stop(), 0, "agent's exit code")


def watch_bpftrace(rig, b):
    # In the rig's own mount namespace; this bpftrace looks nowhere else.
    rig.sh("mount", "-t", "debugfs", "debugfs", "/sys/kernel/debug", check=False)
    p = rig.start("bpftrace", ["bpftrace", "-e", TCPLIFE])
    rig.wait_until(lambda: "ready" in p.log() or not p.alive(), "bpftrace ready")
    rig.check(p.alive(), f"bpftrace ended: {p.log()}")
    return lambda: p.stop()


WATCHERS = {"nothing": watch_nothing, "agent": watch_agent, "bpftrace": watch_bpftrace}


def set_stats(on):
    with open(STATS, "w") as f:
        f.write(str(int(on)))


def measure(rig, a, b, name, stats):
    """(µs of CPU, ns in BPF programs) a connection; stats cost some 25 ns a run themselves."""
    before = set(programs(rig))
    stop = WATCHERS[name](rig, b)
    set_stats(stats)
    used = busy_us()
    a.run(sys.executable, "-c", CLIENT, str(N))
    used = busy_us() - used
    ns = sum(t for i, t in programs(rig).items() if i not in before)
    set_stats(False)
    stop()
    return used / N, ns / N


def connections(rig):
    a, b = rig.netns("a"), rig.netns("b")
    rig.veth(a, "v0", b, "v1", "10.0.0.1/24", "10.0.0.2/24")
    a.run("sysctl", "-qw", "net.ipv4.tcp_tw_reuse=1")
    rig.collector()
    server = b.start("server", sys.executable, "-c", SERVER)
    rig.wait_until(lambda: "listening" in server.log(), "the server to listen")
    names = [n for n in WATCHERS if n != "bpftrace" or shutil.which("bpftrace")]
    got = {n: [] for n in names}
    for _ in range(ROUNDS):
        for n in names:
            got[n].append(measure(rig, a, b, n, False)[0])
    for n in names:
        us = statistics.median(got[n])
        ns = measure(rig, a, b, n, True)[1]
        off = statistics.median(got["nothing"])
        print(json.dumps({"bench": "connections", "watcher": n, "cpu_us": round(us, 2),
                          "added_us": round(us - off, 2), "bpf_ns": round(ns)}), flush=True)


if __name__ == "__main__":
    run_test(connections)
