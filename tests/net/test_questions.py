#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
# beside others: a collector alone, nothing of the host is looked at
"""What people ask: top 10 source addresses of the last hour, all connections to destination port
443, sources with fewer than 3 packets; and how the answers can be printed. NetFlow v5 made here
brings rows whose sums are known. Every example of docs/filters.md is taken."""
import csv
import ctypes
import io
import json
import os
import re
import socket
import struct
import sys
import time
import urllib.parse

from rig import BUILD, ROOT, run_test

PORT = 2055
NOW = int(time.time())


def row(src, dst, sport, dport, packets, octets, proto=6, age=60, flags=0x12, duration=2,
        asn=(0, 0)):
    return {"src": src, "dst": dst, "sport": sport, "dport": dport, "packets": packets,
            "octets": octets, "proto": proto, "age": age, "flags": flags, "duration": duration,
            "as": asn}


def datagram(rows, sequence):
    uptime = 100_000_000  # ms: older than any row
    out = struct.pack(">HHIIIIBBH", 5, len(rows), uptime, NOW, 0, sequence, 0, 0, 0)
    for r in rows:
        first = uptime - r["age"] * 1000
        out += struct.pack(">4s4s4sHHIIIIHHBBBBHHBBH", socket.inet_aton(r["src"]),
                           socket.inet_aton(r["dst"]), b"\0" * 4, 1, 2, r["packets"], r["octets"],
                           first, first + r["duration"] * 1000, r["sport"], r["dport"], 0,
                           r["flags"], r["proto"], 0, *r["as"], 0, 0, 0)
    return out


def send(rig, rows):
    """From within the collector's namespace; returns when all are stored."""
    batches = [rows[i:i + 30] for i in range(0, len(rows), 30)]
    data = b"".join(struct.pack(">H", len(d)) + d
                    for d in (datagram(b, i * 30) for i, b in enumerate(batches)))
    path = f"{rig.tmp}/datagrams"
    with open(path, "wb") as f:
        f.write(data)
    rig.collector_ns.run(sys.executable, "-c", f"""
import socket
data, s = open({path!r}, "rb").read(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while data:
    n = int.from_bytes(data[:2], "big")
    s.sendto(data[2:2 + n], ("127.0.0.1", {PORT}))
    data = data[2 + n:]
""")
    rig.wait_until(lambda: rig.metric("wiretally_collector_rows_total") == len(rows), "rows")


SOURCES = [row(f"10.0.0.{i}", "192.0.2.1", 40000 + i, 443, 10 * i, 1000 * i, asn=(65000, 65001))
           for i in range(1, 13)]
ANSWERS = [row("192.0.2.1", f"10.0.0.{i}", 443, 40000 + i, 5 * i, 100 * i, age=59)
           for i in range(1, 13)]
OLD = [row("10.0.0.1", "192.0.2.9", 1, 443, 1000, 10_000_000, age=7200)]
SCANS = [row("198.51.100.7", f"192.0.2.{i}", 5555, 23, 1, 40, flags=2, duration=0)
         for i in (1, 2)]
NOT_QUITE = [row("198.51.100.8", f"192.0.2.{i}", 5555, 23, 1, 40, flags=2, duration=0)
             for i in (1, 2, 3)]
NAMES = [row("10.0.0.1", "192.0.2.53", 5353, 53, 1, 70, proto=17, flags=0)]
ROWS = SOURCES + ANSWERS + OLD + SCANS + NOT_QUITE + NAMES


def collector(rig):
    rig.collector(None, None, None, "--exporters", f"127.0.0.1:{PORT}")
    send(rig, ROWS)


def sums(rows, key="src"):
    found = {}
    for r in rows:
        packets, octets, flows = found.get(r[key], (0, 0, 0))
        found[r[key]] = (packets + r["packets"], octets + r["octets"], flows + 1)
    return found


