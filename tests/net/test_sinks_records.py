#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""Rows one by one, as files (JSON lines, protobuf, rotated) and in Kafka (librdkafka's mock cluster,
with brokers that fail, read by kcat): as many as `wiretally top` counts, with the same sums."""
import collections
import ctypes
import glob
import json
import os
import subprocess
import sys

from ledger import settled
from rig import BUILD, ROOT, TOOLS, run_test
from test_sinks import sinks, sinks_now, traffic, watched


def with_traffic(rig, *urls, twice=lambda: None):
    rig.need("iperf3")
    a, b, c, start = watched(rig, *urls)
    start()
    agent = rig.agent(b, ["v1"], interval="200ms")
    traffic(rig, a, b)
    twice()
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")
    return sinks(rig)


def totals(rig):
    total = rig.cli_json("top", "--by", "proto", "--last", "all")["total"]
    return total["flows"], total["packets"], total["octets"]


def connections_stored(rig):
    rows = json.loads(rig.http("/v1/connections?last=all&limit=10000"))["rows"]
    return {r["id"] for r in rows}


def same_rows(rig, rows, sink):
    """Of JSON objects."""
    flows = [r for r in rows if r["type"] == "flow"]
    sums = len(flows), sum(r["packets"] for r in flows), sum(r["octets"] for r in flows)
    rig.equal(sums, totals(rig), "flows, packets, octets")
    rig.equal(len(rows), sink["delivered"], "rows delivered")
    rig.check(all(r["host"] == os.uname().nodename and r["agent"] == "test-agent" for r in rows),
              "who saw them")
    rig.equal({r["interface"] for r in flows}, {"v1"}, "interfaces by name")
    rig.check({"10.9.0.2", "fd09::2"} <= {r["src"] for r in flows}, "both families")
    connections = {r["id"] for r in rows if r["type"] == "connection" and r["proto"] == 6}
    rig.equal(connections, connections_stored(rig), "connections")
    rig.check(any(r.get("comm") == "iperf3" for r in rows), "and whose they are")


def folder(rig):
    """Where the collector may write, whoever it runs as."""
    path = f"{rig.tmp}/sink"
    os.makedirs(path)
    os.chmod(path, 0o777)
    return path


def file_json(rig):
    path = f"{folder(rig)}/flows.jsonl"
    (sink,) = with_traffic(rig, f"file:{path}")
    with open(path) as f:
        same_rows(rig, [json.loads(line) for line in f], sink)


def duckdb(sql):
    """The first row of an answer, as text: DuckDB's library is what we have to read Parquet."""
    lib = ctypes.CDLL(f"{BUILD}/deps/duckdb/libduckdb.so")
    lib.duckdb_value_varchar.restype = ctypes.c_char_p
    lib.duckdb_column_count.restype = ctypes.c_uint64
    lib.duckdb_result_error.restype = ctypes.c_char_p
    db, connection, result = ctypes.c_void_p(), ctypes.c_void_p(), (ctypes.c_uint64 * 16)()
    assert lib.duckdb_open(None, ctypes.byref(db)) == 0
    assert lib.duckdb_connect(db, ctypes.byref(connection)) == 0
    status = lib.duckdb_query(connection, sql.encode(), ctypes.byref(result))
    assert status == 0, lib.duckdb_result_error(ctypes.byref(result))
    return [lib.duckdb_value_varchar(ctypes.byref(result), ctypes.c_uint64(i), ctypes.c_uint64(0)).decode()
            for i in range(lib.duckdb_column_count(ctypes.byref(result)))]


def parquet(rig):
    """Through a kill of the collector; what it had not sent by then is named."""
    path = folder(rig)
    a, b, _, start = watched(rig, f"parquet:{path}/flows.parquet?interval=1s")
    collector = start()
    agent = rig.agent(b, ["v1"], interval="200ms")
    traffic(rig, a, b)
    rig.wait_until(lambda: glob.glob(f"{path}/flows-*.parquet"), "a file")
    collector.kill()
    collector = start()
    traffic(rig, a, b)
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")
    (sink,) = sinks(rig)
    want = totals(rig)
    rig.equal(collector.stop(), 0, "the collector's exit")
    got = duckdb(f"SELECT count(*), sum(packets), sum(octets), count(DISTINCT filename) FROM "
                 f"'{path}/flows-*.parquet'")
    rig.equal(int(got[0]) + sink["lost"]["not_sent"], want[0], f"flows, and those named: {sink}")
    if not sink["lost"]["not_sent"]:
        rig.equal(tuple(map(int, got[:3])), want, "flows, packets, octets")
    rig.check(int(got[3]) > 1, "several files")


