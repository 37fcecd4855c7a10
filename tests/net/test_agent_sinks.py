#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""Sinks of the agent itself: with no collector at all, beside one that is away, through kills and
changes of its file of options, every row is delivered once or named."""
import json
import os
import random
import shlex
import signal
import sys
import time

from ledger import agent_status, settled
from rig import TOOLS, run_test
from test_crash import kill_agent
from test_integrations import examples
from test_otlp import ask, victoria
from test_sinks import traffic

PORT = 2055
METRICS = "127.0.0.1:9101"


def hosts(rig):
    a, b = rig.netns("a"), rig.netns("b")
    rig.veth(a, "v0", b, "v1")
    return a, b


def folder_of(rig):
    path = f"{rig.tmp}/out"
    os.makedirs(path)
    os.chmod(path, 0o777)  # the shipper is nobody
    return path


def flows_of(path):
    """Without a line that is not whole yet; a file that is not there has none."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        rows = map(json.loads, f.read().split("\n")[:-1])
        return [r for r in rows if r["type"] == "flow"]


def packets(rows):
    return sum(r["packets"] for r in rows)


def sums(rows, v6):
    rows = [r for r in rows if r["ethertype"] == (0x86dd if v6 else 0x0800)]
    return len(rows), packets(rows), sum(r["l3_octets"] for r in rows)


def counted(rig):
    totals = agent_status(rig)["ledger"]
    return totals["recorded"]["packets"] + totals["folded"]["packets"]


def sinks_of(rig):
    return agent_status(rig)["sinks"]


def flood(rig, a, name):
    return rig.start(name, [*a.prefix, os.path.join(TOOLS, "flood"), "--dev", "v0", "--pps", "20000",
                            "--flows", "200", "--seconds", "60"])


def check_nfdump(rig, b, folder, rows):
    for name in ("inet", "inet6"):
        out = b.run("nfdump", "-R", folder, "-N", "-q", "-o", "fmt:%pkt %byt", name)
        read = [line.split() for line in out.splitlines()]
        theirs = len(read), sum(int(r[0]) for r in read), sum(int(r[1]) for r in read)
        rig.check(theirs[0] > 10, f"{name}: {theirs}")
        rig.equal(theirs, sums(rows, name == "inet6"), f"{name}: nfdump's, and the file's")


def alone(rig):
    """nfcapd, a file and the agent's own ledger have the same; its status and /metrics say so."""
    rig.need("nfcapd", "nfdump", "iperf3")
    a, b = rig.netns("a", ipv6=True), rig.netns("b", ipv6=True)
    rig.veth(a, "v0", b, "v1", ("10.9.0.1/24", "fd09::1/64"), ("10.9.0.2/24", "fd09::2/64"))
    out, theirs = folder_of(rig), f"{rig.tmp}/theirs"
    os.makedirs(theirs)
    capd = b.start("nfcapd", "nfcapd", "-w", theirs, "-p", PORT, "-b", "127.0.0.1", "-t", "3600")
    rig.wait_until(lambda: str(PORT) in b.run("ss", "-Hlun"), "nfcapd")
    example = shlex.split(examples("nfdump")[3])[1:]  # --collector none --sink … --metrics …
    rig.check(f"ipfix://127.0.0.1:{PORT}" in example and METRICS in example, f"{example}")
    agent = rig.agent(b, ["v1"], *example, "--sink", f"file:{out}/flows.jsonl", interval="200ms")
    traffic(rig, a, b)
    rig.wait_until(lambda: counted(rig) > 1000, "packets counted")
    rig.wait_until(lambda: packets(flows_of(f"{out}/flows.jsonl")) == counted(rig),
                   "the file to hold what the agent's ledger says")
    text = b.run(rig.program("wiretally"), "status", "--agent-socket",
                 f"{rig.tmp}/run-test-agent/status.sock")
    rig.check(f"sink ipfix://127.0.0.1:{PORT}: " in text and " 0 lost" in text, text)
    status = agent_status(rig)
    rig.equal(status["last_error"], "", "nobody is missed")
    rig.check(status["ship"]["retries"] == 0 < status["ship"]["acknowledged"], f"{status['ship']}")
    rows = flows_of(f"{out}/flows.jsonl")
    rig.check(all(r["interface"] == "v1" and r["agent"] == "test-agent" for r in rows),
              "interfaces have their names from the first row on")
    delivered = f'wiretally_sink_rows_total{{sink="file:{out}/flows.jsonl",outcome="delivered"}} '
    shown = b.run("curl", "-sS", f"http://{METRICS}/metrics")
    rig.check(delivered in shown, "/metrics of the agent")
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")
    rig.wait_until(lambda: b.run("ss", "-Hlun", "sport", "=", f":{PORT}").split()[1] == "0",
                   "nfcapd to have read all")
    capd.stop()
    check_nfdump(rig, b, theirs, flows_of(f"{out}/flows.jsonl"))