def seeds_questions(rig):
    collector(rig)
    last_hour = [r for r in ROWS if r["age"] < 3600]
    # Top 10 source addresses of the last hour.
    want = sorted(sums(last_hour).items(), key=lambda s: -s[1][1])[:10]
    rows = rig.cli_json("top", "-n", "10", "--last", "1h")["rows"]
    rig.equal([(r["src"], (r["packets"], r["octets"], r["flows"])) for r in rows], want, "top 10")
    # All connections to destination port 443.
    want = sorted((r["src"], r["dst"], r["packets"]) for r in last_hour if r["dport"] == 443)
    rows = rig.cli_json("flows", "dst port 443")["rows"]
    rig.equal(sorted((r["src"], r["dst"], r["packets"]) for r in rows), want, "to port 443")
    # Sources with fewer than 3 packets (scans).
    want = sorted(s for s, (packets, *_) in sums(ROWS).items() if packets < 3)
    rows = rig.cli_json("top", "--having", "packets < 3", "-n", "1000", "--last", "all")["rows"]
    rig.equal(sorted(r["src"] for r in rows), want, "few packets")
    rig.equal(want, ["198.51.100.7"], "and they are the scans")


def having(rig):
    collector(rig)
    for text, claim in (("flows >= 2", lambda p, o, f: f >= 2),
                        ("bytes > 5k and packets < 100", lambda p, o, f: o > 5000 and p < 100),
                        ("packets != 2", lambda p, o, f: p != 2),
                        ("flows=1", lambda p, o, f: f == 1)):
        rows = rig.cli_json("top", "--having", text, "-n", "1000", "--last", "all")["rows"]
        want = sorted(s for s, sum_ in sums(ROWS).items() if claim(*sum_))
        rig.equal(sorted(r["src"] for r in rows), want, text)
    for text, part in (("packet < 3", "flows, packets or bytes"), ("packets 3", "one of ="),
                       ("packets < x", "a number"), ("packets < 3 or flows > 1", "'and'")):
        code, _, err = rig.cli_run("top", "--having", text, check=False)
        rig.check(code != 0 and part in err, f"'{text}' says {part!r}: {code} {err}")


def both_directions(rig):
    collector(rig)
    reply = rig.cli_json("flows", "--bidir", "--last", "1h", "-n", "1000", "port 443")
    got = {(r["src"], r["src_port"], r["dst"], r["dst_port"]):
           (r["packets_out"], r["packets_in"], r["octets_out"], r["octets_in"], r["flows"])
           for r in reply["rows"]}
    want = {(s["src"], s["sport"], s["dst"], 443):
            (s["packets"], a["packets"], s["octets"], a["octets"], 2)
            for s, a in zip(SOURCES, ANSWERS)}
    rig.equal(got, want, "who began, and both ways")
    rig.equal(reply["matched"], len(want), "how many there are")
    rows = rig.cli_json("flows", "--bidir", "--order", "bytes", "-n", "2")["rows"]
    rig.equal([r["src"] for r in rows], ["10.0.0.12", "10.0.0.11"], "largest first")
    code, _, err = rig.cli_run("flows", "--bidir", "--wide", check=False)
    rig.check(code == 2 and "--bidir" in err, f"{code} {err}")


def formats(rig):
    collector(rig)
    one = "src ip 10.0.0.4 and dst port 443"
    got = rig.cli("flows", "--format", "%pr %sap->%dap %sp/%dp %pkt %byt %bps %pps %bpp %flg "
                  "%sas %das %peer %td 100%%", one)
    rig.equal(got, "tcp 10.0.0.4:40004->192.0.2.1:443 40004/443 40 4000 16000 20 100 SA "
              "65000 65001 2 2.000 100%\n", "a format of one's own")
    rig.equal(rig.cli("flows", "--format", "x"), "x\n" * 30, "text alone: a line a flow")
    for layout, title in (("line", "BYTES"), ("long", "EXPORTER"), ("extended", "BPP"),
                          ("wide", "PROCESS")):
        rig.check(title in rig.cli("flows", "--output", layout, one).splitlines()[0], layout)
    code, _, err = rig.cli_run("flows", "--format", "%ts %zz", check=False)
    rig.check(code == 2 and "no such tag" in err, f"{code} {err}")