def messages(data):
    """Length-delimited, as protobuf's own tools write them."""
    at, found = 0, []
    while at < len(data):
        n = shift = 0
        while True:
            byte = data[at]
            n |= (byte & 0x7f) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                break
        found.append(data[at:at + n])
        assert len(found[-1]) == n, "the last message is cut"
        at += n
    return found


def decode(message):
    """By protobuf's compiler, from the schema alone."""
    return subprocess.run(["protoc", "--decode", "wiretally.v1.Record", "-I", f"{ROOT}/proto",
                           "wiretally.proto"], input=message, stdout=subprocess.PIPE,
                          check=True).stdout.decode()


def file_protobuf_rotated(rig):
    """Small files, of which some are kept: what is there is whole, and none is too large."""
    path = f"{folder(rig)}/flows.pb"
    rig.need("iperf3", "protoc")
    a, b, c, start = watched(rig, f"file:{path}?format=protobuf&rotate=256K&keep=3")
    start()
    agent = rig.agent(b, ["v1"], interval="200ms")
    traffic(rig, a, b)
    for _ in range(3):
        rig.flood(a, "v0", b, "v1", packets=20_000, flows=10_000, lossy=True)
        settled(rig)
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")
    (sink,) = sinks(rig)
    files = sorted(glob.glob(f"{path}.*"))
    rig.equal(len(files), 3, f"files kept: {files}")
    read = [messages(open(name, "rb").read()) for name in [*files, path]]
    rig.check(all(os.path.getsize(name) >= 256 << 10 for name in files), "full ones are rotated")
    rig.check(len(read[-1]) < sink["delivered"], "the oldest are gone")
    text = next(t for t in map(decode, read[0]) if "flow {" in t)
    for want in ('agent: "test-agent"', 'interface_name: "v1"', "packets: "):
        rig.check(want in text, f"{want} in {text}")


class Mock:
    def __init__(self, rig, ns, brokers):
        self.process = ns.start("kafkamock", os.path.join(TOOLS, "kafkamock"), str(brokers),
                                stdin=subprocess.PIPE)
        self.rig, self.done = rig, 0
        rig.wait_until(lambda: "127.0.0.1:" in self.process.log(), "the mock cluster")
        self.servers = self.process.log().splitlines()[0]

    def tell(self, word, n):
        self.process.proc.stdin.write(f"{word} {n}\n".encode())
        self.process.proc.stdin.flush()
        self.done += 1
        self.rig.wait_until(lambda: self.process.log().count("done") == self.done, word)


def consume(ns, servers, *options):
    return ns.run("kcat", "-C", "-b", servers, "-t", "flows", "-e", "-q", "-o", "beginning",
                  *options)


def kafka(rig):
    """Brokers refuse, go away and come back: every row is there, a conversation in one partition."""
    rig.need("kcat")
    c = rig.netns("k")
    mock = Mock(rig, c, 3)
    rig.need("iperf3")
    a, b = rig.netns("a", ipv6=True), rig.netns("b", ipv6=True)
    rig.veth(a, "v0", b, "v1", ("10.9.0.1/24", "fd09::1/64"), ("10.9.0.2/24", "fd09::2/64"))
    rig.collector(c, None, None, "--sink", f"kafka://{mock.servers}/flows?format=json")
    agent = rig.agent(b, ["v1"], interval="200ms")
    traffic(rig, a, b)
    rig.wait_until(lambda: sinks_now(rig)[0]["delivered"] > 0, "the first rows")
    mock.tell("refuse", 20)
    traffic(rig, a, b)
    for n in (1, 2, 3):
        mock.tell("down", n)
    traffic(rig, a, b)
    settled(rig)
    rig.wait_until(lambda: sinks_now(rig)[0]["waiting"] > 0 and sinks_now(rig)[0]["error"],
                   "rows that wait, and why")
    for n in (1, 2, 3):
        mock.tell("up", n)
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")
    (sink,) = sinks(rig)
    rig.equal(sum(sink["lost"].values()), 0, f"rows lost: {sink}")
    lines = consume(c, mock.servers, "-f", "%p\\t%k\\t%s\\n").splitlines()
    parts = [line.split("\t", 2) for line in lines]
    same_rows(rig, [json.loads(p[2]) for p in parts], sink)
    places = collections.defaultdict(set)
    for partition, key, _ in parts:
        places[key].add(partition)
    rig.check(all(len(v) == 1 for v in places.values()), "a key has one partition")
    rig.check(len({p[0] for p in parts}) > 1, "and there are several")
    flows = [(p[1], json.loads(p[2])) for p in parts if '"type":"flow"' in p[2]]
    busiest = collections.Counter(k for k, r in flows if r["proto"] == 6).most_common(1)[0][0]
    rig.equal(len({r["src"] for k, r in flows if k == busiest}), 2, f"directions of {busiest}")


