#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""OTLP out: metrics that VictoriaMetrics stores are those of /metrics; log records come whole through a
receiver that is away, busy, refuses some and refuses all, read with OpenTelemetry's own schema."""
import json
import os
import re
import subprocess
import sys
import urllib.parse

from rig import BUILD, run_test
from test_sinks import sinks, sinks_now, traffic, watched
from test_sinks_records import connections_stored, totals

VICTORIA = os.path.join(BUILD, "deps/victoria-metrics/victoria-metrics")
OTLP = "/usr/include"
LOGS = "opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest"

# Answers as told, one status a request ("200*": two records of it are rejected), then 200 for ever.
RECEIVER = r"""
import http.server, sys
folder, script = sys.argv[2], sys.argv[3].split(",") if sys.argv[3] else []
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    n = 0
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = script.pop(0) if script else "200"
        answer = b"\x0a\x02\x08\x02" if status.endswith("*") else b""
        if status.startswith("200"):
            with open(f"{folder}/{Handler.n:06}", "wb") as f:
                f.write(body)
            Handler.n += 1
        print(status, self.path, self.headers["Content-Type"], self.headers.get("X-Key"), flush=True)
        self.send_response(int(status.strip("*")))
        if status in ("503", "429"):
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    def log_message(self, *args):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def victoria(rig, ns):
    rig.need("curl")
    rig.check(os.path.exists(VICTORIA), f"{VICTORIA}: make deps fetches it")
    p = ns.start("victoria", VICTORIA, f"-storageDataPath={rig.tmp}/victoria",
                 "-httpListenAddr=127.0.0.1:8428", "-search.latencyOffset=0s")
    rig.wait_until(lambda: ":8428" in ns.run("ss", "-Hltn"), f"VictoriaMetrics: {p.log()}")
    return p


def ask(ns, query):
    """{labels as a dict without the name: value} now."""
    url = "http://127.0.0.1:8428/api/v1/query?" + urllib.parse.urlencode({"query": query})
    found = json.loads(ns.run("curl", "-sS", url))["data"]["result"]
    return [({k: v for k, v in r["metric"].items() if k != "__name__"}, int(float(r["value"][1])))
            for r in found]


def metrics(rig):
    a, b, c, start = watched(
        rig, "otlp+http://127.0.0.1:8428/opentelemetry?signals=metrics&interval=1s")
    victoria(rig, c)
    start()
    agent = rig.agent(b, ["v1"], interval="200ms")
    traffic(rig, a, b)
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")
    sinks(rig)
    host = os.uname().nodename
    for direction, semantic in (("ingress", "receive"), ("egress", "transmit")):
        netns = int(b.run("stat", "-Lc", "%i", "/proc/self/ns/net"))
        labels = (f'agent="test-agent",host="{host}",interface="v1",netns="{netns}",'
                  f'direction="{direction}",layer="outer"')
        for ours, theirs in (("wiretally_seen_bytes_total", "system.network.io"),
                             ("wiretally_seen_packets_total", "system.network.packet.count")):
            want = rig.metric(f"{ours}{{{labels}}}")
            query = f'{{__name__="{theirs}","network.io.direction"="{semantic}"}}'
            rig.check(want > 10, f"{ours}: {want}")
            rig.wait_until(lambda: [v for _, v in ask(c, query)] == [want],
                           f"{theirs} {semantic} to be {want}: {ask(c, query)}")
            (found, _), = ask(c, query)
            rig.equal((found["host.name"], found["network.interface.name"]), (host, "v1"),
                      f"{found}")
    states = ask(c, '{__name__="system.network.connection.count"}')
    rig.check(any(s["network.connection.state"] == "listen" for s, _ in states), f"{states}")


def receiver(rig, ns, folder, script):
    p = ns.start("receiver", sys.executable, "-c", RECEIVER, "4318", folder, script)
    rig.wait_until(lambda: ":4318" in ns.run("ss", "-Hltn"), f"the receiver: {p.log()}")
    return p


def read(folder):
    """Each request as text, by protobuf's compiler."""
    for name in sorted(os.listdir(folder)):
        with open(f"{folder}/{name}", "rb") as f:
            yield subprocess.run(
                ["protoc", "--decode", LOGS, "-I", OTLP,
                 "opentelemetry/proto/collector/logs/v1/logs_service.proto"],
                stdin=f, stdout=subprocess.PIPE, check=True).stdout.decode()


