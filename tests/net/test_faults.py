#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
# beside others: a collector alone, nothing of the host is looked at
"""What goes wrong between agents and collector: a thousand at once, kill -9 fifty times, a network
that swallows everything or nearly everything, clients that never end what they began. Nothing that
was acknowledged is lost, and the ledger balances."""
import json
import os
import random
import socket
import sys
import threading
import time

from ledger import agent_status, audit, settled
from rig import TOOLS, run_test
from test_tls import PORT, agent, collector, token, two_hosts

AGENTS = 1000
KILLS = int(os.environ.get("KILLS", "50"))


def swarm(rig, **options):
    argv = [x for k, v in options.items() for x in (f"--{k}", str(v))]
    return json.loads(rig.sh(os.path.join(TOOLS, "swarm"), "--socket", f"{rig.tmp}/collector.sock",
                             *argv))


def expect_stored(rig, rows):
    settled(rig)
    total = rig.cli_json("top", "--by", "proto", "--last", "all", "exporter != test-agent")["total"]
    rig.equal(total["flows"], rows, "rows, each once")
    rig.check(rig.cli_json("audit", "--last", "all")["balanced"], "the ledger balances")


def a_thousand_agents(rig):
    rig.collector()
    done = swarm(rig, agents=AGENTS, rows=20, rounds=5)
    rig.equal((done["acknowledged"], done["failed"], done["lost_connections"]),
              (5 * AGENTS, 0, 0), f"batches acknowledged, failed, connections lost: {done}")
    expect_stored(rig, 5 * AGENTS * 20)
    agents = json.loads(rig.http("/v1/status"))["agents"]
    rig.equal(len(agents), AGENTS, "agents known")


def killed_under_load(rig):
    """At random moments, restarted at once, with 200 agents that try again."""
    seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
    rng, result = random.Random(seed), {}
    print("SEED", seed, flush=True)
    col = rig.collector()
    load = threading.Thread(target=lambda: result.update(
        swarm(rig, agents=200, rows=500, rounds=KILLS, every=300)))
    load.start()
    for _ in range(KILLS):
        time.sleep(rng.uniform(0.02, 0.3))  # anywhere in what it does
        col.kill()
        col = rig.collector()
    load.join()
    rig.check(result["lost_connections"] > 0, f"they noticed: {result}")
    rig.equal((result["acknowledged"], result["failed"]), (200 * KILLS, 0), "batches")
    expect_stored(rig, 200 * KILLS * 500)


def drop_rule(rig, c, rule):
    c.run("nft", "add table ip t; add chain ip t in { type filter hook input priority 0; };"
          f" add rule ip t in tcp dport {PORT} {rule}")


def swallowed(rig):
    """The connection is there, and nothing arrives any more: the agent gives up on it, keeps its
    batches, and sends them when packets pass again."""
    rig.need("nft")
    c, b, a = two_hosts(rig)
    own = token(rig, "agent", "web1")
    collector(rig, c)
    one = agent(rig, b, own)
    sent = rig.flood(a, "v0", b, "v1", packets=50_000, flows=500)["packets"]
    rig.wait_until(lambda: agent_status(rig, "web1")["ship"]["acknowledged"] > 0, "a batch")
    drop_rule(rig, c, "drop")
    sent += rig.flood(a, "v0", b, "v1", packets=50_000, flows=5000)["packets"]
    rig.wait_until(lambda: (agent_status(rig, "web1")["disk_spool"] or {}).get("batches"),
                   "batches on the disk")
    c.run("nft", "delete table ip t")
    rig.wait_until(lambda: not agent_status(rig, "web1")["disk_spool"]["batches"], "all to be sent",
                   timeout=120)
    rig.equal(one.stop(timeout=60), 0, f"agent: {one.log()}")
    settled(rig)
    total = audit(rig, agent="web1", direction="ingress")
    rig.equal((total["seen"], total["lost"]), (sent, 0), "packets seen, lost")


def slow_network(rig):
    """A few dozen packets a second get through, the rest is lost on the way."""
    rig.need("nft")
    c, b, a = two_hosts(rig)
    own = token(rig, "agent", "web1")
    collector(rig, c)
    drop_rule(rig, c, "limit rate over 60/second burst 10 packets drop")
    one, sent = agent(rig, b, own), 0
    for _ in range(3):
        sent += rig.flood(a, "v0", b, "v1", packets=30_000, flows=3000)["packets"]
    rig.wait_until(lambda: agent_status(rig, "web1")["ship"]["acknowledged"] > 3, "some to arrive",
                   timeout=120)
    c.run("nft", "delete table ip t")
    rig.wait_until(lambda: not (agent_status(rig, "web1")["disk_spool"] or {}).get("batches"),
                   "the rest", timeout=120)
    rig.equal(one.stop(timeout=60), 0, f"agent: {one.log()}")
    settled(rig)
    total = audit(rig, agent="web1", direction="ingress")
    rig.equal((total["seen"], total["lost"]), (sent, 0), "packets seen, lost")


def never_ending(rig):
    """A hundred clients that begin and do not end: others are answered, and they are cut."""
    rig.collector()
    hang = []
    for i in range(100):
        s = socket.socket(socket.AF_UNIX)
        s.connect(f"{rig.tmp}/collector.sock")
        s.sendall(b"POST /v1/batches HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
                  b"Content-Type: application/x-protobuf\r\n\r\n"[:20 + 80 * (i % 2)])
        hang.append(s)
    done = swarm(rig, agents=200, rows=10, rounds=2, every=200)
    rig.equal((done["acknowledged"], done["failed"]), (400, 0), f"others: {done}")
    for s in hang:
        s.settimeout(90)
        try:
            while s.recv(4096):  # an answer may come first
                pass
        except ConnectionResetError:
            pass
    rig.check(rig.metric("wiretally_collector_http_slow_connections_total") >= 100, "they are cut")
    expect_stored(rig, 4000)


TESTS = (a_thousand_agents, killed_under_load, swallowed, slow_network, never_ending)

if __name__ == "__main__":
    run_test(*[t for t in TESTS if t.__name__ in (sys.argv[1:] or [x.__name__ for x in TESTS])])
