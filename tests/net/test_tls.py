#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""An agent on another host: TLS, a token of its own, and nobody else's. What goes wrong on the way
(no token, another's, a wrong certificate, a plain connection) costs no batch."""
import os
import signal
import subprocess
import sys

from ledger import agent_status, audit, settled
from rig import run_test

PORT = 9443


def certificates(rig, address="10.8.0.1"):
    """A CA, a server it signed for address, and a CA that signed nothing here."""
    for name in ("ca", "other"):
        rig.sh("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
               "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{rig.tmp}/{name}.key",
               "-out", f"{rig.tmp}/{name}.pem")
    rig.sh("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
           "-subj", "/CN=collector", "-keyout", f"{rig.tmp}/server.key", "-out",
           f"{rig.tmp}/server.csr")
    with open(f"{rig.tmp}/ext", "w") as f:
        f.write(f"subjectAltName=IP:{address}\n")
    rig.sh("openssl", "x509", "-req", "-in", f"{rig.tmp}/server.csr", "-CA", f"{rig.tmp}/ca.pem",
           "-CAkey", f"{rig.tmp}/ca.key", "-CAcreateserial", "-days", "2", "-extfile",
           f"{rig.tmp}/ext", "-out", f"{rig.tmp}/server.pem")


def token(rig, role, name):
    """Its file; the collector's has its hash."""
    path = f"{rig.tmp}/{role}-{name}.token"
    text = rig.sh(rig.program("wiretally"), "token", "--file", f"{rig.tmp}/tokens", role, name)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o600)
    return path


def two_hosts(rig):
    """The collector on one, what is watched on the other."""
    c, b, a = rig.netns("c"), rig.netns("b"), rig.netns("a")
    rig.veth(c, "m0", b, "m1", "10.8.0.1/24", "10.8.0.2/24")
    rig.veth(a, "v0", b, "v1")
    certificates(rig)
    return c, b, a


def collector(rig, c):
    os.chmod(f"{rig.tmp}/server.key", 0o600)  # root's alone: read before root is given up
    os.chmod(f"{rig.tmp}/tokens", 0o644)
    return rig.collector(c, None, None, "--tls-listen", f"10.8.0.1:{PORT}", "--tls-cert",
                         f"{rig.tmp}/server.pem", "--tls-key", f"{rig.tmp}/server.key",
                         "--tokens", f"{rig.tmp}/tokens")


def agent(rig, b, token_file, ca="ca", agent_id="web1"):
    return rig.agent(b, ["v1"], "--token-file", token_file, "--ca", f"{rig.tmp}/{ca}.pem",
                     interval="100ms", agent_id=agent_id, collector=f"https://10.8.0.1:{PORT}")


def ships(rig):
    c, b, a = two_hosts(rig)
    own = token(rig, "agent", "web1")
    col = collector(rig, c)
    one = agent(rig, b, own)
    sent = rig.flood(a, "v0", b, "v1", packets=100_000, flows=1000)["packets"]
    col.kill()
    sent += rig.flood(a, "v0", b, "v1", packets=100_000, flows=1000)["packets"]
    collector(rig, c)
    rig.wait_until(lambda: not (agent_status(rig, "web1")["disk_spool"] or {}).get("batches"), "it")
    rig.equal(one.stop(), 0, f"agent: {one.log()}")
    settled(rig)
    total = audit(rig, agent="web1", direction="ingress")
    rig.equal((total["seen"], total["lost"]), (sent, 0), "packets seen, lost")


def waits_until_it_may(rig):
    """Wrong tokens and certificates: batches wait, by name, and come when it is put right."""
    c, b, a = two_hosts(rig)
    other, reader = token(rig, "agent", "web2"), token(rig, "read", "noc")
    with open(f"{rig.tmp}/forged", "w") as f:
        f.write("wt_" + "0" * 64 + "\n")
    col, sent = collector(rig, c), 0
    for file, ca, word in ((other, "ca", "another agent"), (reader, "ca", "is for asking"),
                           (f"{rig.tmp}/forged", "ca", "want Authorization"),
                           (other, "other", "certificate")):
        one = agent(rig, b, file, ca)
        sent += rig.flood(a, "v0", b, "v1", packets=1000, flows=10)["packets"]
        rig.wait_until(lambda: word in one.log(), f"'{word}': {one.log()}")
        rig.check(one.stop() == 0, f"what waits is on the disk: {one.log()}")
    own = token(rig, "agent", "web1")
    col.signal(signal.SIGHUP)
    rig.wait_until(lambda: "tokens" in col.log(), "the tokens to be read again")
    one = agent(rig, b, own)
    rig.wait_until(lambda: not (agent_status(rig, "web1")["disk_spool"] or {}).get("batches"),
                   "what waited to be sent")
    rig.equal(one.stop(), 0, f"agent: {one.log()}")
    settled(rig)
    total = audit(rig, agent="web1", direction="ingress")
    rig.equal((total["seen"], total["lost"]), (sent, 0), "packets seen, lost")
    logs = col.log() + one.log()
    for path in (own, other, reader):
        with open(path) as f:
            rig.check(f.read().strip() not in logs, "no token is in a log")