def attribute(record, key):
    m = re.search(rf'key: "{re.escape(key)}"\s+value {{\s+\w+: "?(.*?)"?\s+}}', record)
    return m and m.group(1)


def records(folder):
    found = []
    for text in read(folder):
        found += text.split("log_records {")[1:]
    return found


def logs(rig):
    """The receiver is not there, then busy, then well."""
    rig.need("protoc", "iperf3")
    folder, headers = f"{rig.tmp}/otlp", f"{rig.tmp}/headers"
    os.makedirs(folder)
    with open(headers, "w") as f:
        f.write("X-Key: secret\n")
    a, b, c, start = watched(rig,
                             f"otlp+http://127.0.0.1:4318?signals=logs&header-file={headers}")
    start()
    agent = rig.agent(b, ["v1"], interval="200ms")
    traffic(rig, a, b)
    rig.wait_until(lambda: sinks_now(rig)[0]["error"], "an error that says why rows wait")
    p = receiver(rig, c, folder, "503,429,502")
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")
    (sink,) = sinks(rig)
    rig.equal((sum(sink["lost"].values()), sink["error"]), (0, ""), f"{sink}")
    rig.check("/v1/logs application/x-protobuf secret" in p.log(), f"requests: {p.log()}")
    all_of = records(folder)
    flows = [r for r in all_of if 'event_name: "wiretally.flow"' in r]
    sums = (len(flows), *(sum(int(attribute(r, f"wiretally.flow.{k}")) for r in flows)
                          for k in ("packets", "octets")))
    rig.equal(len(all_of), sink["delivered"], "records")
    mine = [r for r in flows if attribute(r, "network.type")]
    rig.equal(sums, totals(rig), "flows, packets, octets")
    rig.check(all(attribute(r, "source.address") for r in mine), "addresses")
    rig.equal({attribute(r, "network.interface.name") for r in flows}, {"v1"}, "interfaces")
    connections = {attribute(r, "wiretally.connection.id") for r in all_of
                   if 'event_name: "wiretally.connection"' in r and
                   attribute(r, "network.transport") == "tcp"}
    rig.equal(connections, connections_stored(rig), "connections")
    text = next(read(folder))
    rig.check(attribute(text, "host.name") == os.uname().nodename, "the resource")


def rejected(rig):
    """Some of a request, and a whole one: named, and the rest goes on."""
    rig.need("protoc", "iperf3")
    folder = f"{rig.tmp}/otlp"
    os.makedirs(folder)
    a, b, c, start = watched(rig, "otlp+http://127.0.0.1:4318?signals=logs")
    receiver(rig, c, folder, "200*,400")
    start()
    agent = rig.agent(b, ["v1"], interval="200ms")
    traffic(rig, a, b)
    rig.wait_until(lambda: sinks_now(rig)[0]["lost"]["rejected"] > 2, "a request refused")
    traffic(rig, a, b)
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")
    (sink,) = sinks(rig)
    rig.equal(len(records(folder)) - 2, sink["delivered"], "records taken")
    rig.check(sink["delivered"] > 0 and sink["lost"]["queue_full"] == 0, f"{sink}")


TESTS = (metrics, logs, rejected)

if __name__ == "__main__":
    run_test(*[t for t in TESTS if t.__name__ in (sys.argv[1:] or [x.__name__ for x in TESTS])])
