#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""deploy/prometheus and deploy/grafana with the real Prometheus: rules pass their own tests, what is
broken makes its alert fire, and every query of every dashboard has an answer."""
import glob
import json
import os
import re
import subprocess
import sys
import urllib.parse

from rig import ROOT, run_test

DEPLOY = os.path.join(ROOT, "deploy/prometheus")
GRAFANA = os.path.join(ROOT, "deploy/grafana")

SERVER = """
import socket, sys, threading
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("10.0.0.2", 7000))
s.listen(2048)
def eat(c):
    while c.recv(65536):
        pass
while True:
    threading.Thread(target=eat, args=(s.accept()[0],), daemon=True).start()
"""

# Connects, and writes for as long as it lives.
CLIENT = """
import socket, time
s = socket.create_connection(("10.0.0.2", 7000))
while True:
    s.sendall(b"x" * 20000)
    time.sleep(0.01)
"""

DATAGRAMS = """
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    for _ in range(50):
        try:
            s.sendto(b"x" * 1400, ("10.0.0.2", 9))
        except OSError:
            pass
    time.sleep(0.1)
"""

# SYNs of 300 addresses that answer nothing, again and again.
SYNS = """
import socket, struct, time
def checksum(data):
    n = sum(struct.unpack(f"!{len(data) // 2}H", data))
    n = (n >> 16) + (n & 0xffff)
    return ~((n >> 16) + n) & 0xffff
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
to = socket.inet_aton("10.0.0.2")
while True:
    for i in range(300):
        source = socket.inet_aton(f"10.0.{1 + i // 250}.{1 + i % 250}")
        tcp = struct.pack("!HHIIBBHHH", 20000 + i, 7000, 1, 0, 0x50, 2, 64000, 0, 0)
        sum_of = checksum(source + to + struct.pack("!BBH", 0, 6, 20) + tcp)
        tcp = tcp[:16] + struct.pack("!H", sum_of) + tcp[18:]
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, i, 0, 64, 6, 0, source, to)
        s.sendto(head + tcp, ("10.0.0.2", 0))
    time.sleep(2)