def metrics(rig):
    """OpenTelemetry's names, from an agent alone: what it says of itself, VictoriaMetrics stores."""
    a, b = hosts(rig)
    victoria(rig, b)
    agent = rig.agent(b, ["v1"], "--sink",
                      "otlp+http://127.0.0.1:8428/opentelemetry?signals=metrics&interval=1s",
                      collector="none", interval="200ms")
    sent = rig.flood(a, "v0", b, "v1", packets=10_000, flows=100)["packets"]
    query = ('last_over_time({__name__="system.network.packet.count",'
             '"network.io.direction"="receive"}[1h])')
    rig.wait_until(lambda: [n for labels, n in ask(b, query)
                            if labels["network.interface.name"] == "v1"] == [sent],
                   f"VictoriaMetrics to have {sent} packets")
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")


def collector_away(rig):
    """Sinks do not wait for the collector, which has the same rows when it is back."""
    a, b = hosts(rig)
    path = f"{folder_of(rig)}/flows.jsonl"
    agent = rig.agent(b, ["v1"], "--sink", f"file:{path}?all=1", interval="200ms")
    sent = rig.flood(a, "v0", b, "v1", packets=100_000, flows=1000)["packets"]
    rig.wait_until(lambda: packets(flows_of(path)) >= sent, "all packets in the file")
    rig.check(agent_status(rig)["last_error"], "the collector is away")
    rig.collector()
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")
    settled(rig)
    total = rig.cli_json("top", "--last", "all")["total"]
    rows = flows_of(path)
    rig.equal((len(rows), packets(rows)), (total["flows"], total["packets"]),
              "rows and packets of the file, and of the store")


def killed(rig):
    """Both processes, again and again: what was queued is named, to the row; nothing twice."""
    a, b = hosts(rig)
    rig.collector()
    url, not_sent = f"ipfix+tcp://127.0.0.1:{PORT}", 0
    for i in range(5):
        agent = rig.agent(b, ["v1"], "--sink", url, interval="50ms", pin=True)
        not_sent += sinks_of(rig)[0]["lost"]["not_sent"]
        storm = flood(rig, a, f"flood{i}")
        seen = set()  # several commits, the last one perhaps under way
        rig.wait_until(lambda: seen.add(sinks_of(rig)[0]["waiting"]) or len(seen) > 3, "rows")
        time.sleep(random.random())
        if i % 2:
            kill_agent(rig, agent)
        else:  # the attacher starts another
            old = agent_status(rig)["shipper_pid"]
            os.kill(old, signal.SIGKILL)
            rig.wait_until(lambda: has_new_shipper(rig, old), "a new shipper")
            not_sent += sinks_of(rig)[0]["lost"]["not_sent"]
            kill_agent(rig, agent)
        storm.stop()
    agent = rig.agent(b, ["v1"], "--sink", url, interval="1s", pin=True)
    not_sent += sinks_of(rig)[0]["lost"]["not_sent"]
    rig.check("adopted" in agent.log(), f"tables are adopted: {agent.log()}")
    rig.check(not_sent > 1000, f"rows that waited when it was killed: {not_sent}")
    rig.wait_until(lambda: settled(rig) or not_sent + sinks_of(rig)[0]["waiting"] == stored(rig),
                   f"rows not sent before ({not_sent}) and waiting to be those that are stored")
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")


def stored(rig):
    return rig.cli_json("top", "--last", "all")["total"]["flows"]


def has_new_shipper(rig, old):
    try:
        return agent_status(rig)["shipper_pid"] != old and sinks_of(rig)
    except (OSError, ValueError):
        return False


def changes(rig):
    """SIGHUP: another sink in the file of options. Each row is in the old one's or the new one's."""
    a, b = hosts(rig)
    out, config = folder_of(rig), f"{rig.tmp}/agent.yaml"
    rig.collector()

    def write(name):
        with open(config, "w", encoding="utf-8") as f:
            f.write(f"sink: ['file:{out}/{name}?all=1']\n")

    write("first")
    agent = rig.agent(b, ["v1"], "--config", config, interval="100ms", pin=True)
    storm = flood(rig, a, "flood")
    rig.wait_until(lambda: flows_of(f"{out}/first"), "rows")
    write("second")
    agent.signal(signal.SIGHUP)
    rig.wait_until(lambda: flows_of(f"{out}/second"), "rows of the other sink")
    storm.stop()
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")
    settled(rig)
    total = rig.cli_json("top", "--last", "all")["total"]
    first, second = flows_of(f"{out}/first"), flows_of(f"{out}/second")
    rig.check(first and second, "both have rows")
    rig.equal((len(first) + len(second), packets(first + second)),
              (total["flows"], total["packets"]), "the two together, and the store")


def refused(rig):
    program = rig.program("wiretally-agent")
    cases = ((["--sink", "parquet:/tmp/x.parquet"], "the collector's alone"),
             (["--sink", "ftp://x"], "want ipfix://HOST:PORT"),
             (["--sink", "file:/tmp/x", "--sink", "file:/tmp/x"], "it is given twice"),
             (["--collector", "none"], "give --sink or --metrics"))
    for argv, want in cases:
        p = rig.start("check", [program, *argv, "--check"])
        rig.equal(p.wait(), 2, f"exit code of {argv}: {p.log()}")
        rig.check(want in p.log(), f"{argv}: {p.log()}")


TESTS = (alone, metrics, collector_away, killed, changes, refused)

if __name__ == "__main__":
    run_test(*[t for t in TESTS if t.__name__ in (sys.argv[1:] or [x.__name__ for x in TESTS])])