# A consumer that shares no code with the producer: values as lines, until there are as many.
KAFKAJS = """
// it has gzip alone of its own
const { Kafka, logLevel } = require(process.argv[1]);
const [servers, want] = [process.argv[2].split(","), Number(process.argv[3])];
const consumer = new Kafka({ brokers: servers, logLevel: logLevel.NOTHING }).consumer({ groupId: "t" });
let seen = 0;
consumer.on(consumer.events.CRASH, (e) => { console.log(e.payload.error); process.exit(1); });
(async () => {
  await consumer.connect();
  await consumer.subscribe({ topic: "flows", fromBeginning: true });
  await consumer.run({ eachMessage: async ({ partition, message }) => {
    console.log(`${partition}\\t${message.key}\\t${message.value}`);
    if (++seen === want) process.exit(0);
  } });
})();
"""


def kafka_by_another_client(rig):
    rig.need("node", "iperf3")
    module = os.path.join(BUILD, "deps/kafkajs/package")
    rig.check(os.path.exists(module), f"{module}: make deps fetches it")
    c = rig.netns("k")
    mock = Mock(rig, c, 3)
    a, b = rig.netns("a", ipv6=True), rig.netns("b", ipv6=True)
    rig.veth(a, "v0", b, "v1", ("10.9.0.1/24", "fd09::1/64"), ("10.9.0.2/24", "fd09::2/64"))
    rig.collector(c, None, None, "--sink", f"kafka://{mock.servers}/flows?format=json&compression=gzip")
    agent = rig.agent(b, ["v1"], interval="200ms")
    traffic(rig, a, b)
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")
    (sink,) = sinks(rig)
    p = c.start("kafkajs", "node", "-e", KAFKAJS, module, mock.servers, str(sink["delivered"]))
    rig.equal(p.wait(), 0, f"kafkajs: {p.log()}")
    same_rows(rig, [json.loads(line.split("\t", 2)[2]) for line in p.log().splitlines()], sink)


def kafka_protobuf(rig):
    rig.need("kcat", "protoc", "iperf3")
    c = rig.netns("k")
    mock = Mock(rig, c, 1)
    a, b = rig.netns("a", ipv6=True), rig.netns("b", ipv6=True)
    rig.veth(a, "v0", b, "v1", ("10.9.0.1/24", "fd09::1/64"), ("10.9.0.2/24", "fd09::2/64"))
    conf = f"{rig.tmp}/kafka.conf"
    with open(conf, "w") as f:
        f.write("# as librdkafka has them\nqueue.buffering.max.messages=1000\n")
    rig.collector(c, None, None, "--sink",
                  f"kafka://{mock.servers}/flows?compression=zstd&conf-file={conf}")
    agent = rig.agent(b, ["v1"], interval="200ms")
    traffic(rig, a, b)
    rig.flood(a, "v0", b, "v1", packets=10_000, flows=5_000, lossy=True)
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")
    (sink,) = sinks(rig)
    rig.check(sink["delivered"] > 1000, f"more than wait at once: {sink}")
    sizes = consume(c, mock.servers, "-f", "%S\\n").split()
    rig.equal(len(sizes), sink["delivered"], "messages")
    one = subprocess.run([*c.prefix, "kcat", "-C", "-b", mock.servers, "-t", "flows", "-e", "-q",
                          "-o", "beginning", "-c", "1", "-f", "%s"], stdout=subprocess.PIPE,
                         check=True).stdout
    rig.check('agent: "test-agent"' in decode(one), f"{one}")


TESTS = (file_json, file_protobuf_rotated, parquet, kafka, kafka_by_another_client, kafka_protobuf)

if __name__ == "__main__":
    run_test(*[t for t in TESTS if t.__name__ in (sys.argv[1:] or [x.__name__ for x in TESTS])])
