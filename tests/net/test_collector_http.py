#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
# beside others: a collector alone, nothing of the host is looked at
"""The real collector from outside: what it refuses, what it survives, what it never loses."""
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys

from collector import BATCHGEN, COLLECTOR, PROTOBUF, Collector, batchgen, body, expect, folder

KILLS = int(os.environ.get("KILLS", "10"))


def test_refusals(c):
    plain = body("--plain", "--rows", 10)
    large = b"\0" * ((2 << 20) + 1)
    zstd = {**PROTOBUF, "Content-Encoding": "zstd"}
    cases = [  # name, method, path, body, headers, over the Unix socket, status
        ("index", "GET", "/", None, {}, False, 200),
        ("head", "HEAD", "/healthz", None, {}, False, 200),
        ("no such path", "GET", "/v1/nothing", None, {}, False, 404),
        ("no such path, encoded", "GET", "/v1/%2e%2e/status", None, {}, False, 404),
        ("delete", "DELETE", "/v1/status", None, {}, False, 405),
        ("post where one gets", "POST", "/v1/status", b"x", PROTOBUF, True, 405),
        ("get where one posts", "GET", "/v1/batches", None, {}, True, 405),
        ("other host", "GET", "/v1/status", None, {"Host": "evil.example"}, False, 403),
        ("other host with our port", "GET", "/", None, {"Host": "evil.example:9101"}, False, 403),
        ("host that begins like ours", "GET", "/", None, {"Host": "127.0.0.1.evil"}, False, 403),
        ("host with a user", "GET", "/", None, {"Host": "localhost@evil"}, False, 403),
        ("localhost", "GET", "/", None, {"Host": "LOCALHOST:1"}, False, 200),
        ("v6 loopback", "GET", "/", None, {"Host": "[::1]:9101"}, False, 200),
        ("other origin", "GET", "/", None, {"Origin": "http://evil.example"}, False, 403),
        ("null origin", "GET", "/", None, {"Origin": "null"}, False, 403),
        ("our origin", "GET", "/", None, {"Origin": "http://localhost:9101"}, False, 200),
        ("another site's picture", "GET", "/v1/status", None,
         {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, False, 403),
        ("another port's script", "GET", "/app.js", None,
         {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}, False, 403),
        ("a link from elsewhere", "GET", "/", None,
         {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, False, 200),
        ("our page", "GET", "/v1/status", None,
         {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, False, 200),
        ("batch over TCP", "POST", "/v1/batches", plain, PROTOBUF, False, 403),
        ("batch from a page", "POST", "/v1/batches", plain,
         {**PROTOBUF, "Origin": "http://evil.example"}, True, 403),
        ("no type", "POST", "/v1/batches", plain, {}, True, 415),
        ("form", "POST", "/v1/batches", plain,
         {"Content-Type": "application/x-www-form-urlencoded"}, True, 415),
        ("gzip", "POST", "/v1/batches", plain, {**PROTOBUF, "Content-Encoding": "gzip"}, True, 415),
        ("empty", "POST", "/v1/batches", b"", PROTOBUF, True, 400),
        ("text", "POST", "/v1/batches", b"hello", PROTOBUF, True, 400),
        ("random", "POST", "/v1/batches", random.randbytes(5000), PROTOBUF, True, 400),
        ("not zstd", "POST", "/v1/batches", plain, zstd, True, 400),
        ("cut", "POST", "/v1/batches", plain[:-9], PROTOBUF, True, 400),
        ("too large", "POST", "/v1/batches", large, PROTOBUF, True, 413),
        ("too large, chunked", "POST", "/v1/batches", iter([large[:1 << 20]] * 3), PROTOBUF, True,
         413),
        ("just not too large", "POST", "/v1/batches", large[:-1], PROTOBUF, True, 400),
        ("bad range", "GET", "/v1/ledger?last=soon", None, {}, False, 400),
        ("empty range", "GET", "/v1/ledger?from=5&to=4", None, {}, False, 400),
        ("two ranges", "GET", "/v1/ledger?last=1h&to=4", None, {}, False, 400),
        ("body with a get", "GET", "/healthz", b"x", {}, False, 400),
        ("long path", "GET", "/" + "x" * 5000, None, {}, False, 404),
        ("a good one", "POST", "/v1/batches", plain, PROTOBUF, True, 200),
        ("and again", "POST", "/v1/batches", plain, PROTOBUF, True, 200),
    ]
    for name, method, path, data, headers, unix, status in cases:
        r = c.request(method, path, data, headers, unix)
        expect(name, r.status, status)
        expect(f"{name}: nosniff", r.headers["X-Content-Type-Options"], "nosniff")
        expect(f"{name}: no CORS", r.headers["Access-Control-Allow-Origin"], None)
        if status == 405:
            assert r.headers["Allow"], name
        if status >= 400:
            assert json.loads(r.text)["error"]["message"], name
    assert json.loads(r.text)["duplicate"] is True, "the last of the cases is a duplicate"
    refused = c.get("/v1/status")["ingest"]["refused"]
    expect("malformed", refused["malformed"], 6)
    expect("too large", refused["too_large"], 2)
    head = c.request("GET", "/" + "x" * 100000)
    assert head.status in (414, 431), f"a head of 100 kB: {head.status}"


def test_raw_bytes(c):
    """What no HTTP client sends: the server answers or hangs up, and goes on."""
    for raw in (b"\0" * 1000, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
                b"POST /v1/batches HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
                b"POST /v1/batches HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
                b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 20000 + b"\r\n"):
        with socket.create_connection(("127.0.0.1", c.port), 60) as s:
            try:
                s.sendall(raw)
                s.shutdown(socket.SHUT_WR)
                answer = s.recv(100)
            except TimeoutError:
                raise
            except OSError:  # it has hung up: ECONNRESET, EPIPE, or ENOTCONN at the shutdown
                answer = b""
            assert not answer.startswith(b"HTTP/1.1 2"), f"{raw[:40]}: {answer}"
    expect("afterwards", c.request("GET", "/healthz").status, 200)


def test_sequences(c):
    expect("in order", batchgen(c, "--agent", "seq", "--batches", 3, "--rows", 10), [200] * 3)
    expect("again", batchgen(c, "--agent", "seq", "--batches", 3, "--rows", 10), [200] * 3)
    expect("gap", batchgen(c, "--agent", "seq", "--sequence", 6, "--interval", 6), [200])
    expect("too far", batchgen(c, "--agent", "seq", "--sequence", 5_000_000), [409])
    agent = next(a for a in c.get("/v1/status?fresh=1")["agents"] if a["agent"] == "seq")
    expect("high water", agent["exporters"][0]["high_water"], 6)
    expect("gap", agent["exporters"][0]["missing_batches"], 2)
    expect("interfaces", [(i["name"], i["hook"]) for i in agent["interfaces"]],
           [("eth0", "tcx"), ("eth1", "tcx")])


def ledger_of(c, agent):
    reply = c.get("/v1/ledger?fresh=1&last=1h")
    return [r for r in reply["rows"] if r["agent"] == agent]


def zero(balance):
    return balance == {"packets": 0, "octets": 0}


def test_ledger(c):
    batchgen(c, "--agent", "good", "--batches", 5)
    rows = ledger_of(c, "good")
    expect("points", len(rows), 4)
    for r in rows:
        expect("intervals", r["intervals"], 5)
        assert zero(r["agent_balance"]) and zero(r["store_balance"]), r
        expect("seen", r["seen"]["packets"], r["recorded"]["packets"] + 15)
        expect("unparsed", r["unparsed"], {"bad ihl": {"packets": 15, "octets": 900}})
        expect("stored", r["stored"], r["recorded"])
    batchgen(c, "--agent", "lossy", "--lost")
    for r in ledger_of(c, "lossy"):
        assert zero(r["agent_balance"]) and zero(r["store_balance"]), r
        expect("lost", r["lost"]["spool_full"], r["recorded"])
    assert c.get("/v1/ledger?last=1h")["balanced"], "all that is here balances"
    batchgen(c, "--agent", "bad", "--missing", 7)
    for r in ledger_of(c, "bad"):
        assert zero(r["agent_balance"]), r
        expect("missing", r["store_balance"], {"packets": 7, "octets": 420})
    assert not c.get("/v1/ledger?last=1h")["balanced"], "and this does not"
    batchgen(c, "--agent", "pending", "--no-ledger")
    expect("no ledger yet", ledger_of(c, "pending"), [])


def counters(text):
    found, kinds = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE"):
            _, _, name, kind = line.split(" ", 3)
            kinds[name] = kind
        elif not line.startswith("#"):
            series, value = line.rsplit(" ", 1)
            if kinds[series.split("{")[0]] == "counter":
                found[series] = float(value)
    return found


def test_metrics(c):
    r = c.request("GET", "/metrics")
    expect("type", r.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
    if shutil.which("promtool"):
        p = subprocess.run(["promtool", "check", "metrics"], input=r.text, text=True,
                           capture_output=True)
        expect(f"promtool: {p.stdout}{p.stderr}", p.returncode, 0)
    before = counters(r.text)
    for i in range(3):
        batchgen(c, "--agent", "metered", "--sequence", i + 1, "--interval", i + 1)
        c.get("/v1/status?fresh=1")
        after = counters(c.request("GET", "/metrics").text)
        for series, value in before.items():
            assert after[series] >= value, f"{series}: {value} -> {after[series]}"
        before = after
    seen = sum(v for k, v in after.items()
               if k.startswith("wiretally_seen_packets_total") and '"metered"' in k)
    parts = sum(v for k, v in after.items()
                if k.startswith("wiretally_packets_total") and '"metered"' in k)
    assert seen > 3000, seen
    expect("outcomes sum up", parts, seen)


def events(stream, n):
    """The next n of a stream, as JSON."""
    got = []
    while len(got) < n:
        line = stream.readline()
        assert line, f"the stream ended after {got}"
        if line.startswith(b"data: "):
            got.append(json.loads(line[6:]))
    return got


def open_live(c):
    s = socket.create_connection(("127.0.0.1", c.port), 60)
    s.sendall(b"GET /v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
    stream = s.makefile("rb")
    return s, stream, stream.readline().split()[1]


def test_page(c):
    html = c.request("GET", "/", headers={"Accept": "text/html,*/*;q=0.8"})
    expect("a browser's type", html.getheader("Content-Type"), "text/html; charset=utf-8")
    policy = html.getheader("Content-Security-Policy")
    for word in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"):
        assert word in policy and "unsafe" not in policy, policy
    assert c.request("GET", "/").text.startswith("wiretally-collector"), "for others a list"
    for path in ("/app.js", "/app.css", "/icon.svg"):
        plain = c.request("GET", path)
        expect(f"{path}: plain", (plain.status, plain.getheader("Content-Encoding")), (200, None))
        r = subprocess.run(["curl", "-sS", "--compressed", "-D", "-", "-o", "-",
                            f"http://127.0.0.1:{c.port}{path}"], stdout=subprocess.PIPE)
        head, _, unpacked = r.stdout.partition(b"\r\n\r\n")
        assert b"Content-Encoding: gzip" in head, head
        expect(f"{path}: unpacked", unpacked, plain.text.encode())
        again = c.request("GET", path, headers={"If-None-Match": plain.getheader("ETag")})
        expect(f"{path}: not changed", (again.status, again.text), (304, ""))
        other = c.request("GET", path, headers={"If-None-Match": '"x"'})
        expect(f"{path}: changed", other.status, 200)


def test_filter_words(c):
    good = c.get("/v1/filter?filter=proto+tcp")
    expect("a filter", (good["ok"], good["error"]), (True, None))
    words = {w["word"]: w for w in good["words"]}
    assert "tcp" in words["proto"]["values"] and words["port"]["sided"], words
    bad = c.get("/v1/filter?filter=dst+port+443+and+prot+tcp")
    expect("no filter", (bad["ok"], bad["error"]["position"]), (False, 17))
    drops = {w["word"] for w in c.get("/v1/filter?scope=drops")["words"]}
    assert "reason" in drops and "vlan" not in drops, drops
    expect("no scope", c.request("GET", "/v1/filter?scope=x").status, 400)


def test_live(c):
    """At once, when rows come, no more than there may be; test_stop has one open at the end."""
    s, stream, status = open_live(c)
    expect("a stream", status, b"200")
    before = events(stream, 1)[0]["rows"]
    batchgen(c, "--agent", "live", "--rows", 7)
    while (now := events(stream, 1)[0]["rows"]) == before:
        pass
    expect("rows that came", now, before + 7)
    streams = [open_live(c) for _ in range(40)]
    expect("streams there may be", sorted({t[2] for t in streams}), [b"200", b"503"])
    assert sum(t[2] == b"200" for t in streams) < 32, "one more than there may be"
    for t in (*streams, (s, stream)):
        t[1].close()
        t[0].close()
    while open_live(c)[2] != b"200":  # they are gone when something is written to them
        pass


def test_many_connections(c):
    """Idle connections use up TCP's places; agents on the Unix socket do not notice."""
    idle = [socket.create_connection(("127.0.0.1", c.port), 60) for _ in range(120)]
    expect("agent", batchgen(c, "--agent", "crowd"), [200])
    for s in idle:
        s.close()


def test_privileges(c):
    with open(f"/proc/{c.process.pid}/status") as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    assert "0" not in status["Uid"].split(), status["Uid"]
    assert "0" not in status["Gid"].split(), status["Gid"]
    expect("groups", status["Groups"].split(), [])
    for caps in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        expect(caps, int(status[caps], 16), 0)
    expect("no new privileges", status["NoNewPrivs"], "1")
    expect("socket's mode", os.stat(c.socket).st_mode & 0o777, 0o660)
    p = subprocess.run(["setpriv", "--reuid", "12345", "--clear-groups", "--regid", "12345",
                        BATCHGEN, "--socket", c.socket], capture_output=True, text=True)
    expect("a stranger's batch", p.returncode, 1)


def test_refused_starts(c):
    for options, why in ((["--listen", "0.0.0.0:0"], "--insecure-listen"),
                         (["--listen", "nonsense"], "not ADDR:PORT"),
                         (["--user", "no-such-user"], "does not exist"),
                         (["--keep", "soon"], "keep"),
                         (["--nonsense"], "nonsense")):
        p = subprocess.run([COLLECTOR, "--data", f"{c.folder}/other", "--socket",
                            f"{c.folder}/other.sock", "--listen", "127.0.0.1:0", *options],
                           capture_output=True, text=True, timeout=60)
        assert p.returncode != 0 and why in p.stderr, f"{options}: {p.stderr}"
    for options in (["--socket", f"{c.folder}/other.sock"], ["--data", f"{c.folder}/other"]):
        p = subprocess.run([COLLECTOR, "--data", f"{c.folder}/data", "--socket", c.socket,
                            "--listen", "127.0.0.1:0", *options],
                           capture_output=True, text=True, timeout=60)
        assert p.returncode != 0 and "another collector" in p.stderr, f"{options}: {p.stderr}"
    expect("the first one", c.request("GET", "/healthz").status, 200)


def test_kill(path):
    """kill -9 at random points under load: all that was acknowledged is there, and once."""
    rows, batches = 2000, 40 * KILLS
    c = Collector(path)
    load = subprocess.Popen([BATCHGEN, "--socket", c.socket, "--retry", "--rows", str(rows),
                             "--batches", str(batches)], stdout=subprocess.PIPE, text=True)
    acknowledged = 0
    for _ in range(KILLS):
        for _ in range(random.randint(1, 39)):
            acknowledged += " 200 " in load.stdout.readline()
        c.stop(signal.SIGKILL)
        c = Collector(path)
        assert c.is_ready, open(f"{path}/log").read()
        stored = c.get("/v1/status")["store"]["rows"]
        assert stored >= acknowledged * rows, f"{stored} rows, {acknowledged} batches acknowledged"
    rest = load.stdout.read().splitlines()
    expect("batchgen", load.wait(), 0)
    acknowledged += sum(" 200 " in line for line in rest)
    expect("acknowledged", acknowledged, batches)
    status = c.get("/v1/status?fresh=1")
    expect("rows", status["store"]["rows"], rows * batches)
    expect("missing", status["agents"][0]["exporters"][0]["missing_batches"], 0)
    ledger = c.get("/v1/ledger?last=all")
    expect("intervals", ledger["rows"][0]["intervals"], batches)
    assert ledger["balanced"], ledger["rows"][0]
    expect("SIGTERM", c.stop(), 0)


def test_stop(path):
    """SIGTERM under load: exit 0, and a new start has all that was acknowledged."""
    c = Collector(path)
    load = subprocess.Popen([BATCHGEN, "--socket", c.socket, "--rows", "5000", "--batches", "500"],
                            stdout=subprocess.PIPE, text=True)
    lines = [load.stdout.readline() for _ in range(20)]
    expect("SIGTERM", c.stop(), 0)
    lines += load.stdout.read().splitlines()
    load.wait()
    acknowledged = sum(" 200 " in line for line in lines)
    c = Collector(path)
    stored = c.get("/v1/status")["store"]["rows"]
    assert stored >= acknowledged * 5000, f"{stored} rows, {acknowledged} batches"
    assert stored <= (acknowledged + 1) * 5000, f"{stored} rows, {acknowledged} batches"
    expect("SIGINT", c.stop(signal.SIGINT), 0)
    assert not os.path.exists(c.socket), "the socket is gone after a normal stop"


def test_full_disk(path):
    """A disk that has room for a batch in the log and not for its rows: it is acknowledged, its
    transaction fails until there is room, and the next one is refused."""
    os.mkdir(f"{path}/data")
    mount = f"mount -t tmpfs -o size=64m,mode=755 tmpfs {path}/data && exec \"$@\""
    c = Collector(path, prefix=["unshare", "-m", "sh", "-c", mount, "sh"])
    options = lambda n: ["--rows", 30000, "--sequence", n, "--interval", n, "--seed", n]
    disk = f"/proc/{c.process.pid}/root{path}/data"

    def room():
        s = os.statvfs(disk)
        return s.f_bavail * s.f_frsize

    def failures():
        metrics = counters(c.request("GET", "/metrics").text)
        return metrics["wiretally_collector_commit_failures_total"]

    for n in range(1, 5):
        before = room()
        expect("room", batchgen(c, *options(n)), [200])
        c.request("GET", "/v1/status?fresh=1")
    length = len(body(*options(5)))
    taken = before - room()
    assert taken > length + 200_000, f"{taken} octets, {length} of them in the log"
    with open(f"{disk}/filler", "wb") as filler:
        filler.write(bytes(room() - length - (taken - length) // 3))
    expect("in the log", batchgen(c, *options(5)), [200])
    while not failures():
        pass
    r = c.request("POST", "/v1/batches", body(*options(6)),
                  {**PROTOBUF, "Content-Encoding": "zstd"}, True)
    expect("full", r.status, 507)
    assert int(r.headers["Retry-After"]) > 0
    subprocess.run(["nsenter", "-m", "-t", str(c.process.pid), "mount", "-o", "remount,size=500m",
                    f"{path}/data"], check=True)
    while c.request("GET", "/v1/status?fresh=1").status == 503:
        pass  # it tries again every second
    expect("space again", batchgen(c, *options(6)), [200])
    expect("fresh", c.request("GET", "/v1/status?fresh=1").status, 200)
    expect("rows", c.get("/v1/status")["store"]["rows"], 30000 * 6)
    ledger = c.get("/v1/ledger?last=all")
    expect("intervals", ledger["rows"][0]["intervals"], 6)
    assert ledger["balanced"] and "other" not in ledger["stages"], ledger["stages"]
    expect("SIGTERM", c.stop(), 0)


def main():
    if os.geteuid() != 0:
        print("needs root, to see it drop its privileges")
        return 77
    random.seed(os.environ.get("SEED"))
    folders = [folder() for _ in range(4)]
    try:
        first = Collector(folders[0])
        assert first.is_ready
        live_socket, live, _ = open_live(first)
        slow = socket.create_connection(("127.0.0.1", first.port), 60)
        slow.sendall(b"GET / HTTP/1.1\r\nHost: loc")
        lazy = socket.socket(socket.AF_UNIX)
        lazy.settimeout(60)
        lazy.connect(first.socket)
        lazy.sendall(b"POST /v1/batches HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n"
                     b"Content-Type: application/x-protobuf\r\n\r\nx")
        for test in (test_refusals, test_raw_bytes, test_sequences, test_ledger, test_metrics,
                     test_page, test_filter_words, test_live, test_many_connections, test_privileges, test_refused_starts):
            test(first)
            print("ok", test.__name__, flush=True)
        for test, path in zip((test_kill, test_stop, test_full_disk), folders[1:]):
            test(path)
            print("ok", test.__name__, flush=True)
        for name, client in (("slow", slow), ("lazy", lazy)):
            expect(f"{name} client is cut off", client.recv(100)[:12].replace(b"HTTP/1.1 408", b""),
                   b"")
        events(live, 1)  # after longer than any request may take
        expect("SIGTERM", first.stop(), 0)
        print("ok slow clients")
    except Exception:
        for f in folders:
            if os.path.exists(f"{f}/log"):
                sys.stderr.write(open(f"{f}/log").read()[-3000:])
        raise
    finally:
        for c in Collector.all:
            c.process.kill()
            c.process.wait()
        for f in folders:
            shutil.rmtree(f, ignore_errors=True)
    return 0


sys.exit(main())
