#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""make otelcol: a real OpenTelemetry Collector, built by build.sh, reads what the sink sends: every log
record with its attributes, and metrics with the values of /metrics."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../net"))
from rig import BUILD, run_test  # noqa: E402
from test_sinks import sinks, traffic, watched  # noqa: E402
from test_sinks_records import totals  # noqa: E402

CONFIG = """
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:4318"}}}}
exporters: {debug: {verbosity: detailed}}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    logs: {receivers: [otlp], exporters: [debug]}
    metrics: {receivers: [otlp], exporters: [debug]}
"""


def values(text, key):
    return re.findall(rf"-> {re.escape(key)}: \w+\((.*?)\)$", text, re.M)


def otelcol(rig):
    rig.need("iperf3")
    a, b, c, start = watched(rig, "otlp+http://127.0.0.1:4318?interval=1s")
    config = f"{rig.tmp}/otelcol.yaml"
    with open(config, "w") as f:
        f.write(CONFIG)
    theirs = c.start("otelcol", f"{BUILD}/deps/otelcol", "--config", f"file:{config}")
    rig.wait_until(lambda: ":4318" in c.run("ss", "-Hltn"), f"it: {theirs.log()}")
    start()
    agent = rig.agent(b, ["v1"], interval="200ms")
    traffic(rig, a, b)
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")
    (sink,) = sinks(rig)
    rig.wait_until(lambda: theirs.log().count("LogRecord #") == sink["delivered"], "every record")
    text = theirs.log()
    sums = tuple(sum(map(int, values(text, f"wiretally.flow.{k}"))) for k in ("packets", "octets"))
    rig.equal((text.count("EventName: wiretally.flow"), *sums), totals(rig),
              "flows, packets, octets")
    rig.equal(set(values(text, "host.name")), {os.uname().nodename}, "the resource")
    rig.check({"10.9.0.1", "fd09::1"} <= set(values(text, "source.address")), "addresses")
    rig.check("iperf3" in values(text, "process.executable.name"), "processes")
    want = sum(int(line.rpartition(" ")[2]) for line in rig.http("/metrics").splitlines()
               if line.startswith("wiretally_seen_bytes_total"))
    rig.wait_until(lambda: newest(theirs.log()) == want, f"{want} octets: {newest(theirs.log())}")
    theirs.stop()


def newest(text):
    """system.network.io of each direction, as it was told last, added up."""
    found = {}
    for part in text.split("-> Name: system.network.io\n")[1:]:
        direction = values(part, "network.io.direction")[0]
        found[direction] = int(re.search(r"^Value: (\d+)", part, re.M).group(1))
    return sum(found.values())


if __name__ == "__main__":
    run_test(otelcol)