def examples_of_the_manual(rig):
    """Each `word` of the tables in docs/filters.md, asked of what the table is about."""
    collector(rig)
    with open(os.path.join(ROOT, "docs/filters.md"), encoding="utf-8") as f:
        words = f.read().split("## Words")[1].split("\n## ")[0]
    tables = re.findall(r"(?:^\|.*\n)+", words, re.M)
    rig.check(len(tables) >= 2, "flows' table and connections'")
    asked = 0
    for table, path in zip(tables, ("/v1/flows", "/v1/connections")):
        for line in table.splitlines()[2:]:
            for text in re.findall(r"`([^`]+)`", line.split("|")[1]):
                text = (text.replace("A MASK", "10.0.0.0 255.0.0.0").replace("A/LEN", "10.0.0.0/8")
                        .replace("[A, B,", "[10.0.0.1, ::1,").replace(" A", " 10.0.0.1")
                        .replace(" NAME", " x").replace(" N", " 3"))
                url = f"{path}?last=all&filter={urllib.parse.quote(text)}"
                reply = rig.http(url, "-o", "/dev/null", "-w", "%{http_code}")
                rig.equal(reply, "200", f"'{text}' of {path}")
                asked += 1
    rig.check(asked > 50, f"examples: {asked}")


def duckdb_value(sql):
    """One number, asked of DuckDB's library itself."""
    lib = ctypes.CDLL(os.path.join(BUILD, "deps/duckdb/libduckdb.so"))
    db, connection = ctypes.c_void_p(), ctypes.c_void_p()
    result = (ctypes.c_uint64 * 8)()
    lib.duckdb_value_int64.restype = ctypes.c_int64
    assert lib.duckdb_open(None, ctypes.byref(db)) == 0
    assert lib.duckdb_connect(db, ctypes.byref(connection)) == 0
    assert lib.duckdb_query(connection, sql.encode(), result) == 0, sql
    value = lib.duckdb_value_int64(result, ctypes.c_uint64(0), ctypes.c_uint64(0))
    lib.duckdb_destroy_result(result)
    lib.duckdb_disconnect(ctypes.byref(connection))
    lib.duckdb_close(ctypes.byref(db))
    return value


def export(rig):
    collector(rig)
    rows = rig.cli_json("flows", "-n", "1000", "--last", "all", "tcp")["rows"]
    want = sorted((r["src"], r["src_port"], r["dst"], r["dst_port"], r["packets"], r["octets"])
                  for r in rows)
    lines = list(csv.DictReader(io.StringIO(rig.cli("export", "--last", "all", "tcp"))))
    rig.equal(sorted((r["src"], int(r["src_port"]), r["dst"], int(r["dst_port"]),
                      int(r["packets"]), int(r["octets"])) for r in lines), want, "CSV")
    rig.equal(lines, sorted(lines, key=lambda r: r["start"]), "oldest first")
    lines = [json.loads(x) for x in rig.cli("export", "--format", "json", "--last", "all",
                                            "tcp").splitlines()]
    rig.equal(sorted((r["src"], r["src_port"], r["dst"], r["dst_port"], r["packets"],
                      r["octets"]) for r in lines), want, "JSON")
    rig.equal({r["host"] for r in lines}, {"127.0.0.1"}, "who sent them")
    path = f"{rig.tmp}/x.parquet"
    rig.equal(rig.cli("export", "--format", "parquet", "-o", path, "--last", "all", "tcp"), "", "")
    rig.equal(duckdb_value(f"SELECT sum(octets)::BIGINT FROM '{path}'"), sum(w[5] for w in want),
              "Parquet's octets")
    rig.equal([f for f in os.listdir(rig.tmp) if f.endswith(".part")], [], "half files")
    rig.equal([f for f in os.listdir(f"{rig.tmp}/data/segments") if "scratch" in f], [], "scratch")
    code, out, err = rig.cli_run("export", "-o", path, "prot tcp", check=False)
    rig.check(code == 2 and "did you mean" in err and not out, f"a wrong filter: {code} {err}")
    rig.check(os.path.exists(path), "what was there stays")
    code, _, err = rig.cli_run("export", "-o", f"{rig.tmp}/no/such", check=False)
    rig.check(code == 1 and "No such file" in err, f"a wrong folder: {code} {err}")


TESTS = (export, seeds_questions, having, both_directions, formats, examples_of_the_manual)

if __name__ == "__main__":
    run_test(*[t for t in TESTS if t.__name__ in (sys.argv[1:] or [x.__name__ for x in TESTS])])
