#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""What a row costs each sink, and IPFIX and v9 into nfcapd, limited to 600,000 rows a second, of which
500,000 come about: what it stored. JSON lines on stdout. Kafka is librdkafka's mock cluster, OTLP a receiver that only says 200."""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(HERE, "../build")))
RECEIVER = r"""
import socket, threading
def serve(c):
    data = b""
    while True:
        while b"\r\n\r\n" not in data:
            more = c.recv(1 << 20)
            if not more:
                return
            data += more
        head, _, data = data.partition(b"\r\n\r\n")
        left = int(next(l for l in head.split(b"\r\n") if l.lower().startswith(b"content-length"))
                   .split(b":")[1]) - len(data)
        while left > 0:
            left -= len(c.recv(1 << 20))
        data = b""
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
s = socket.create_server(("127.0.0.1", 4318))
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
"""


def start(argv, **kwargs):
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **kwargs)


def run(rows, *urls):
    out = subprocess.run([f"{BUILD}/bench/sinks", str(rows), *urls], stdout=subprocess.PIPE,
                         text=True, check=True).stdout
    sys.stdout.write(out)
    sys.stdout.flush()
    return [json.loads(line) for line in out.splitlines()]


def stored(folder):
    out = subprocess.run(["nfdump", "-R", folder, "-I"], stdout=subprocess.PIPE, text=True).stdout
    return int(re.search(r"^Flows: (\d+)", out, re.M).group(1))


def into_nfcapd(scheme, rows, folder, *options):
    os.makedirs(folder)
    # its buffer as the sink's own documentation asks for
    capd = start(["nfcapd", "-w", folder, "-p", "9995", "-b", "127.0.0.1", "-B", "8000000"],
                 stderr=subprocess.DEVNULL)
    while "9995" not in subprocess.run(["ss", "-Hlun"], stdout=subprocess.PIPE, text=True).stdout:
        pass
    (got,) = run(rows, f"{scheme}://127.0.0.1:9995?" + "&".join(options))
    while int(subprocess.run(["ss", "-Hlun", "sport = :9995"], stdout=subprocess.PIPE,
                             text=True).stdout.split()[1]):
        pass
    capd.send_signal(signal.SIGTERM)
    capd.wait()
    print(json.dumps({"bench": "sinks", "name": f"{scheme} into nfcapd", "options": options,
                      "rows_per_s": got["rows_per_s"], "sent": got["delivered"],
                      "stored": stored(folder)}), flush=True)


def main():
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        into_nfcapd("ipfix", 3_000_000, f"{folder}/a", "rate=600000")
        into_nfcapd("netflow9", 3_000_000, f"{folder}/b", "rate=600000")
        run(2_000_000, f"file:{folder}/x.jsonl?rotate=100G",
            f"file:{folder}/x.pb?format=protobuf&rotate=100G", f"parquet:{folder}/x.parquet")
        receiver = start([sys.executable, "-c", RECEIVER])
        receiver.stdout.readline()
        run(500_000, "otlp+http://127.0.0.1:4318?signals=logs")
        receiver.kill()
        mock = start([f"{BUILD}/tests/tools/kafkamock", "1"])
        run(1_000_000, f"kafka://{mock.stdout.readline().strip()}/flows")
        mock.kill()


if __name__ == "__main__":
    main()
