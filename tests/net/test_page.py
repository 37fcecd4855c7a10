#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""The page in a real browser: an incident between namespaces (a normal service, a slow one, a lossy
one, a refused port, a scan), and each view against the API and against what made the traffic; then
the same page of an empty store, with a large answer and over a slow link. Pictures of every view
are in build/test-logs/ui."""
import json
import os
import subprocess
import sys

from rig import BUILD, Failed, ROOT, run_test

CLIENT_NAME = r"""
import os, socket, sys
open("/proc/self/comm", "wb").write(sys.argv[1].encode())
"""
# argv: name, address, port, connections, bytes each. Prints how many could connect.
CLIENT = CLIENT_NAME + r"""
name, address, port, n, size = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
done = 0
for i in range(n):
    s = socket.socket()
    s.settimeout(60)
    if s.connect_ex((address, port)) == 0:
        s.sendall(b"x" * size)
        s.shutdown(socket.SHUT_WR)
        while s.recv(65536):
            pass
        done += 1
    s.close()
print(done, flush=True)
"""
SERVER = CLIENT_NAME + r"""
import threading
def answer(c):
    n = 0
    while chunk := c.recv(65536):
        n += len(chunk)
    c.sendall(b"y" * 1000)
    c.close()
def serve(address, port):
    s = socket.create_server((address, port), backlog=256)
    print("listening", flush=True)
    while True:
        c, _ = s.accept()
        threading.Thread(target=answer, args=(c,)).start()
for address in sys.argv[3:]:
    threading.Thread(target=serve, args=(address, int(sys.argv[2]))).start()
"""
SCAN = r"""
import socket
for port in range(20, 60):
    s = socket.socket()
    s.connect_ex(("10.0.0.6", port))
    s.close()
"""
PORT = 7000
GOOD, SLOW, LOSSY, CLOSED = "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"
HOSTILE = "<b>x</b>&amp;\""
REFUSED = 12  # more than the alert ConnectsFail wants
ALERT = ("--alert", "ConnectsFail=0.2/0s")


class Browser:
    """A script of tests/ui: what it says line by line, and an answer to what it asks for."""

    def __init__(self, rig, script, **env):
        self.rig = rig
        rig.need("chromium", "node")
        self.proc = subprocess.Popen(
            [*rig.collector_ns.prefix, "node", f"{ROOT}/tests/ui/{script}"], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=1,
            env={**os.environ, "BUILD": BUILD, "WT_URL": "http://127.0.0.1:9101", **env})

    def run(self, answers):
        said = []
        for line in self.proc.stdout:
            said.append(line)
            word = line.split(" ", 1)[0].strip()
            if word in answers:
                answer = answers[word](line.partition(" ")[2].strip())
                self.proc.stdin.write(f"{answer or 'done'}\n")
        status = self.proc.wait()
        if status or "PASSED\n" not in said:
            raise Failed(f"the browser: {''.join(said)}")


def network(rig):
    a, b = rig.netns("a"), rig.netns("b")
    rig.veth(a, "v0", b, "v1", a_addr="10.0.0.1/24", b_addr=f"{GOOD}/24")
    for address in (SLOW, LOSSY, CLOSED, "10.0.0.6"):
        b.run("ip", "addr", "add", f"{address}/24", "dev", "v1")
    return a, b, rig.collector(None, None, None, *ALERT)


def client(a, name, address, n, size, port=PORT):
    return int(a.run(sys.executable, "-c", CLIENT, name, address, str(port), str(n), str(size)))


def slow(rig, a, b):
    """Its first SYNs are lost: connecting takes the second that TCP waits."""
    dropper = rig.dropper(b, "v1", "tc-ingress", 1)
    p = a.start("slow", sys.executable, "-c", CLIENT, "slow", SLOW, str(PORT), "1", "1000")
    rig.wait_until(lambda: f"{SLOW}:{PORT}" in a.run("ss", "-tnH", "state", "syn-sent"), "a SYN")
    dropper.stop()
    rig.equal(p.wait(), 0, f"the slow client: {p.log()}")


def lossy(rig, a, b):
    dropper = rig.dropper(b, "v1", "tc-ingress", 7)
    rig.equal(client(a, "rsync", LOSSY, 4, 300_000), 4, "lossy connections")
    dropper.stop()


def incident(rig):
    a, b, collector = network(rig)
    agent = rig.agent(b, ["v1"], interval="500ms")
    server = b.start("server", sys.executable, "-c", SERVER, HOSTILE, str(PORT), GOOD, SLOW, LOSSY)
    rig.wait_until(lambda: server.log().count("listening") == 3, "the server to listen")
    # offloads would make one packet of many, and the dropper would hit none or all of them
    for ns, dev in ((a, "v0"), (b, "v1")):
        ns.run("ethtool", "-K", dev, "tso", "off", "gso", "off", "gro", "off")
    for address in (GOOD, SLOW, LOSSY, CLOSED):  # else a lost ARP request delays, and not a lost SYN
        a.run("ping", "-c1", "-W5", address)
    rig.equal(client(a, "curl", GOOD, 40, 20_000), 40, "good connections")
    slow(rig, a, b)
    lossy(rig, a, b)
    rig.equal(client(a, "curl", CLOSED, REFUSED, 0, port=9), 0, "refused connections")
    a.run(sys.executable, "-c", SCAN)
    return a, b, agent, collector


def page_of_an_incident(rig):
    a, b, agent, *collectors = incident(rig)
    rig.equal(agent.stop(), 0, "the agent's exit")
    rig.wait_stored()
    rig.wait_until(lambda: rig.cli_run("alerts", check=False)[0] == 3, "an alert")
    truth = {"client": "10.0.0.1", "good": GOOD, "slow": SLOW, "lossy": LOSSY, "closed": CLOSED,
             "port": PORT, "refused": REFUSED, "hostile": HOSTILE}
    def stop(_):
        rig.equal(collectors[0].stop(), 0, "the collector's exit")

    def start(_):
        collectors[0] = rig.collector()

    def traffic(_):
        rig.agent(b, ["v1"], interval="500ms")
        client(a, "curl", GOOD, 5, 1000)

    def command(words):
        p = rig.collector_ns.run("sh", "-c", f"{BUILD}/bin/{words} --json", cwd=ROOT)
        return json.dumps([[r["dst"], r["packets"]] for r in json.loads(p)["rows"]])

    Browser(rig, "incident.mjs", WT_TRUTH=json.dumps(truth)).run(
        {"STOP": stop, "START": start, "TRAFFIC": traffic, "COMMAND": command})


def page_of_nothing_and_of_much(rig):
    rig.collector()

    def fill(_):
        rig.sh(f"{BUILD}/tests/tools/batchgen", "--socket", f"{rig.tmp}/collector.sock",
               "--batches", "10", "--rows", "2000", cwd=ROOT)
        rig.wait_stored()

    Browser(rig, "large.mjs").run({"FILL": fill})


TESTS = [page_of_an_incident, page_of_nothing_and_of_much]

if __name__ == "__main__":
    run_test(*[t for t in TESTS if t.__name__ in (sys.argv[1:] or [x.__name__ for x in TESTS])])
