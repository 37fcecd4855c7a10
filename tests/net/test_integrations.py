#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""The examples of docs/integrations.md as they stand there; those of Prometheus, OpenTelemetry and
Kafka are run by test_prometheus.py, test_otlp.py and test_sinks_records.py."""
import glob
import json
import os
import re
import shlex
import sys

from ledger import settled
from rig import ROOT, run_test
from test_sinks import sinks, traffic


def examples(section):
    """Indented lines of a section of docs/integrations.md."""
    with open(f"{ROOT}/docs/integrations.md") as f:
        text = f.read()
    body = text.split(f"## {section}\n", 1)[1].split("\n## ", 1)[0]
    return [line[4:] for line in body.splitlines() if line.startswith("    ")]


def sink_addresses(rig):
    """Every --sink in the documentation is one."""
    rig.need("bash")
    found = {"collector": set(), "agent": set()}
    for path in [f"{ROOT}/README.md", *glob.glob(f"{ROOT}/docs/*.md")]:
        with open(path) as f:
            for line in f.read().splitlines():
                m = re.match(r"    wiretally(-agent|-collector| run) .*--sink", line)
                if m:
                    whose = "agent" if m.group(1) == "-agent" else "collector"
                    found[whose].update(re.findall(r"--sink '?([^' ]+)", line))
    rig.check(len(found["collector"]) >= 9 and found["agent"], f"addresses: {found}")
    for whose, url in sorted((w, u) for w, urls in found.items() for u in urls):
        p = rig.start("check", [rig.program(f"wiretally-{whose}"), "--check", "--sink", url])
        rig.equal((p.wait(), p.log()), (0, f"wiretally-{whose}: all options are right\n"), url)


def in_shell(rig, ns, line):
    return ns.run("bash", "-c", f"cd {rig.tmp}; export PATH={rig.program('')}:$PATH; {line}")


def nfdump_jq_and_graphs(rig):
    rig.need("nfcapd", "nfdump", "jq", "curl", "iperf3")
    receive, send, ask, _ = examples("nfdump")
    a, b, c = rig.netns("a", ipv6=True), rig.netns("b", ipv6=True), rig.netns("c")
    rig.veth(a, "v0", b, "v1", ("10.9.0.1/24", "fd09::1/64"), ("10.9.0.2/24", "fd09::2/64"))
    os.makedirs(f"{rig.tmp}/flows")
    os.makedirs(f"{rig.tmp}/sink")
    os.chmod(f"{rig.tmp}/sink", 0o777)
    os.chmod(rig.tmp, 0o755)
    capd = c.start("nfcapd", "bash", "-c", f"cd {rig.tmp}; exec {receive.rstrip(' &')}")
    rig.wait_until(lambda: ":2055" in c.run("ss", "-Hlun"), "nfcapd")
    url = shlex.split(send)[-1]
    rig.collector(c, None, None, "--sink", url, "--sink", f"file:{rig.tmp}/sink/flows.jsonl")
    agent = rig.agent(b, ["v1"], interval="200ms")
    traffic(rig, a, b)
    a.run("bash", "-c", "for i in 1 2 3; do echo > /dev/tcp/10.9.0.2/443; done; true", check=False)
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")
    sinks(rig)
    capd.stop()
    rig.check("10.9.0.1" in in_shell(rig, c, ask), f"{ask}")
    collector, select, follow, export = examples("Files, jq")
    where = shlex.split(collector)[-1].split(":", 1)[1].split("?")[0]
    rig.check("10.9.0.1" in in_shell(rig, c, select.replace(where, f"{rig.tmp}/sink/flows.jsonl")),
              select)
    rig.equal(in_shell(rig, c, f"timeout 3 {follow} || true").strip(), "", "nothing new")
    in_shell(rig, c, export)
    with open(f"{rig.tmp}/https.parquet", "rb") as f:
        rig.equal(f.read(4), b"PAR1", export)
    d3, dot, mermaid = examples("D3, Graphviz, Mermaid")
    graph = json.loads(in_shell(rig, c, d3))
    rig.check({"id"} <= set(graph["nodes"][0]) and
              {"source", "target", "weight"} <= set(graph["links"][0]), f"{graph}")
    rig.check(in_shell(rig, c, dot.split("|")[0]).startswith("digraph"), dot)
    rig.check("10.9.0.2" in in_shell(rig, c, mermaid), mermaid)
    settled(rig)


TESTS = (sink_addresses, nfdump_jq_and_graphs)

if __name__ == "__main__":
    run_test(*[t for t in TESTS if t.__name__ in (sys.argv[1:] or [x.__name__ for x in TESTS])])