def asks(rig):
    c, b, _ = two_hosts(rig)
    agents, reader = token(rig, "agent", "web1"), token(rig, "read", "noc")
    collector(rig, c)

    def code(path, file=None, *more):
        bearer = []
        if file:
            with open(file) as f:
                bearer = ["-H", f"Authorization: Bearer {f.read().strip()}"]
        return b.run("curl", "-sS", "--cacert", f"{rig.tmp}/ca.pem", "-o", "/dev/null", "-w",
                     "%{http_code}", *bearer, *more, f"https://10.8.0.1:{PORT}{path}")
    rig.equal(code("/v1/status"), "401", "without a token")
    rig.equal(code("/v1/status", agents), "403", "an agent's token does not ask")
    rig.equal(code("/v1/status", reader), "200", "a reader's does")
    rig.equal(code("/v1/batches", reader, "-d", "x"), "403", "and writes nothing")
    with open(reader) as f:
        secret = f.read().strip()
    html = ("-H", "Accept: text/html")
    rig.equal(code("/", None, *html), "401", "the page without a token")
    rig.equal(code("/", None, *html, "-u", f"me:{secret}"), "200", "the page, as browsers ask")
    rig.equal(code("/", None, *html, "-u", f"me:{secret}x"), "401", "another password")
    rig.equal(code("/v1/status", reader, "--tls-max", "1.2"), "200", "TLS 1.2")
    r = subprocess.run([*b.prefix, "curl", "-sS", "--cacert", f"{rig.tmp}/ca.pem", "--tls-max",
                        "1.1", "--ciphers", "DEFAULT@SECLEVEL=0",
                        f"https://10.8.0.1:{PORT}/healthz"], capture_output=True, check=False)
    rig.check(r.returncode != 0, "TLS 1.1 is refused")
    r = subprocess.run([*b.prefix, "curl", "-sS", "-m", "10", f"http://10.8.0.1:{PORT}/healthz"],
                       capture_output=True, check=False)
    rig.check(r.returncode != 0, "so is no TLS")
    out = subprocess.run([*b.prefix, rig.program("wiretally"), "status", "--json", "--url",
                          f"https://10.8.0.1:{PORT}"], text=True, capture_output=True, check=False,
                         env={**os.environ, "WIRETALLY_CA": f"{rig.tmp}/ca.pem",
                              "WIRETALLY_TOKEN_FILE": reader})
    rig.check('"store"' in out.stdout, f"wiretally from another host: {out.stdout}{out.stderr}")


def belongs_together(rig):
    certificates(rig)
    token(rig, "agent", "web1")
    base = [rig.program("wiretally-collector"), "--data", f"{rig.tmp}/d", "--listen",
            "127.0.0.1:0", "--socket", f"{rig.tmp}/x.sock"]
    tls = {"--tls-listen": "127.0.0.1:0", "--tls-cert": f"{rig.tmp}/server.pem",
           "--tls-key": f"{rig.tmp}/server.key", "--tokens": f"{rig.tmp}/tokens"}
    with open(f"{rig.tmp}/bad", "w") as f:
        f.write("# fine\nagent web1 nothash\n")
    for change, word in (({"--tokens": None}, "belong together"),
                         ({"--tls-key": f"{rig.tmp}/ca.key"}, "certificate"),
                         ({"--tls-cert": f"{rig.tmp}/no"}, "No such file"),
                         ({"--tokens": f"{rig.tmp}/bad"}, "line 2")):
        options = [x for k, v in {**tls, **change}.items() if v for x in (k, v)]
        r = subprocess.run([*base, *options], capture_output=True, text=True, timeout=60,
                           check=False)
        rig.check(r.returncode and word in r.stderr, f"{change}: {r.returncode} {r.stderr}")


TESTS = (ships, waits_until_it_may, asks, belongs_together)

if __name__ == "__main__":
    run_test(*[t for t in TESTS if t.__name__ in (sys.argv[1:] or [x.__name__ for x in TESTS])])