"""


def run_promtool(rig, *argv):
    r = subprocess.run(["promtool", *argv], cwd=DEPLOY, text=True, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    rig.equal(r.returncode, 0, f"promtool {' '.join(argv)}: {r.stdout}")


def rules(rig):
    rig.need("promtool")
    run_promtool(rig, "check", "config", "prometheus.yml")
    run_promtool(rig, "test", "rules", "wiretally.tests.yml")
    with open(f"{DEPLOY}/wiretally.alerts.yml") as f:
        alerts = set(re.findall(r"alert: (\w+)", f.read()))
    with open(f"{DEPLOY}/wiretally.tests.yml") as f:
        tested = set(re.findall(r"alertname: (\w+)", f.read()))
    rig.check(tested <= alerts and len(tested) >= 8, f"alerts with tests: {tested}")


def shorten(rig):
    """The same configuration and rules, with seconds for minutes."""
    folder = f"{rig.tmp}/prometheus"
    os.makedirs(folder)
    for name in ("prometheus.yml", "wiretally.rules.yml", "wiretally.alerts.yml"):
        with open(f"{DEPLOY}/{name}") as f:
            text = f.read()
        text = text.replace("interval: 15s", "interval: 1s").replace("[5m]", "[6s]")
        text = re.sub(r"for: \d+m", "for: 1s", text)
        with open(f"{folder}/{name}", "w") as f:
            f.write(text)
    return folder


class Prometheus:
    def __init__(self, rig, ns, *options):
        self.ns, folder = ns, shorten(rig)
        self.process = ns.start("prometheus", "prometheus",
                                f"--config.file={folder}/prometheus.yml",
                                f"--storage.tsdb.path={folder}/data",
                                "--web.listen-address=127.0.0.1:9090", *options)
        rig.wait_until(self.is_ready, f"Prometheus to start: {self.process.log()}")

    def is_ready(self):
        r = self.ns.run("curl", "-s", "http://127.0.0.1:9090/-/ready", check=False)
        return "Ready" in str(r)

    def get(self, path):
        return json.loads(self.ns.run("curl", "-sS", f"http://127.0.0.1:9090/api/v1{path}"))

    def firing(self):
        return {a["labels"]["alertname"]: a for a in self.get("/alerts")["data"]["alerts"]
                if a["state"] == "firing"}

    def query(self, expr):
        answer = self.get("/query?" + urllib.parse.urlencode({"query": expr}))
        return answer["data"]["result"] if answer["status"] == "success" else answer


def no_trouble(rig, prometheus):
    rig.wait_until(lambda: prometheus.query("host:wiretally_bits:rate5m > 0"), "rates of traffic")
    rig.equal(sorted(prometheus.firing()), [], "alerts while all is well")


def breaks(rig, prometheus, what, alert):
    """It fires while it is broken."""
    rig.wait_until(lambda: alert in prometheus.firing(), f"{alert} to fire")
    found = prometheus.firing()[alert]
    rig.equal(found["labels"].get("host"), os.uname().nodename, f"host of {found}")
    rig.check("{{" not in found["annotations"]["summary"], f"summary: {found}")
    what()


def all_is_well_again(rig, prometheus):
    broken = {"PacketsDropped", "TcpRetransmitsHigh", "SynBurst"}
    rig.wait_until(lambda: not broken & set(prometheus.firing()),
                   f"alerts to end: {sorted(prometheus.firing())}", timeout=90)


def drops(rig, prometheus, b):
    b.run("tc", "qdisc", "replace", "dev", "v1", "root", "tbf", "rate", "1mbit", "burst", "2kb",
          "limit", "5kb")
    sender = b.start("datagrams", sys.executable, "-c",
                     DATAGRAMS.replace("10.0.0.2", "10.0.0.1"))
    breaks(rig, prometheus, sender.stop, "PacketsDropped")
    b.run("tc", "qdisc", "del", "dev", "v1", "root")


def retransmits(rig, prometheus, a, b):
    """One packet in eight is lost on its way to a: what b hears of is answered twice."""
    dropper = rig.dropper(b, "v1", "tc-ingress", 8)
    breaks(rig, prometheus, dropper.stop, "TcpRetransmitsHigh")


def syn_burst(rig, prometheus, a, b):
    b.run("sysctl", "-qw", "net.ipv4.tcp_syncookies=0", "net.ipv4.tcp_max_syn_backlog=4096",
          "net.ipv4.conf.all.rp_filter=0", "net.ipv4.tcp_synack_retries=2")
    b.run("ip", "route", "add", "10.0.0.0/16", "via", "10.0.0.1", "dev", "v1", "onlink")
    a.run("ip", "route", "add", "blackhole", "10.0.0.0/16")
    burst = a.start("syns", sys.executable, "-c", SYNS)
    breaks(rig, prometheus, burst.stop, "SynBurst")


def panels():
    for path in sorted(glob.glob(f"{GRAFANA}/*.json")):
        with open(path) as f:
            for p in json.load(f)["panels"]:
                yield os.path.basename(path), p


def dashboards_answer(rig, prometheus):
    for name, p in panels():
        for t in p["targets"]:
            where = f"{name}: {p['title']}"
            if "expr" not in t:
                reply = json.loads(rig.http(t["url"]))
                rig.check(isinstance(reply[t["root_selector"]], list), f"{where}: {reply}")
                continue
            expr = t["expr"].replace("$__rate_interval", "20s").replace("$host", ".*")
            rig.wait_until(lambda: prometheus.query(expr), f"{where}: {expr}")


def alerts_and_dashboards(rig):
    rig.need("prometheus", "tc", "curl")
    a, b = rig.netns("a"), rig.netns("b")
    rig.veth(a, "v0", b, "v1", a_addr=["10.0.0.1/24"], b_addr=["10.0.0.2/24"])
    rig.collector(None, None, None, "--sink", "ipfix://127.0.0.1:9")
    rig.agent(b, ["v1"], interval="500ms")
    rig.agent(a, ["v0"], interval="500ms", agent_id="a-agent")
    b.start("server", sys.executable, "-c", SERVER)
    rig.wait_until(lambda: ":7000" in b.run("ss", "-ltn"), "a server")
    for i in range(3):
        a.start(f"client{i}", sys.executable, "-c", CLIENT)
    prometheus = Prometheus(rig, rig.collector_ns)
    no_trouble(rig, prometheus)
    drops(rig, prometheus, b)
    retransmits(rig, prometheus, a, b)
    syn_burst(rig, prometheus, a, b)
    dashboards_answer(rig, prometheus)
    all_is_well_again(rig, prometheus)


def agent_alone(rig):
    """An agent says the same of its host as the collector it ships to."""
    rig.need("promtool", "curl")
    a, b = rig.netns("a"), rig.netns("b")
    rig.veth(a, "v0", b, "v1", a_addr=["10.0.0.1/24"], b_addr=["10.0.0.2/24"])
    rig.collector()
    rig.agent(b, ["v1"], "--metrics", "127.0.0.1:9101", interval="200ms")
    b.start("server", sys.executable, "-c", SERVER)
    rig.wait_until(lambda: ":7000" in b.run("ss", "-ltn"), "a server")
    client = a.start("client", sys.executable, "-c", CLIENT)
    rig.wait_until(lambda: b.counters("v1")["rx"]["packets"] > 200, "traffic")
    client.stop()

    def read(*options):
        return b.run("curl", "-sS", *options, "http://127.0.0.1:9101/metrics")

    def of_host(text):
        return sorted(line for line in text.splitlines() if line.startswith(
            ("wiretally_seen_", "wiretally_packets_total", "tcp_segments_sent_total",
             "wiretally_tcp_connect_seconds_count")))

    def is_same():
        ours = of_host(read())
        return len(ours) > 8 and ours == of_host(rig.http("/metrics"))
    rig.wait_until(is_same, "both to say the same")
    rig.check('interface="v1"' in read(), read())
    for text in (read(), read("-H", "Accept: application/openmetrics-text")):
        rig.check(text.endswith("# EOF\n") or "# EOF" not in text, "the format asked for")
    r = subprocess.run(["promtool", "check", "metrics"], input=read(), text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    rig.equal((r.returncode, r.stdout), (0, ""), "promtool")
    rig.check("localhost" in read("-H", "Host: evil.example"), "another name is refused")
    native_histograms(rig, b, read)


def native_histograms(rig, ns, read):
    """A Prometheus that asks for them has as many samples, and quantiles of the same size."""
    prometheus = Prometheus(rig, ns, "--enable-feature=native-histograms")
    name = "wiretally_tcp_rtt_seconds"
    host = os.uname().nodename

    def text_value(suffix):
        return float(re.search(rf"^{name}_{suffix}{{.*}} (.*)", read(), re.M).group(1))
    rig.wait_until(lambda: [float(r["value"][1]) for r in
                            prometheus.query(f'histogram_count({name}{{host="{host}"}})')] ==
                   [text_value("count")], "as many samples")
    mean = text_value("sum") / text_value("count")
    (found,) = prometheus.query(f"histogram_quantile(1, {name})")
    top = max(float(le) for le, n, before in buckets(read(), name) if n > before)
    rig.check(top * 0.9 <= float(found["value"][1]) <= top, f"the largest is {found}, {top}")
    rig.check(mean <= top, "and the mean below")


def buckets(text, name):
    """(end, samples up to it, samples up to the one before)"""
    before = 0
    for le, n in re.findall(rf'^{name}_bucket{{.*le="([0-9.e-]+)"}} (\d+)', text, re.M):
        yield le, int(n), before
        before = int(n)


def dashboards_are_whole(rig):
    """What Grafana needs of a dashboard to import it, and that they are what make.py writes."""
    r = subprocess.run([sys.executable, f"{GRAFANA}/make.py", "--check"], text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    rig.equal(r.returncode, 0, r.stdout)
    uids = set()
    for path in glob.glob(f"{GRAFANA}/*.json"):
        with open(path) as f:
            board = json.load(f)
        for key, kind in (("uid", str), ("title", str), ("schemaVersion", int), ("panels", list),
                          ("templating", dict), ("time", dict), ("tags", list)):
            rig.check(isinstance(board.get(key), kind), f"{path}: {key}")
        rig.check(len(board["uid"]) <= 40 and board["uid"] not in uids, f"{path}: uid")
        uids.add(board["uid"])
        names = {v["name"] for v in board["templating"]["list"]}
        used = set(re.findall(r"\$\{?(\w+)", json.dumps(board["panels"]))) - {"__rate_interval"}
        rig.equal(used - names, set(), f"{path}: variables used and not there")
        one_place_each(rig, path, board["panels"])


def one_place_each(rig, path, panels):
    taken = set()
    rig.equal(len({p["id"] for p in panels}), len(panels), f"{path}: ids")
    for p in panels:
        at = p["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                 for y in range(at["y"], at["y"] + at["h"])}
        rig.check(at["x"] + at["w"] <= 24 and not cells & taken, f"{path}: place of {p['title']}")
        taken |= cells
        refs = [t["refId"] for t in p["targets"]]
        rig.check(refs and len(set(refs)) == len(refs), f"{path}: targets of {p['title']}")
        rig.check(p["type"] in ("timeseries", "stat", "table", "heatmap"), p["type"])
        rig.check(p["datasource"]["uid"].startswith("${"), f"{path}: {p['title']}: data source")


TESTS = (rules, dashboards_are_whole, agent_alone, alerts_and_dashboards)

if __name__ == "__main__":
    run_test(*[t for t in TESTS if t.__name__ in (sys.argv[1:] or [x.__name__ for x in TESTS])])
